//! **Access**, a guard: who may call which method, by the option that the contract gives it.
//!
//! The layer stands in front of every service of an admin port and works on a request's head, before a byte of the message
//! is decoded: it takes the credentials out, looks the method up in the contracts' table, judges the caller, and hands on a
//! [`Caller`](crate::caller::Caller) with its reach. A method that is not in the table is refused to everyone; to a
//! stranger every path looks the same.

mod answer;
#[cfg(test)]
mod certificate_tests;
mod judge;
mod refusal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode, header};
use passgate_client::source::DecisionSource;
use tonic::body::Body;
use tower::{Layer, Service};

use self::judge::{Admitted, admit};
pub use self::refusal::Refusal;
use crate::audit::Occurrences;
use crate::caller::ServicePeer;
use crate::credentials::Accepted;
use crate::mark::Marks;
use crate::problem::to_status;

/// Says which service a presented service credential is of; `None` if it is none that is accepted.
pub type AcceptedServices = Arc<dyn Fn(&str) -> Option<ServicePeer> + Send + Sync>;

/// What the layer judges with.
#[derive(Clone)]
pub struct AccessParts {
    /// Decides on tokens.
    pub decisions: Arc<dyn DecisionSource>,
    /// Knows the service credentials.
    pub services: AcceptedServices,
    /// Reads change marks.
    pub marks: Marks,
    /// Whether reflection is open to anybody: on loopback only.
    pub open_reflection: bool,
}

impl fmt::Debug for AccessParts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AccessParts").field("open_reflection", &self.open_reflection).finish_non_exhaustive()
    }
}

/// Puts the guard in front of a server's services.
#[derive(Clone, Debug)]
pub struct AccessLayer {
    parts: Arc<AccessParts>,
    occurrences: Option<Occurrences>,
    certificates: Option<Arc<Accepted>>,
}

impl AccessLayer {
    /// A guard that judges with `parts`.
    #[must_use]
    pub fn new(parts: AccessParts) -> Self {
        Self { parts: Arc::new(parts), occurrences: None, certificates: None }
    }

    /// The same guard, which notes each genuine token that it refuses.
    #[must_use]
    pub fn noting(self, occurrences: Occurrences) -> Self {
        Self { occurrences: Some(occurrences), ..self }
    }

    /// The same guard, which also knows services by the certificates that their connections came with, as far as the file of
    /// accepted credentials has a line for them.
    #[must_use]
    pub fn knowing_certificates(self, accepted: Arc<Accepted>) -> Self {
        Self { certificates: Some(accepted), ..self }
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = Access<S>;

    fn layer(&self, inner: S) -> Access<S> {
        Access { inner, guard: self.clone() }
    }
}

/// The guard in front of `S`.
#[derive(Clone, Debug)]
pub struct Access<S> {
    inner: S,
    guard: AccessLayer,
}

impl<S, B> Service<Request<B>> for Access<S>
where
    S: Service<Request<B>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The clone is the one that is not ready yet; the one that was polled ready serves this request.
        let next = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, next);
        let guard = self.guard.clone();
        Box::pin(serve(inner, guard, request))
    }
}

async fn serve<S, B>(mut inner: S, guard: AccessLayer, request: Request<B>) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    let (mut head, body) = request.into_parts();
    match admit(&guard, &mut head).await {
        Err(refusal) => return Ok(to_status(&refusal).into_http()),
        Ok(Admitted::Plain) => {}
        Ok(Admitted::Caller(caller)) => {
            head.extensions.insert(*caller);
        }
    }
    if !is_grpc(&head.headers) {
        let mut refusal = to_status(&Refusal::NotGrpc).into_http();
        *refusal.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Ok(refusal);
    }
    let path = head.uri.path().to_owned();
    tracing::trace!(rpc.method = %path, "admitted a call of {path}");
    let answer =
        AssertUnwindSafe(async move { inner.call(Request::from_parts(head, body)).await }).catch_unwind().await;
    match answer {
        Ok(answer) => answer.map(answer::with_details),
        Err(_panic) => {
            tracing::error!(rpc.method = %path, "a handler panicked: {path}");
            Ok(to_status(&Refusal::Panicked).into_http())
        }
    }
}

fn is_grpc(headers: &http::HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let kind = value.split(';').next().unwrap_or_default().trim();
        kind == "application/grpc" || kind.starts_with("application/grpc+")
    })
}
