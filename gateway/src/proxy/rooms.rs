//! The rooms that the registry furnishes: endpoints, and the methods of registered APIs.

use bytes::Bytes;
use http::{Method, Request, Response, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use passgate_kit::client::{Action, EndpointName, Resource};
use tokio::time::Instant;

use super::body::{Answering, Body, BoxError, Download, Upload};
use super::call::Call;
use super::judge::{Judge, Permit};
use super::refusal::{Refusal, Speech};
use super::target::Suffix;
use super::{Proxy, grpc, inbound, outbound, places};
use crate::registry::built_in::is_reserved;
use crate::registry::{ApiTarget, EndpointRoute};

impl Proxy {
    /// `/endpoints/{name}…`
    pub(super) async fn endpoint(
        &self,
        mut call: Call,
        name: EndpointName,
        suffix: Suffix<'_>,
        query: Option<&str>,
    ) -> Result<Response<Body>, Refusal> {
        let registry = self.registry.current().ok_or(Refusal::NotCurrent)?;
        let route = registry.endpoint(name.as_str()).filter(|route| route.enabled);
        let permit = match route.and_then(|route| Permit::of_public(route)) {
            Some(permit) => permit,
            None => {
                let method = &call.parts.method;
                let action = route.map_or_else(|| action_of(method), |route| route.action(method));
                self.permit(&mut call, Resource::Endpoint(name), action).await?
            }
        };
        let route = route.ok_or_else(|| call.nothing_there())?;
        check_endpoint_call(&call, route)?;
        self.forward_to_endpoint(call, permit, route, suffix, query).await
    }

    async fn forward_to_endpoint(
        &self,
        call: Call,
        permit: Permit,
        route: &EndpointRoute,
        suffix: Suffix<'_>,
        query: Option<&str>,
    ) -> Result<Response<Body>, Refusal> {
        let Call { mut parts, body, peer, speech, .. } = call;
        outbound::to_endpoint(&mut parts, &permit, route, suffix, query, peer).ok_or_else(unwritable)?;
        let (upload, watch) = Upload::bounded(body, route.max_request_bytes);
        let request = Request::from_parts(parts, upload.boxed_unsync());
        let answer = self.upstreams.to_endpoint(request, watch, route.timeout, route.max_request_bytes).await?;
        let mut answer = cleaned(answer, Answering { speech, deadline: None, is_built_in: false, place: None });
        places::rewrite(answer.headers_mut(), route);
        Ok(answer)
    }

    /// `/{package.Service}/{Method}`
    pub(super) async fn method(&self, mut call: Call, resource: Resource) -> Result<Response<Body>, Refusal> {
        let Resource::Method { service, method } = &resource else { return Err(call.nothing_there()) };
        if is_reserved(service) {
            return self.own_method(call, resource).await;
        }
        let registry = self.registry.current().ok_or(Refusal::NotCurrent)?;
        let route = registry.api(service.as_str());
        let action = route.map_or(Action::Write, |route| route.action(method));
        let permit = self.permit(&mut call, resource, action).await?;
        let Some(ApiTarget::Upstream(upstream)) = route.map(|route| &route.target) else {
            return Err(call.nothing_there());
        };
        let deadline = self.check_grpc_call(&mut call)?;
        let Call { mut parts, body, peer, speech, .. } = call;
        outbound::to_api(&mut parts, &permit, upstream, peer).ok_or_else(unwritable)?;
        let request = Request::from_parts(parts, Upload::until(body, deadline).boxed_unsync());
        let (answer, place) = self.upstreams.to_api(request, deadline).await?;
        let mut answer = cleaned(answer, Answering { speech, deadline, is_built_in: false, place: Some(place) });
        // Calls have no cookies, and the origin is shared with endpoints that do.
        answer.headers_mut().remove(header::SET_COOKIE);
        Ok(answer)
    }

    /// The permission for `action` on `resource`.
    pub(super) async fn permit(&self, call: &mut Call, resource: Resource, action: Action) -> Result<Permit, Refusal> {
        let credential = Judge::only_one(call.presented())?;
        self.judge.decide(credential, resource, action, call.at_least()).await
    }

    /// What is asked of a call of a method once it is permitted. Answers its deadline, which the upstream is told too.
    pub(super) fn check_grpc_call(&self, call: &mut Call) -> Result<Option<Instant>, Refusal> {
        // Over HTTP/1.1 there may be no trailers, and so no status.
        if call.speech != Speech::Grpc || call.parts.method != Method::POST || call.parts.version < Version::HTTP_2 {
            return Err(Refusal::NotGrpc);
        }
        let asked = grpc::asked_timeout(&call.parts.headers)?;
        let Some(timeout) = asked.into_iter().chain(self.longest_call).min() else { return Ok(None) };
        if let Some(value) = grpc::timeout_header(timeout) {
            call.parts.headers.insert(grpc::TIMEOUT, value);
        }
        Ok(call.arrived.checked_add(timeout))
    }
}

/// What is asked of a call of an endpoint once it is permitted.
fn check_endpoint_call(call: &Call, route: &EndpointRoute) -> Result<(), Refusal> {
    if !route.lets_through(&call.parts.method) {
        return Err(Refusal::MethodNotAllowed { method: call.parts.method.clone(), allowed: route.methods.clone() });
    }
    if call.speech == Speech::Grpc {
        return Err(Refusal::GrpcOnEndpoint);
    }
    match (route.max_request_bytes, call.body.size_hint().exact()) {
        (Some(limit), Some(bytes)) if bytes > limit => Err(Refusal::BodyTooLarge { limit }),
        _ => Ok(()),
    }
}

/// The action on an endpoint that does not exist: the one that it would be on most that do.
fn action_of(method: &Method) -> Action {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => Action::Read,
        _ => Action::Write,
    }
}

/// An upstream's answer as the caller gets it.
pub(super) fn cleaned<B>(answer: Response<B>, how: Answering) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Unpin + Send + 'static,
{
    let (speech, is_built_in) = (how.speech, how.is_built_in);
    let mut answer = answer.map(|body| Download::new(body, how).boxed_unsync());
    inbound::clean_head(answer.headers_mut(), speech, is_built_in);
    *answer.version_mut() = http::Version::default();
    answer
}

/// What is checked at registration cannot fail here; if it does, nothing is sent.
pub(super) fn unwritable() -> Refusal {
    Refusal::UpstreamBroken("the request for the upstream cannot be written".into())
}
