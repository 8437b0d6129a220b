//! `ApiService`.

use passgate_kit::caller::Caller;
use passgate_kit::client::ServiceName;
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::idempotency::Claim;
use passgate_kit::mark::Marks;
use passgate_kit::page::PageTokens;
use passgate_kit::request::{BodyDigest, RequestId};
use passgate_proto::gateway::v1 as pb;
use passgate_proto::gateway::v1::api_service_server::ApiService;
use tonic::{Request, Response, Status};

use super::api_fields::{CHANGEABLE, parse_change, parse_name};
use super::callers::{Found, PossibleCallers};
use super::convert::built_in;
use super::parse_page;
use crate::dial::DialRules;
use crate::error::RegistryError;
use crate::registry::built_in::{is_reserved, routes};
use crate::registry::{ApiChange, Apis, NewApi};
use passgate_kit::field_mask::Mask;

/// The RPCs of APIs.
pub struct ApiRpc {
    apis: Apis,
    callers: PossibleCallers,
    rules: DialRules,
    pages: PageTokens,
    marks: Marks,
}

impl ApiRpc {
    /// The RPCs of `apis`, whose upstreams keep `rules`.
    pub fn new(apis: Apis, callers: PossibleCallers, rules: DialRules, pages: PageTokens, marks: Marks) -> Self {
        Self { apis, callers, rules, pages, marks }
    }

    /// The dry run of a create: what would be made, and who could call any method of it.
    async fn dry_run(&self, caller: &Caller, new: NewApi) -> Result<pb::CreateApiResponse, Status> {
        let resource = format!("apis/{}/*", new.name);
        let api = pb::Api::from(&self.apis.check_create(caller, new).await?);
        let Found { callers, more } = self.callers.of(caller, &resource).await?;
        let api = pb::Api { etag: String::new(), create_time: None, update_time: None, ..api };
        Ok(pb::CreateApiResponse { api: Some(api), callers, more_callers: more })
    }
}

#[tonic::async_trait]
impl ApiService for ApiRpc {
    async fn create_api(
        &self,
        request: Request<pb::CreateApiRequest>,
    ) -> Result<Response<pb::CreateApiResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (new, claim) = parse_create(request.get_ref(), caller, &self.rules)?;
        refuse_reserved(&new.name)?;
        if request.get_ref().validate_only {
            return self.dry_run(caller, new).await.map(Response::new);
        }
        let made = self.apis.create(caller, new, claim).await?;
        let api = Some(pb::Api::from(&made.value));
        let answer = pb::CreateApiResponse { api, ..pb::CreateApiResponse::default() };
        Ok(self.marks.with_change(Response::new(answer), &made))
    }

    async fn get_api(&self, request: Request<pb::GetApiRequest>) -> Result<Response<pb::GetApiResponse>, Status> {
        let name = parse_only_name(&request.get_ref().name)?;
        let api = match routes().iter().find(|route| route.name == name) {
            Some(route) => built_in(route),
            None => pb::Api::from(&self.apis.get(name).await?),
        };
        Ok(Response::new(pb::GetApiResponse { api: Some(api) }))
    }

    async fn list_apis(&self, request: Request<pb::ListApisRequest>) -> Result<Response<pb::ListApisResponse>, Status> {
        let caller = Caller::of(&request)?;
        let page = parse_page(&self.pages, caller, request.get_ref().page_size, &request.get_ref().page_token)?;
        let registered = self.apis.list(page.after.clone().unwrap_or_default(), page.limit()).await?;
        let mut apis: Vec<pb::Api> = registered.iter().map(pb::Api::from).collect();
        apis.extend(
            routes()
                .iter()
                .filter(|route| route.name.as_str() > page.after.as_deref().unwrap_or_default())
                .map(built_in),
        );
        apis.sort_by(|one, other| one.name.cmp(&other.name));
        let next_page_token = page.cut(&self.pages, &mut apis, |api| api.name.clone());
        Ok(Response::new(pb::ListApisResponse { apis, next_page_token }))
    }

    async fn update_api(
        &self,
        request: Request<pb::UpdateApiRequest>,
    ) -> Result<Response<pb::UpdateApiResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (name, etag, change) = parse_update(request.get_ref(), &self.rules)?;
        refuse_reserved(&name)?;
        let changed = self.apis.update(caller, name, etag, change).await?;
        let api = Some(pb::Api::from(&changed.value));
        Ok(self.marks.with_change(Response::new(pb::UpdateApiResponse { api }), &changed))
    }

    async fn delete_api(
        &self,
        request: Request<pb::DeleteApiRequest>,
    ) -> Result<Response<pb::DeleteApiResponse>, Status> {
        let caller = Caller::of(&request)?;
        let name = parse_only_name(&request.get_ref().name)?;
        refuse_reserved(&name)?;
        let gone = self.apis.delete(caller, name, request.get_ref().etag.clone()).await?;
        Ok(self.marks.with_change(Response::new(pb::DeleteApiResponse {}), &gone))
    }
}

/// The packages of Passgate and of the protocols that it speaks are nobody's to register or change.
fn refuse_reserved(name: &ServiceName) -> Result<(), RegistryError> {
    if is_reserved(name) { Err(RegistryError::BuiltIn { resource: format!("apis/{name}") }) } else { Ok(()) }
}

fn parse_only_name(name: &str) -> Result<ServiceName, FieldViolations> {
    let mut fields = Fields::default();
    parse_name(&mut fields, "name", name).ok_or_else(|| fields.into_error())
}

fn parse_create(
    request: &pb::CreateApiRequest,
    caller: &Caller,
    rules: &DialRules,
) -> Result<(NewApi, Option<Claim>), RegistryError> {
    let mut fields = Fields::default();
    let request_id = fields.check("request_id", RequestId::parse(&request.request_id));
    let Some(api) = &request.api else {
        fields.add("api", "must be there");
        return Err(fields.into_error().into());
    };
    let name = parse_name(&mut fields, "api.name", &api.name);
    let change = parse_change(&mut fields, api, &Mask::all(CHANGEABLE), rules);
    match (name, change.upstream.clone(), request_id) {
        (Some(name), Some(upstream), Some(request_id)) if fields.is_empty() => {
            let body = BodyDigest::of(request);
            let claim = request_id.map(|request_id| Claim::of(caller, request_id, body, format!("apis/{name}")));
            Ok((NewApi { name, upstream, change, reuse_name: request.reuse_name }, claim))
        }
        _ => Err(fields.into_error().into()),
    }
}

fn parse_update(
    request: &pb::UpdateApiRequest,
    rules: &DialRules,
) -> Result<(ServiceName, String, ApiChange), FieldViolations> {
    let mut fields = Fields::default();
    let mask = fields.check("update_mask", Mask::parse(request.update_mask.as_ref(), CHANGEABLE));
    let Some(api) = &request.api else {
        fields.add("api", "must be there");
        return Err(fields.into_error());
    };
    let name = parse_name(&mut fields, "api.name", &api.name);
    let change = mask.map(|mask| parse_change(&mut fields, api, &mask, rules));
    match (name, change) {
        (Some(name), Some(change)) if fields.is_empty() => Ok((name, api.etag.clone(), change)),
        _ => Err(fields.into_error()),
    }
}
