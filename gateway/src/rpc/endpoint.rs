//! `EndpointService`.

use passgate_kit::caller::Caller;
use passgate_kit::client::EndpointName;
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::idempotency::Claim;
use passgate_kit::mark::Marks;
use passgate_kit::page::PageTokens;
use passgate_kit::request::{BodyDigest, RequestId};
use passgate_proto::gateway::v1 as pb;
use passgate_proto::gateway::v1::endpoint_service_server::EndpointService;
use tonic::{Request, Response, Status};

use super::callers::{Found, PossibleCallers};
use super::endpoint_fields::{CHANGEABLE, parse_change, parse_name};
use super::parse_page;
use crate::dial::DialRules;
use crate::error::RegistryError;
use crate::registry::{EndpointChange, Endpoints, NewEndpoint};
use passgate_kit::field_mask::Mask;

/// The RPCs of endpoints.
pub struct EndpointRpc {
    endpoints: Endpoints,
    callers: PossibleCallers,
    rules: DialRules,
    pages: PageTokens,
    marks: Marks,
}

impl EndpointRpc {
    /// The RPCs of `endpoints`, whose upstreams keep `rules`.
    pub fn new(
        endpoints: Endpoints,
        callers: PossibleCallers,
        rules: DialRules,
        pages: PageTokens,
        marks: Marks,
    ) -> Self {
        Self { endpoints, callers, rules, pages, marks }
    }

    /// The dry run of a create: what would be made, and who could call it.
    async fn dry_run(&self, caller: &Caller, new: NewEndpoint) -> Result<pb::CreateEndpointResponse, Status> {
        let resource = format!("endpoints/{}", new.name);
        let endpoint = pb::Endpoint::from(&self.endpoints.check_create(caller, new).await?);
        let Found { callers, more } = self.callers.of(caller, &resource).await?;
        let endpoint = pb::Endpoint { etag: String::new(), create_time: None, update_time: None, ..endpoint };
        Ok(pb::CreateEndpointResponse { endpoint: Some(endpoint), callers, more_callers: more })
    }
}

#[tonic::async_trait]
impl EndpointService for EndpointRpc {
    async fn create_endpoint(
        &self,
        request: Request<pb::CreateEndpointRequest>,
    ) -> Result<Response<pb::CreateEndpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (new, claim) = parse_create(request.get_ref(), caller, &self.rules)?;
        if request.get_ref().validate_only {
            return self.dry_run(caller, new).await.map(Response::new);
        }
        let made = self.endpoints.create(caller, new, claim).await?;
        let endpoint = Some(pb::Endpoint::from(&made.value));
        let answer = pb::CreateEndpointResponse { endpoint, ..pb::CreateEndpointResponse::default() };
        Ok(self.marks.with_change(Response::new(answer), &made))
    }

    async fn get_endpoint(
        &self,
        request: Request<pb::GetEndpointRequest>,
    ) -> Result<Response<pb::GetEndpointResponse>, Status> {
        let name = parse_only_name(&request.get_ref().name)?;
        let endpoint = self.endpoints.get(name).await?;
        Ok(Response::new(pb::GetEndpointResponse { endpoint: Some(pb::Endpoint::from(&endpoint)) }))
    }

    async fn list_endpoints(
        &self,
        request: Request<pb::ListEndpointsRequest>,
    ) -> Result<Response<pb::ListEndpointsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let page = parse_page(&self.pages, caller, request.get_ref().page_size, &request.get_ref().page_token)?;
        let mut found = self.endpoints.list(page.after.clone().unwrap_or_default(), page.limit()).await?;
        let next_page_token = page.cut(&self.pages, &mut found, |endpoint| endpoint.route.name.to_string());
        let endpoints = found.iter().map(pb::Endpoint::from).collect();
        Ok(Response::new(pb::ListEndpointsResponse { endpoints, next_page_token }))
    }

    async fn update_endpoint(
        &self,
        request: Request<pb::UpdateEndpointRequest>,
    ) -> Result<Response<pb::UpdateEndpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (name, etag, change) = parse_update(request.get_ref(), &self.rules)?;
        let changed = self.endpoints.update(caller, name, etag, change).await?;
        let endpoint = Some(pb::Endpoint::from(&changed.value));
        Ok(self.marks.with_change(Response::new(pb::UpdateEndpointResponse { endpoint }), &changed))
    }

    async fn enable_endpoint(
        &self,
        request: Request<pb::EnableEndpointRequest>,
    ) -> Result<Response<pb::EnableEndpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        let name = parse_only_name(&request.get_ref().name)?;
        let changed = self.endpoints.set_enabled(caller, name, true).await?;
        let endpoint = Some(pb::Endpoint::from(&changed.value));
        Ok(self.marks.with_change(Response::new(pb::EnableEndpointResponse { endpoint }), &changed))
    }

    async fn disable_endpoint(
        &self,
        request: Request<pb::DisableEndpointRequest>,
    ) -> Result<Response<pb::DisableEndpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        let name = parse_only_name(&request.get_ref().name)?;
        let changed = self.endpoints.set_enabled(caller, name, false).await?;
        let endpoint = Some(pb::Endpoint::from(&changed.value));
        Ok(self.marks.with_change(Response::new(pb::DisableEndpointResponse { endpoint }), &changed))
    }

    async fn delete_endpoint(
        &self,
        request: Request<pb::DeleteEndpointRequest>,
    ) -> Result<Response<pb::DeleteEndpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        let name = parse_only_name(&request.get_ref().name)?;
        let gone = self.endpoints.delete(caller, name, request.get_ref().etag.clone()).await?;
        Ok(self.marks.with_change(Response::new(pb::DeleteEndpointResponse {}), &gone))
    }
}

