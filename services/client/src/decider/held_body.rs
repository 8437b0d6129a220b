//! A body that is held to a token: each frame that passes is a use (rule 9).
//!
//! Where it has to end, a gRPC response ends by trailers with the status, as long as it stands between two messages; a client
//! then has every message that was sent and learns why there are no more. Everything else ends by an error, never as if it
//! were complete.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::held::{Hold, Over};
use super::refusal::Refusal;

type BoxError = Box<dyn Error + Send + Sync>;

/// A body that passes on its inner one while its token is good.
#[derive(Debug)]
pub struct HeldBody<B> {
    inner: B,
    hold: Option<Hold>,
    messages: Option<Messages>,
    is_over: bool,
}

impl<B> HeldBody<B> {
    /// A body that is held to nothing.
    pub const fn free(inner: B) -> Self {
        Self { inner, hold: None, messages: None, is_over: false }
    }

    /// A request's body, or a response's that does not speak gRPC: it ends by an error.
    pub const fn new(inner: B, hold: Hold) -> Self {
        Self { inner, hold: Some(hold), messages: None, is_over: false }
    }

    /// The body of a gRPC response: it ends by trailers, where it can.
    pub const fn grpc_response(inner: B, hold: Hold) -> Self {
        Self { inner, hold: Some(hold), messages: Some(Messages::AT_START), is_over: false }
    }

    fn end(&mut self, over: &Over) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.is_over = true;
        let refusal = match over {
            Over::Denied(denied) => Refusal::from(denied.clone()),
            Over::Undecidable(cause) => Refusal::from(cause),
        };
        let status = refusal.to_status();
        tracing::info!("an open stream was ended: {over}");
        let between = self.messages.as_ref().is_some_and(Messages::are_complete);
        let mut trailers = HeaderMap::new();
        if between && status.add_header(&mut trailers).is_ok() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Poll::Ready(Some(Err(status.into())))
    }
}

impl<B> Body for HeldBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        if let Some(hold) = &mut this.hold
            && let Err(over) = ready!(hold.poll_piece(cx))
        {
            return this.end(&over);
        }
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            if let Some(hold) = &mut this.hold {
                hold.wait(cx);
            }
            return Poll::Pending;
        };
        if let (Some(Ok(frame)), Some(messages)) = (&frame, &mut this.messages)
            && let Some(data) = frame.data_ref()
        {
            messages.pass(data.clone());
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Where a gRPC stream is: each message has a prefix of a flag and four bytes of length. Nothing is kept but that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Messages {
    /// Bytes of the prefix that have passed.
    prefix: u8,
    length: u32,
    /// Bytes of the message that are still to come.
    left: u32,
}

const PREFIX: u8 = 5;

impl Messages {
    const AT_START: Self = Self { prefix: 0, length: 0, left: 0 };

    const fn are_complete(&self) -> bool {
        self.prefix == 0 && self.left == 0
    }

    fn pass(&mut self, mut data: Bytes) {
        while data.has_remaining() {
            if self.left > 0 {
                let part = data.remaining().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                data.advance(part);
                self.left -= u32::try_from(part).unwrap_or(self.left);
                continue;
            }
            // The first byte of five is the flag.
            let byte = u32::from(data.get_u8());
            self.length = if self.prefix == 0 { 0 } else { (self.length << 8) | byte };
            self.prefix += 1;
            if self.prefix == PREFIX {
                (self.prefix, self.left) = (0, self.length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_are_complete_exactly_between_them(lengths in prop::collection::vec(0..300_u32, 1..6), cut in 1..40_usize) {
            let (mut bytes, mut ends) = (Vec::new(), vec![0]);
            for length in lengths {
                bytes.push(0);
                bytes.extend(length.to_be_bytes());
                bytes.extend(std::iter::repeat_n(7, usize::try_from(length).expect("small")));
                ends.push(bytes.len());
            }

            let mut messages = Messages::AT_START;
            let mut passed = 0;
            for part in bytes.chunks(cut) {
                messages.pass(Bytes::copy_from_slice(part));
                passed += part.len();
                prop_assert_eq!(messages.are_complete(), ends.contains(&passed), "after {}", passed);
            }
        }
    }
}
