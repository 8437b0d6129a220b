//! One end of a connection, as a process holds it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Net;
use super::pipe::Segment;

/// One end: reads from one pipe, writes to its twin.
pub struct End {
    net: Net,
    read: u64,
    write: u64,
    shut: bool,
}

impl End {
    pub(super) fn new(net: Net, read: u64, write: u64) -> Self {
        Self { net, read, write, shut: false }
    }
}

impl fmt::Debug for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "End({})", self.write)
    }
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.net.0.lock();
        let Some(pipe) = inner.pipes.get_mut(&self.read) else { return Poll::Ready(Ok(())) };
        if pipe.is_reset() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let Some((bytes, writer)) = pipe.take(buf.remaining(), cx.waker()) else { return Poll::Pending };
        drop(inner);
        buf.put_slice(&bytes);
        if let Some(writer) = writer {
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.net.0.lock();
        // A reset comes on the way in, and ends the way out.
        if self.shut || inner.pipes.get(&self.read).is_none_or(super::Pipe::is_reset) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let Some(pipe) = inner.pipes.get_mut(&self.write) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let (from, to, last) = (pipe.from, pipe.to, pipe.last_due());
        let bytes: Vec<u8> = buf.iter().copied().take(pipe.room()).collect();
        if bytes.is_empty() {
            pipe.wait_for_room(cx.waker());
            return Poll::Pending;
        }
        let due = inner.arrival(from, to, last);
        let written = bytes.len();
        if let Some(pipe) = inner.pipes.get_mut(&self.write) {
            pipe.push(due, Segment::Bytes(bytes));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close_writing();
        Poll::Ready(Ok(()))
    }
}

impl End {
    fn close_writing(&mut self) {
        if std::mem::replace(&mut self.shut, true) {
            return;
        }
        let mut inner = self.net.0.lock();
        if let Some((from, to, last)) = inner.pipes.get(&self.write).map(|pipe| (pipe.from, pipe.to, pipe.last_due())) {
            let due = inner.arrival(from, to, last);
            if let Some(pipe) = inner.pipes.get_mut(&self.write) {
                pipe.leave_writing(due);
            }
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.close_writing();
        if let Some(pipe) = self.net.0.lock().pipes.get_mut(&self.read) {
            pipe.leave_reading();
        }
    }
}
