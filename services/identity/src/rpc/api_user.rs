//! `passgate.identity.v1.ApiUserService`.

use passgate_kit::caller::Caller;
use passgate_kit::client::{ApiUserId, Description, Labels, Name, Pattern, Patterns, Principal};
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::request::{BodyDigest, RequestId};
use passgate_kit::store::Committed;
use passgate_proto::identity::v1::api_user_service_server::ApiUserService;
use passgate_proto::identity::v1::{
    CreateApiUserRequest, CreateApiUserResponse, DeleteApiUserRequest, DeleteApiUserResponse, DisableApiUserRequest,
    DisableApiUserResponse, EnableApiUserRequest, EnableApiUserResponse, GetApiUserRequest, GetApiUserResponse,
    InitialToken as InitialTokenMessage, ListApiUsersRequest, ListApiUsersResponse, UpdateApiUserRequest,
    UpdateApiUserResponse,
};
use tonic::{Request, Response, Status};

use super::{Rooms, convert, parse};
use crate::acting::look;
use crate::creation::{Created, InitialToken, Wanted};
use crate::error::IdentityError;
use crate::principal::API_USER;
use crate::principal::api_user::{self, ApiUserEdit, NewApiUser};
use crate::store::{listing, query};
use passgate_kit::filter::Listing;
use passgate_kit::list::Page;

const CHANGEABLE: &[&str] = &["name", "description", "labels"];

#[tonic::async_trait]
impl ApiUserService for Rooms {
    async fn create_api_user(
        &self,
        request: Request<CreateApiUserRequest>,
    ) -> Result<Response<CreateApiUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = parse_new(request.get_ref())?;
        let created = self.creations.create(&caller, wanted).await?;
        let position = created.position;
        let answer = self.created(created).await?;
        self.answer(Committed { value: answer, position }, |answer| answer)
    }

    async fn get_api_user(&self, request: Request<GetApiUserRequest>) -> Result<Response<GetApiUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let id = parse::one("id", ApiUserId::parse(&request.get_ref().id))?;
        caller.target(Principal::ApiUser(id), || IdentityError::NotFound(id.resource_name()))?;
        let view = self.view(Principal::ApiUser(id)).await?;
        Ok(Response::new(GetApiUserResponse { api_user: Some(convert::api_user(view)) }))
    }

    async fn list_api_users(
        &self,
        request: Request<ListApiUsersRequest>,
    ) -> Result<Response<ListApiUsersResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let mut fields = Fields::default();
        let disabled = parse::state(&mut fields, wanted.state);
        let listing = Listing::parse(&mut fields, &listing::API_USERS, &wanted.filter, &wanted.order_by);
        let query = format!("{}\0{}\0{}\0{}", wanted.name, wanted.state, wanted.filter, wanted.order_by);
        let page = Page::parse(&mut fields, &self.pages, &caller, &query, wanted.page_size, &wanted.page_token);
        let name = (!wanted.name.is_empty()).then(|| fields.check("name", Name::parse(&wanted.name)));
        let (Some(page), Some(listing), true) = (page, listing, fields.is_empty()) else {
            return Err(fields.into_error().into());
        };
        let key = name.flatten().map(|name| name.folded().to_owned());
        let (found, next_page_token) = self.page(API_USER, key, disabled, listing, page).await?;
        let api_users = found.into_iter().map(convert::api_user).collect();
        Ok(Response::new(ListApiUsersResponse { api_users, next_page_token }))
    }

    async fn update_api_user(
        &self,
        request: Request<UpdateApiUserRequest>,
    ) -> Result<Response<UpdateApiUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let (id, edit, etag) = parse_edit(request.get_ref())?;
        let done = self
            .act(&caller, move |acting| Box::pin(async move { api_user::update(acting, id, edit, &etag).await }))
            .await?;
        self.answer(done, |view| UpdateApiUserResponse { api_user: Some(convert::api_user(view)) })
    }

    async fn disable_api_user(
        &self,
        request: Request<DisableApiUserRequest>,
    ) -> Result<Response<DisableApiUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let (id, within) = parse::confirmable("id", ApiUserId::parse(&wanted.id), wanted.confirm_within.as_ref())?;
        let done = self.disable(&caller, Principal::ApiUser(id)).await?;
        let told =
            |view, confirmation| DisableApiUserResponse { api_user: Some(convert::api_user(view)), confirmation };
        self.answer_confirmed(done, within, told).await
    }

    async fn enable_api_user(
        &self,
        request: Request<EnableApiUserRequest>,
    ) -> Result<Response<EnableApiUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let id = parse::one("id", ApiUserId::parse(&request.get_ref().id))?;
        let done = self.enable(&caller, Principal::ApiUser(id)).await?;
        self.answer(done, |view| EnableApiUserResponse { api_user: Some(convert::api_user(view)) })
    }

    async fn delete_api_user(
        &self,
        request: Request<DeleteApiUserRequest>,
    ) -> Result<Response<DeleteApiUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let (id, within) = parse::confirmable("id", ApiUserId::parse(&wanted.id), wanted.confirm_within.as_ref())?;
        let done = self.delete(&caller, Principal::ApiUser(id), wanted.etag, wanted.delete_live_tokens).await?;
        self.answer_confirmed(done, within, |(), confirmation| DeleteApiUserResponse { confirmation }).await
    }
}

