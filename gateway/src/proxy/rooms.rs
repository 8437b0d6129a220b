//! The rooms that the registry furnishes: endpoints, and the methods of registered APIs.

use std::sync::Arc;

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use passgate_kit::client::{Action, EndpointName, Resource};
use tokio::time::Instant;

use super::body::{Body, Download, Upload};
use super::call::Call;
use super::judge::Permit;
use super::refusal::{Refusal, Speech};
use super::target::Suffix;
use super::{Proxy, grpc, inbound, outbound};
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
        let route = route.ok_or(Refusal::NothingThere)?;
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
        let (upload, watch) = Upload::new(body, route.max_request_bytes);
        let request = Request::from_parts(parts, upload.boxed_unsync());
        let answer = self.upstreams.to_endpoint(request, watch, route.timeout, route.max_request_bytes).await?;
        Ok(cleaned(answer, speech, None, false))
    }

    /// `/{package.Service}/{Method}`
    pub(super) async fn method(&self, mut call: Call, resource: Resource) -> Result<Response<Body>, Refusal> {
        let Resource::Method { service, method } = &resource else { return Err(Refusal::NothingThere) };
        if is_reserved(service) {
            return self.own_method(call, resource).await;
        }
        let registry = self.registry.current().ok_or(Refusal::NotCurrent)?;
        let route = registry.api(service.as_str());
        let action = route.map_or(Action::Write, |route| route.action(method));
        let permit = self.permit(&mut call, resource, action).await?;
        let Some(ApiTarget::Upstream(upstream)) = route.map(|route| &route.target) else {
            return Err(Refusal::NothingThere);
        };
        let deadline = self.check_grpc_call(&mut call)?;
        let Call { mut parts, body, peer, speech, .. } = call;
        outbound::to_api(&mut parts, &permit, upstream, peer).ok_or_else(unwritable)?;
        let request = Request::from_parts(parts, Upload::new(body, None).0.boxed_unsync());
        Ok(cleaned(self.upstreams.to_api(request, deadline).await?, speech, deadline, false))
    }

    /// The permission for `action` on `resource`: from the keys at the edge first, from the token service then.
    pub(super) async fn permit(&self, call: &mut Call, resource: Resource, action: Action) -> Result<Permit, Refusal> {
        let credential = self.judge.at_the_edge(call.presented())?;
        self.judge.decide(Arc::new(credential), resource, action, call.at_least()).await
    }

    /// What is asked of a call of a method once it is permitted. Answers its deadline, which the upstream is told too.
    pub(super) fn check_grpc_call(&self, call: &mut Call) -> Result<Option<Instant>, Refusal> {
        if call.speech != Speech::Grpc || call.parts.method != Method::POST {
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
pub(super) fn cleaned(
    answer: Response<Incoming>,
    speech: Speech,
    deadline: Option<Instant>,
    is_built_in: bool,
) -> Response<Body> {
    let mut answer = answer.map(|body| Download::new(body, deadline, is_built_in).boxed_unsync());
    inbound::clean_head(answer.headers_mut(), speech, is_built_in);
    *answer.version_mut() = http::Version::default();
    answer
}

/// What is checked at registration cannot fail here; if it does, nothing is sent.
pub(super) fn unwritable() -> Refusal {
    Refusal::UpstreamBroken("the request for the upstream cannot be written".into())
}
