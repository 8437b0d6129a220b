//! Sends requests to upstreams. What is sent is written anew by hyper, never copied; redirects are answers like others.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use http::header::{self, HeaderMap};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::client::legacy::{Builder, Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use passgate_kit::tls::Speaks;
use tokio::time::{Instant, sleep};

use super::body::{Body, UploadWatch};
use super::lanes::{Lanes, Place};
use super::refusal::Refusal;
use crate::dial::{Connector, DialError, ServiceConnector};

/// How long a connection to an upstream is kept for the next request.
const IDLE: Duration = Duration::from_secs(60);
/// How many of them are kept for each upstream.
const IDLE_CONNECTIONS: usize = 256;
/// How often a silent HTTP/2 upstream is asked whether it is there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How many bytes of an answer may wait for a slow caller.
const STREAM_WINDOW: u32 = 128 * 1024;
/// How many bytes may wait on a connection. h2 ends a connection, with all calls on it, on which too many *small* pieces wait:
/// in sum, each counted for what it lacks to 256 bytes, half of this. So it is many times the window of a stream: a caller that
/// reads slowly is no reason to break the calls of others.
const CONNECTION_WINDOW: u32 = 32 * 1024 * 1024;

/// Connections to upstreams.
#[derive(Debug)]
pub(super) struct Upstreams {
    http1: Client<Connector, Body>,
    http2: Lanes<Connector>,
    own: Lanes<ServiceConnector>,
}

impl Upstreams {
    /// Connections to registered upstreams by `connector`; those to Passgate's own services do not need its guard, since
    /// their addresses come from the configuration.
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            http1: builder().build(connector.clone().speaking(Speaks::Http1)),
            http2: Lanes::new(|| http2().build(connector.clone().speaking(Speaks::Http2))),
            own: Lanes::new(|| http2().build(connector.services())),
        }
    }

    /// To an endpoint. `timeout` runs while nothing moves: neither the caller's body nor the answer's head.
    pub(super) async fn to_endpoint(
        &self,
        request: Request<Body>,
        watch: UploadWatch,
        timeout: Duration,
        limit: Option<u64>,
    ) -> Result<Response<Incoming>, Refusal> {
        let answer = unless_stalled(self.http1.request(request), watch, timeout).await;
        match answer {
            // Nobody asked: an upgrade is never sent on.
            Ok((answer, _)) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
                Err(Refusal::UpstreamBroken("it switched to another protocol unasked".into()))
            }
            Ok((answer, _)) if is_framed_twice(answer.headers()) => {
                Err(Refusal::UpstreamBroken("it said the length of its answer in two ways".into()))
            }
            Ok((answer, _)) => Ok(answer),
            Err((Stalled::Failed(_), watch)) if watch.is_too_large() => {
                Err(Refusal::BodyTooLarge { limit: limit.unwrap_or_default() })
            }
            Err((Stalled::Failed(cause), _)) => Err(failed(cause)),
            Err((Stalled::TooSlow, _)) => Err(Refusal::UpstreamSlow(timeout)),
        }
    }

    /// To an API.
    pub(super) async fn to_api(
        &self,
        request: Request<Body>,
        deadline: Option<Instant>,
    ) -> Result<(Response<Incoming>, Place), Refusal> {
        call(&self.http2, request, deadline).await
    }

    /// To one of Passgate's own services.
    pub(super) async fn to_own(
        &self,
        request: Request<Body>,
        deadline: Option<Instant>,
    ) -> Result<(Response<Incoming>, Place), Refusal> {
        call(&self.own, request, deadline).await
    }
}

fn builder() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
    builder.pool_idle_timeout(IDLE).pool_max_idle_per_host(IDLE_CONNECTIONS);
    builder
}

fn http2() -> Builder {
    let mut builder = builder();
    builder.http2_only(true).http2_keep_alive_interval(KEEP_ALIVE).http2_keep_alive_timeout(KEEP_ALIVE);
    builder.http2_initial_stream_window_size(STREAM_WINDOW).http2_initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

enum Stalled {
    Failed(ClientError),
    TooSlow,
}

/// Waits for the answer, at most `timeout` after the last piece of the request went.
async fn unless_stalled(
    answer: impl Future<Output = Result<Response<Incoming>, ClientError>>,
    watch: UploadWatch,
    timeout: Duration,
) -> Result<(Response<Incoming>, UploadWatch), (Stalled, UploadWatch)> {
    let mut answer = std::pin::pin!(answer);
    let mut stall = std::pin::pin!(sleep(timeout));
    loop {
        tokio::select! {
            biased;
            result = &mut answer => return match result {
                Ok(response) => Ok((response, watch)),
                Err(cause) => Err((Stalled::Failed(cause), watch)),
            },
            // Losing this branch loses nothing: the next wait sees that something moved.
            () = watch.moved() => stall.as_mut().reset(Instant::now() + timeout),
            () = &mut stall => return Err((Stalled::TooSlow, watch)),
        }
    }
}

async fn call<C: Connect + Clone + Send + Sync + 'static>(
    lanes: &Lanes<C>,
    request: Request<Body>,
    deadline: Option<Instant>,
) -> Result<(Response<Incoming>, Place), Refusal> {
    let (client, place) = lanes.enter();
    let answer = client.request(request);
    let answer = match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, answer).await.map_err(|_| Refusal::DeadlineExceeded)?,
        None => answer.await,
    };
    answer.map(|answer| (answer, place)).map_err(failed)
}

/// Whether two readers could take the answer for one of two lengths (RFC 9112 §6.3), as far as hyper shows it.
fn is_framed_twice(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let first = lengths.next();
    let listed = first.is_some_and(|length| !length.as_bytes().iter().all(u8::is_ascii_digit));
    listed || lengths.next().is_some() || (first.is_some() && headers.contains_key(header::TRANSFER_ENCODING))
}

fn failed(cause: ClientError) -> Refusal {
    if is_forbidden(&cause) {
        Refusal::UpstreamForbidden(cause.into())
    } else if cause.is_connect() {
        Refusal::Unreachable(cause.into())
    } else {
        Refusal::UpstreamBroken(cause.into())
    }
}

fn is_forbidden(cause: &(dyn Error + 'static)) -> bool {
    match cause.downcast_ref::<DialError>() {
        Some(refusal) => refusal.is_refusal(),
        None => cause.source().is_some_and(is_forbidden),
    }
}