fn parse_only_name(name: &str) -> Result<EndpointName, FieldViolations> {
    let mut fields = Fields::default();
    parse_name(&mut fields, "name", name).ok_or_else(|| fields.into_error())
}

fn parse_create(
    request: &pb::CreateEndpointRequest,
    caller: &Caller,
    rules: &DialRules,
) -> Result<(NewEndpoint, Option<Claim>), RegistryError> {
    let mut fields = Fields::default();
    let request_id = fields.check("request_id", RequestId::parse(&request.request_id));
    let Some(endpoint) = &request.endpoint else {
        fields.add("endpoint", "must be there");
        return Err(fields.into_error().into());
    };
    let name = parse_name(&mut fields, "endpoint.name", &endpoint.name);
    let change = parse_change(&mut fields, endpoint, &Mask::all(CHANGEABLE), rules);
    match (name, change.upstream.clone(), request_id) {
        (Some(name), Some(upstream), Some(request_id)) if fields.is_empty() => {
            let body = BodyDigest::of(request);
            let claim = request_id.map(|request_id| Claim::of(caller, request_id, body, format!("endpoints/{name}")));
            let (disabled, reuse_name) = (endpoint.disabled, request.reuse_name);
            Ok((NewEndpoint { name, upstream, change, disabled, reuse_name }, claim))
        }
        _ => Err(fields.into_error().into()),
    }
}

fn parse_update(
    request: &pb::UpdateEndpointRequest,
    rules: &DialRules,
) -> Result<(EndpointName, String, EndpointChange), FieldViolations> {
    let mut fields = Fields::default();
    let mask = fields.check("update_mask", Mask::parse(request.update_mask.as_ref(), CHANGEABLE));
    let Some(endpoint) = &request.endpoint else {
        fields.add("endpoint", "must be there");
        return Err(fields.into_error());
    };
    let name = parse_name(&mut fields, "endpoint.name", &endpoint.name);
    let change = mask.map(|mask| parse_change(&mut fields, endpoint, &mask, rules));
    match (name, change) {
        (Some(name), Some(change)) if fields.is_empty() => Ok((name, endpoint.etag.clone(), change)),
        _ => Err(fields.into_error()),
    }
}
