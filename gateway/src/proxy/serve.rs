//! Connections of callers: HTTP/1.1 and HTTP/2 on one port, with TLS or without, each under bounds, drained when told to
//! stop.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use passgate_kit::tls::{Room, ServerStream, ServerTls};
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

/// Among the extensions of a request whose caller speaks TLS.
#[derive(Clone, Copy, Debug)]
pub(super) struct CameByTls;

impl Proxy {
    /// Serves `listener` without TLS, as [`Proxy::serve_secured`].
    pub async fn serve(self: Arc<Self>, listener: TcpListener, limits: Limits, stop: CancellationToken) {
        self.serve_secured(listener, None, limits, stop).await;
    }

    /// Serves `listener` until `stop`, with TLS if `tls` says how, then finishes what is under way. How long that may take is
    /// the caller's to bound: dropping this ends it.
    pub async fn serve_secured(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Option<ServerTls>,
        limits: Limits,
        stop: CancellationToken,
    ) {
        let builder = Arc::new(builder(&limits));
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = accept(&listener, tls.as_ref()) => accepted,
                never = watch(tls.as_ref()) => match never {},
            };
            match accepted {
                Ok((stream, room)) => {
                    let (proxy, builder, stop) = (Arc::clone(&self), Arc::clone(&builder), stop.clone());
                    let shaking = shake(tls.clone(), room, stream);
                    connections.spawn(async move {
                        let shaken = tokio::select! {
                            shaken = shaking => shaken,
                            () = stop.cancelled() => None, // nothing was asked yet
                        };
                        if let Some((ends, stream)) = shaken {
                            serve_connection(proxy, builder, ends, stream, stop).await;
                        }
                    });
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

/// The next connection, once there is room for its handshake. Cancel safe.
async fn accept(listener: &TcpListener, tls: Option<&ServerTls>) -> io::Result<(TcpStream, Option<Room>)> {
    let room = match tls {
        Some(tls) => Some(tls.room().await),
        None => None,
    };
    listener.accept().await.map(|(stream, _)| (stream, room))
}

/// Looks at the certificate's files, without end.
async fn watch(tls: Option<&ServerTls>) -> Infallible {
    match tls {
        Some(tls) => tls.watch().await,
        None => std::future::pending().await,
    }
}

/// The connection as requests come by it; `None` if there is no TLS where there should be.
async fn shake(tls: Option<ServerTls>, room: Option<Room>, stream: TcpStream) -> Option<(Ends, ServerStream)> {
    let ends = Ends { peer: stream.peer_addr().ok()?, local: stream.local_addr().ok()? };
    let _ = stream.set_nodelay(true); // only a matter of speed
    let Some((tls, room)) = tls.zip(room) else { return Some((ends, ServerStream::Plain(stream))) };
    match tls.accept(room, stream).await {
        Ok(stream) => Some((ends, ServerStream::Tls(Box::new(stream)))),
        Err(cause) => {
            tracing::debug!(peer = %ends.peer, %cause, "no TLS with who connected: {cause}");
            None
        }
    }
}

async fn serve_connection(
    proxy: Arc<Proxy>,
    builder: Arc<auto::Builder<TokioExecutor>>,
    ends: Ends,
    stream: ServerStream,
    stop: CancellationToken,
) {
    let (peer, is_secure) = (ends.peer, matches!(stream, ServerStream::Tls(_)));
    let service = service_fn(move |mut request: Request<Incoming>| {
        if is_secure {
            request.extensions_mut().insert(CameByTls);
        }
        let proxy = Arc::clone(&proxy);
        async move { Ok::<_, Infallible>(proxy.handle(ends, request).await) }
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
