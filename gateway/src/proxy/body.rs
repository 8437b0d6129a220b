//! Bodies on their way through: streamed, never collected, their trailers cleaned.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use super::headers;
use super::inbound;

/// Any error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// Any body.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A caller's body: bounded, without trailers that say what a caller cannot say.
pub(super) struct Upload {
    inner: Incoming,
    left: Option<u64>,
    is_too_large: Arc<AtomicBool>,
    progress: watch::Sender<()>,
}

/// What can be seen of an [`Upload`] from outside.
pub(super) struct UploadWatch {
    is_too_large: Arc<AtomicBool>,
    progress: watch::Receiver<()>,
}

#[derive(Debug, thiserror::Error)]
#[error("the body is larger than the endpoint takes")]
struct TooLarge;

impl Upload {
    /// The body, ended with an error behind `limit` bytes.
    pub(super) fn new(inner: Incoming, limit: Option<u64>) -> (Self, UploadWatch) {
        let (sender, progress) = watch::channel(());
        let is_too_large = Arc::new(AtomicBool::new(false));
        let watch = UploadWatch { is_too_large: Arc::clone(&is_too_large), progress };
        (Self { inner, left: limit, is_too_large, progress: sender }, watch)
    }

    fn count(&mut self, bytes: usize) -> Result<(), TooLarge> {
        let Some(left) = self.left else { return Ok(()) };
        self.left = left.checked_sub(bytes as u64);
        if self.left.is_some() {
            return Ok(());
        }
        self.left = Some(0);
        self.is_too_large.store(true, Ordering::Release);
        Err(TooLarge)
    }
}

impl UploadWatch {
    /// Whether the bound was passed.
    pub(super) fn is_too_large(&self) -> bool {
        self.is_too_large.load(Ordering::Acquire)
    }

    /// Waits for the next piece to pass. Never ends once there is none to come.
    pub(super) async fn moved(&mut self) {
        if self.progress.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
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
        self.progress.send_replace(());
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
pub(super) struct Download {
    inner: Incoming,
    deadline: Option<Pin<Box<Sleep>>>,
    is_built_in: bool,
    is_over: bool,
}

impl Download {
    /// The body of an answer; with a deadline it ends as a gRPC call whose deadline passed.
    pub(super) fn new(inner: Incoming, deadline: Option<Instant>, is_built_in: bool) -> Self {
        let deadline = deadline.map(|at| Box::pin(tokio::time::sleep_until(at)));
        Self { inner, deadline, is_built_in, is_over: false }
    }

    fn is_past_deadline(&mut self, context: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(context).is_ready())
    }
}

impl http_body::Body for Download {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Pending if self.is_past_deadline(context) => {
                self.is_over = true;
                Poll::Ready(Some(Ok(Frame::trailers(inbound::deadline_trailers()))))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(cause))) => Poll::Ready(Some(Err(cause.into()))),
            Poll::Ready(Some(Ok(mut frame))) => {
                if let Some(trailers) = frame.trailers_mut() {
                    inbound::clean_trailers(trailers, self.is_built_in);
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
