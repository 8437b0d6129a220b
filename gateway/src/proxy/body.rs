//! Bodies on their way through: streamed, never collected, their trailers cleaned.
//!
//! Both directions of a gRPC call end with its deadline, and an answer that breaks off ends with a status that says so: never
//! with what could be taken for the end of a complete answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as _, Incoming};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

use super::headers;
use super::inbound;
use super::lanes::Place;
use super::refusal::{Refusal, Speech};

/// Any error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// Any body.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A caller's body: bounded, without trailers that say what a caller cannot say.
pub(super) struct Upload {
    inner: Incoming,
    left: Option<u64>,
    progress: Option<Arc<Progress>>,
    deadline: Deadline,
}

/// What can be seen of an [`Upload`] from outside.
pub(super) struct UploadWatch(Option<Arc<Progress>>);

#[derive(Debug, Default)]
struct Progress {
    is_too_large: AtomicBool,
    moved: Notify,
}

#[derive(Debug, thiserror::Error)]
#[error("the body is larger than the endpoint takes")]
struct TooLarge;

#[derive(Debug, thiserror::Error)]
#[error("the call's deadline passed")]
struct DeadlinePassed;

impl Upload {
    /// The body of a request to an endpoint, ended with an error behind `limit` bytes.
    pub(super) fn bounded(inner: Incoming, limit: Option<u64>) -> (Self, UploadWatch) {
        let progress = (!inner.is_end_stream()).then(Arc::<Progress>::default);
        let watch = UploadWatch(progress.clone());
        (Self { inner, left: limit, progress, deadline: Deadline::none() }, watch)
    }

    /// The body of a gRPC call, ended with an error at its deadline.
    pub(super) fn until(inner: Incoming, deadline: Option<Instant>) -> Self {
        Self { inner, left: None, progress: None, deadline: Deadline::at(deadline) }
    }

    fn count(&mut self, bytes: usize) -> Result<(), TooLarge> {
        let Some(left) = self.left else { return Ok(()) };
        self.left = left.checked_sub(bytes as u64);
        if self.left.is_some() {
            return Ok(());
        }
        self.left = Some(0);
        if let Some(progress) = &self.progress {
            progress.is_too_large.store(true, Ordering::Release);
        }
        Err(TooLarge)
    }
}

impl UploadWatch {
    /// Whether the bound was passed.
    pub(super) fn is_too_large(&self) -> bool {
        self.0.as_ref().is_some_and(|progress| progress.is_too_large.load(Ordering::Acquire))
    }

    /// Waits for the next piece to pass. Never ends if there is none to come.
    pub(super) async fn moved(&self) {
        match &self.0 {
            Some(progress) => progress.moved.notified().await,
            None => std::future::pending().await,
        }
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.deadline.has_passed(context) {
            return Poll::Ready(Some(Err(DeadlinePassed.into())));
        }
        let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(context)) else { return Poll::Ready(None) };
        let mut frame = match frame {
            Ok(frame) => frame,
            Err(cause) => return Poll::Ready(Some(Err(cause.into()))),
        };
        if let Some(data) = frame.data_ref()
            && let Err(cause) = self.count(data.remaining())
        {
            return Poll::Ready(Some(Err(cause.into())));
        }
        if let Some(trailers) = frame.trailers_mut() {
            headers::strip_trailers(trailers);
            headers::strip_misplaced_tokens(trailers);
        }
        if let Some(progress) = &self.progress {
            progress.moved.notify_one();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An upstream's body.
pub(super) struct Download<B> {
    inner: B,
    speech: Speech,
    deadline: Deadline,
    is_built_in: bool,
    is_over: bool,
    _place: Option<Place>,
}

/// How an answer is handed on.
pub(super) struct Answering {
    /// How the caller speaks.
    pub(super) speech: Speech,
    /// When a gRPC call ends, complete or not.
    pub(super) deadline: Option<Instant>,
    /// Whether one of Passgate's own services answers.
    pub(super) is_built_in: bool,
    /// The call's place on its lane, given back when the answer is over.
    pub(super) place: Option<Place>,
}

impl<B> Download<B> {
    /// The body of an answer.
    pub(super) fn new(inner: B, how: Answering) -> Self {
        let Answering { speech, deadline, is_built_in, place } = how;
        Self { inner, speech, deadline: Deadline::at(deadline), is_built_in, is_over: false, _place: place }
    }

    /// Ends a gRPC call with the status of `refusal`.
    fn end_with(&mut self, refusal: &Refusal) -> Frame<Bytes> {
        self.is_over = true;
        Frame::trailers(refusal.trailers())
    }
}

impl<B> http_body::Body for Download<B>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        // First: an upstream that always has something to say is no exception.
        if self.deadline.has_passed(context) {
            return Poll::Ready(Some(Ok(self.end_with(&Refusal::DeadlineExceeded))));
        }
        Poll::Ready(match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            None => None,
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    inbound::clean_trailers(trailers, self.is_built_in);
                }
                Some(Ok(frame))
            }
            Some(Err(cause)) => match self.speech {
                Speech::Grpc => Some(Ok(self.end_with(&Refusal::UpstreamBroken(cause.into())))),
                // The connection or stream is broken off too, so that nobody takes the part for the whole.
                Speech::Http => Some(Err(cause.into())),
            },
        })
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// When something ends, if ever.
struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    const fn none() -> Self {
        Self(None)
    }

    fn at(instant: Option<Instant>) -> Self {
        Self(instant.map(|at| Box::pin(tokio::time::sleep_until(at))))
    }

    /// Whether it is over; if not, whoever polls is woken when it is.
    fn has_passed(&mut self, context: &mut Context<'_>) -> bool {
        self.0.as_mut().is_some_and(|deadline| deadline.as_mut().poll(context).is_ready())
    }
}
