//! Where connections arrive.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use passgate_client::world::{Incoming, Wire};

use super::wire::End;
use super::{HostId, Net};

/// An address that somebody listens on.
#[derive(Debug)]
pub struct Door {
    /// Whose it is.
    pub host: HostId,
    /// Who has not been taken yet.
    pub waiting: VecDeque<End>,
    /// Who takes them.
    pub waker: Option<Waker>,
}

/// The one who listens. The door closes with it.
#[derive(Debug)]
pub struct Listener {
    net: Net,
    address: SocketAddr,
}

impl Listener {
    pub(super) fn new(net: Net, address: SocketAddr) -> Self {
        Self { net, address }
    }
}

impl Incoming for Listener {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Box<dyn Wire>>> {
        let mut inner = self.net.0.lock();
        let Some(door) = inner.doors.get_mut(&self.address) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match door.waiting.pop_front() {
            Some(end) => Poll::Ready(Ok(Box::new(end))),
            None => {
                door.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let closed = self.net.0.lock().doors.remove(&self.address);
        drop(closed); // with those who were not taken: outside of the lock, as they come back here
    }
}
