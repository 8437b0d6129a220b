//! Connections of callers: HTTP/1.1 and HTTP/2 without TLS on one port, each under bounds, drained when told to stop.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Ends, Proxy};

/// How long accepting pauses after an error, such as no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The bounds of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest that the head of an HTTP/1.1 request may take, from the connection or the last answer on.
    pub head_time: Duration,
    /// The most fields in a head.
    pub head_fields: usize,
    /// The most bytes in a head: at least 8 KiB.
    pub head_bytes: usize,
    /// The most HTTP/2 streams at once on a connection.
    pub streams: u32,
    /// How often a silent HTTP/2 connection is asked whether it is there, and how long it may take to say so.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_time: Duration::from_secs(30),
            head_fields: 100,
            head_bytes: 64 * 1024,
            streams: 256,
            keep_alive: Duration::from_secs(20),
        }
    }
}

impl Proxy {
    /// Serves `listener` until `stop`, then finishes what is under way. How long that may take is the caller's to bound: dropping this ends it.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, limits: Limits, stop: CancellationToken) {
        let builder = Arc::new(builder(&limits));
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let connection = serve_connection(Arc::clone(&self), Arc::clone(&builder), stream, stop.clone());
                    connections.spawn(connection);
                }
                Err(cause) => {
                    tracing::warn!(%cause, "a connection was not accepted: {cause}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

async fn serve_connection(
    proxy: Arc<Proxy>,
    builder: Arc<auto::Builder<TokioExecutor>>,
    stream: TcpStream,
    stop: CancellationToken,
) {
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
    let _ = stream.set_nodelay(true); // only a matter of speed
    let ends = Ends { peer, local };
    let service = service_fn(move |request: Request<Incoming>| {
        let proxy = Arc::clone(&proxy);
        async move { Ok::<_, std::convert::Infallible>(proxy.handle(ends, request).await) }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = ended {
        tracing::debug!(%peer, %cause, "connection ended: {cause}");
    }
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(limits.head_fields)
        .max_buf_size(limits.head_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(limits.keep_alive)
        .keep_alive_timeout(limits.keep_alive);
    builder
}
