//! [`AuthorizeLayer`]: puts the decider in front of any tonic or axum service.
//!
//! A request passes if its bearer token may do what the request is for. The token is taken out of it, and the
//! [`Allowed`](crate::decision::Allowed) is put into its extensions, where handlers find who calls. The bodies of both
//! directions are held to the token, so a stream ends when its token stops being good.
//!
//! See `examples/orders.rs` for a whole service.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, Response, request};
use http_body::Body;
use http_body_util::{Either, Full};
use tower::{Layer, Service};

use super::held::Hold;
use super::held_body::HeldBody;
use super::refusal::Refusal;
use super::source::CachedDecisions;
use crate::action::Action;
use crate::credential::Credential;
use crate::decision::Question;
use crate::headers::AT_LEAST_HEADER;
use crate::resource::Resource;

/// What a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// A token that may do this on that.
    Token(Resource, Action),
    /// Nothing: it passes as it is, with its credential.
    Public,
    /// There is nothing that it could be for. Refused like a request without a token, unless it has one.
    Nothing,
}

/// Says what a request needs. Any function of the request's head is one, by [`ByRequest`].
pub trait Needs: Clone + Send + Sync + 'static {
    /// What `head` needs.
    fn access(&self, head: &request::Parts) -> Access;
}

/// What a gRPC path needs: the method that it names, to write, unless it is among those that only read.
#[derive(Clone, Debug, Default)]
pub struct ByGrpcPath {
    reading: Arc<[&'static str]>,
    public: Arc<[&'static str]>,
}

/// What a function says that a request needs.
#[derive(Clone, Debug)]
pub struct ByRequest<F>(F);

impl Needs for ByGrpcPath {
    fn access(&self, head: &request::Parts) -> Access {
        let path = head.uri.path();
        if self.public.iter().any(|service| path.strip_prefix('/').is_some_and(|path| is_of(path, service))) {
            return Access::Public;
        }
        let action = if self.reading.contains(&path) { Action::Read } else { Action::Write };
        Resource::parse_grpc_path(path).map_or(Access::Nothing, |method| Access::Token(method, action))
    }
}

/// Whether `path` is a method of `service`.
fn is_of(path: &str, service: &str) -> bool {
    path.strip_prefix(service).is_some_and(|method| method.starts_with('/'))
}

impl<F: Fn(&request::Parts) -> Access + Clone + Send + Sync + 'static> Needs for ByRequest<F> {
    fn access(&self, head: &request::Parts) -> Access {
        (self.0)(head)
    }
}

/// Lets through what may pass.
#[derive(Clone, Debug)]
pub struct AuthorizeLayer<N = ByGrpcPath> {
    decisions: CachedDecisions,
    needs: N,
    ends_streams: bool,
}

impl AuthorizeLayer {
    /// For a gRPC server: a call of `/{package.Service}/{Method}` needs `apis/{package.Service}/{Method}`, to write.
    #[must_use]
    pub fn grpc(decisions: CachedDecisions) -> Self {
        Self { decisions, needs: ByGrpcPath::default(), ends_streams: true }
    }

