//! Connections of a simulated world, as tonic takes them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::poll_fn;
use http::Uri;
use hyper_util::rt::TokioIo;
use passgate_client::world::{Incoming, Wire, World};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint};

/// The connections that `incoming` takes, until it is gone.
pub(super) fn connections(mut incoming: Box<dyn Incoming>) -> impl Stream<Item = io::Result<Connection>> {
    poll_fn(move |cx| incoming.poll_accept(cx).map(|accepted| Some(accepted.map(Connection))))
}

/// A channel that connects through `world`.
pub(super) fn channel(endpoint: &Endpoint, world: Arc<dyn World>) -> Channel {
    endpoint.connect_with_connector_lazy(tower::service_fn(move |to: Uri| {
        let connecting = world.connect(&to);
        async move { connecting.await.map(|wire| TokioIo::new(Connection(wire))) }
    }))
}

/// One connection.
pub(super) struct Connection(Box<dyn Wire>);

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
