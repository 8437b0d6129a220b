//! The network and the database's threads, passed in like time and randomness: a simulation has a world of its own, in
//! which many processes live in one thread and every delay is decided by a seed. In production there is none, and the
//! operating system's are used.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use tokio::io::{AsyncRead, AsyncWrite};

/// A future that is on its own.
pub type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A connection's two directions.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A place where connections arrive.
pub trait Incoming: Send + Debug {
    /// The next connection; an error if the listener is gone for good. Cancel safe.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Box<dyn Wire>>>;
}

/// What lies around one simulated process.
pub trait World: Send + Sync + Debug {
    /// Listens on `address`.
    ///
    /// # Errors
    /// As an operating system would have them: the address is in use, or not this machine's.
    fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn Incoming>>;

    /// Connects to the host and port of `to`.
    fn connect(&self, to: &Uri) -> Task<io::Result<Box<dyn Wire>>>;

    /// Runs `work`, which uses threads and time of its own, to its end; it takes as long as this world says.
    fn outside(&self, work: Task<()>) -> Task<()>;
}