    /// The paths (`/{package.Service}/{Method}`) of the methods that only read.
    #[must_use]
    pub fn with_reading(mut self, paths: &[&'static str]) -> Self {
        self.needs.reading = paths.into();
        self
    }

    /// The full names of services that anybody may call, such as `grpc.health.v1.Health`.
    #[must_use]
    pub fn with_public(mut self, services: &[&'static str]) -> Self {
        self.needs.public = services.into();
        self
    }
}

impl<F: Fn(&request::Parts) -> Access + Clone + Send + Sync + 'static> AuthorizeLayer<ByRequest<F>> {
    /// For any server: `needs` says what a request needs, by its head.
    #[must_use]
    pub fn by_request(decisions: CachedDecisions, needs: F) -> Self {
        Self { decisions, needs: ByRequest(needs), ends_streams: true }
    }
}

impl<N> AuthorizeLayer<N> {
    /// Lets a stream that has begun run to its end, whatever becomes of its token.
    #[must_use]
    pub fn leaving_streams_open(self) -> Self {
        Self { ends_streams: false, ..self }
    }
}

impl<S, N: Clone> Layer<S> for AuthorizeLayer<N> {
    type Service = AuthorizeService<S, N>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthorizeService { inner, layer: self.clone() }
    }
}

/// A service behind an [`AuthorizeLayer`].
#[derive(Clone, Debug)]
pub struct AuthorizeService<S, N = ByGrpcPath> {
    inner: S,
    layer: AuthorizeLayer<N>,
}

/// The body of what comes back: the service's own, held to the token, or a refusal.
type Answer<B> = Either<HeldBody<B>, Full<Bytes>>;

impl<S, N, RequestBody, ResponseBody> Service<Request<RequestBody>> for AuthorizeService<S, N>
where
    S: Service<Request<HeldBody<RequestBody>>, Response = Response<ResponseBody>> + Clone + Send + 'static,
    S::Future: Send,
    N: Needs,
    RequestBody: Send + 'static,
    ResponseBody: Body<Data = Bytes>,
{
    type Response = Response<Answer<ResponseBody>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        // The one that is ready is taken along; the clone gets ready in its stead.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            let is_grpc = is_grpc(&head.headers);
            let hold = match layer.admit(&mut head).await {
                Ok(hold) => hold.filter(|_| layer.ends_streams),
                Err(refusal) => {
                    let refused = if is_grpc { refusal.to_grpc() } else { refusal.to_http() };
                    return Ok(refused.map(Either::Right));
                }
            };
            let twin = hold.as_ref().map(Hold::twin);
            let body = hold_to(body, twin, HeldBody::new);
            let response = inner.call(Request::from_parts(head, body)).await?;
            let held = if is_grpc { HeldBody::grpc_response } else { HeldBody::new };
            Ok(response.map(|body| Either::Left(hold_to(body, hold, held))))
        })
    }
}

fn hold_to<B>(body: B, hold: Option<Hold>, held: impl FnOnce(B, Hold) -> HeldBody<B>) -> HeldBody<B> {
    match hold {
        Some(hold) => held(body, hold),
        None => HeldBody::free(body),
    }
}

impl<N: Needs> AuthorizeLayer<N> {
    /// Takes the credential out of a request and asks. `None` if the request needs none.
    async fn admit(&self, head: &mut request::Parts) -> Result<Option<Hold>, Refusal> {
        let (resource, action) = match self.needs.access(head) {
            Access::Public => return Ok(None),
            Access::Token(resource, action) => (Some(resource), action),
            Access::Nothing => (None, Action::Read),
        };
        let credential = Credential::take(&mut head.headers).map_err(|_| Refusal::malformed())?;
        let token = Arc::new(credential.ok_or_else(Refusal::missing)?);
        let resource = resource.ok_or_else(Refusal::nothing_there)?;
        let at_least = mark(&head.headers).map_err(|()| Refusal::malformed())?;
        let question = Question { token, resource, action, at_least };
        let answer = self.decisions.answer(&question, None).await.map_err(|undecidable| {
            tracing::warn!("undecidable: {undecidable}");
            Refusal::from(&undecidable)
        })?;
        head.extensions.insert(answer.permit()?);
        Ok(Some(self.decisions.hold(question, answer, None)))
    }
}

/// The change mark of a request; an error if there are two, or one that is no text.
fn mark(headers: &HeaderMap) -> Result<Option<String>, ()> {
    let mut values = headers.get_all(AT_LEAST_HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(mark), None) => mark.to_str().map(|mark| Some(mark.to_owned())).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    content_type.and_then(|it| it.strip_prefix(b"application/grpc")).is_some_and(|rest| {
        // `application/grpc-web` is another protocol.
        rest.first().is_none_or(|next| matches!(next, b'+' | b';'))
    })
}