impl Rooms {
    /// The answer to a creation: what the token may call is what both its owner holds and its scopes cover.
    async fn created(&self, created: Created) -> Result<CreateApiUserResponse, IdentityError> {
        let Created { api_user, token, .. } = created;
        let principal = api_user.row.principal.clone();
        let api_user = Some(convert::api_user(api_user));
        let Some(prepared) = token else {
            return Ok(CreateApiUserResponse { api_user, ..CreateApiUserResponse::default() });
        };
        let grants =
            look(&self.store, move |db| Box::pin(async move { Ok(query::holds(db, &principal).await?) })).await?;
        let scopes = prepared.token.as_ref().and_then(|token| token.scopes.as_ref());
        let effective = match scopes {
            None => grants,
            Some(scopes) => {
                let scopes: Patterns = scopes.patterns.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
                grants.meet(&scopes)
            }
        };
        Ok(CreateApiUserResponse {
            api_user,
            token: prepared.token,
            secret: prepared.secret,
            effective_patterns: effective.to_strings(),
            secret_no_longer_shown: prepared.secret_no_longer_shown,
        })
    }
}

fn parse_new(request: &CreateApiUserRequest) -> Result<Wanted, FieldViolations> {
    let mut fields = Fields::default();
    let name = fields.check("name", Name::parse(&request.name));
    let about = parse::about(&mut fields, "", &request.description, &request.labels);
    let bundle = parse::bundle(&mut fields, &request.grants, &request.groups);
    let token = request.token.as_ref().map(|token| parse_token(&mut fields, token));
    let request_id = fields.check("request_id", RequestId::parse(&request.request_id));
    match (name, about, bundle, request_id) {
        (Some(name), Some(about), Some(bundle), Some(request_id)) if fields.is_empty() => Ok(Wanted {
            api_user: NewApiUser { name, about, bundle },
            token: token.flatten(),
            request_id,
            body: BodyDigest::of(request),
        }),
        _ => Err(fields.into_error()),
    }
}

fn parse_token(fields: &mut Fields, token: &InitialTokenMessage) -> Option<InitialToken> {
    let name = fields.check("token.name", Name::parse(&token.name));
    let about = parse::about(fields, "token.", &token.description, &token.labels);
    let scopes = match &token.scopes {
        Some(list) if list.patterns.is_empty() => {
            fields.add("token.scopes", "must not be an empty list: leave it out, or name patterns");
            None
        }
        Some(list) => parse::patterns(fields, "token.scopes.patterns", &list.patterns),
        None => None,
    };
    if token.ttl.is_some_and(|ttl| ttl.seconds <= 0 || !(0..1_000_000_000).contains(&ttl.nanos)) {
        fields.add("token.ttl", "must be a second or more, with nanos from 0 to 999,999,999: leave it out for 90 days");
    }
    let about = about?;
    Some(InitialToken { name: name?, scopes, ttl: token.ttl, description: about.description, labels: about.labels })
}

fn parse_edit(request: &UpdateApiUserRequest) -> Result<(ApiUserId, ApiUserEdit, String), FieldViolations> {
    let mut fields = Fields::default();
    let mask = parse::mask(&mut fields, request.update_mask.as_ref(), CHANGEABLE);
    let Some(api_user) = &request.api_user else {
        fields.add("api_user", "must be given");
        return Err(fields.into_error());
    };
    let id = fields.check("api_user.id", ApiUserId::parse(&api_user.id));
    let mut edit = ApiUserEdit::default();
    for path in mask {
        match path {
            "name" => edit.name = fields.check("api_user.name", Name::parse(&api_user.name)),
            "description" => {
                edit.description = fields.check("api_user.description", Description::parse(&api_user.description));
            }
            _ => edit.labels = fields.check("api_user.labels", Labels::parse(&api_user.labels)),
        }
    }
    match id {
        Some(id) if fields.is_empty() => Ok((id, edit, api_user.etag.clone())),
        Some(_) | None => Err(fields.into_error()),
    }
}
