//! `passgate.identity.v1.UserService`.

use passgate_kit::caller::Caller;
use passgate_kit::client::{Principal, SecretString, UserId};
use passgate_kit::fields::Fields;
use passgate_kit::filter::Listing;
use passgate_kit::idempotency::Claim;
use passgate_kit::list::Page;
use passgate_kit::request::BodyDigest;
use passgate_proto::identity::v1::user_service_server::UserService;
use passgate_proto::identity::v1::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse, DisableUserRequest,
    DisableUserResponse, EnableUserRequest, EnableUserResponse, GetSelfRequest, GetSelfResponse, GetUserRequest,
    GetUserResponse, ListUsersRequest, ListUsersResponse, SetPasswordRequest, SetPasswordResponse, UpdateUserRequest,
    UpdateUserResponse,
};
use tonic::{Request, Response, Status};

use super::password::Wanted;
use super::user_fields::{ParsedUser, parse_edit};
use super::{Rooms, convert, parse};
use crate::acting::look;
use crate::email::Email;
use crate::error::IdentityError;
use crate::password::Password;
use crate::principal::USER;
use crate::principal::user::{self, NewUser};
use crate::sign_in::one_time_password;
use crate::store::{listing, query};

#[tonic::async_trait]
impl UserService for Rooms {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let body = BodyDigest::of(&wanted);
        let (new, request_id) = ParsedUser::parse(&wanted)?;
        let made = new.password.is_none().then(|| one_time_password(self.ambient()));
        let password = match (new.password, &made) {
            (Some(password), _) => password.into_password(),
            (None, Some(made)) => Password::parse(made.expose()).map_err(IdentityError::from)?,
            (None, None) => return Err(IdentityError::SignInRefused.into()),
        };
        let hash = self.hasher.hash(password).await?;
        let id = UserId::new(self.ambient().uuid_v7());
        let claim = request_id.map(|request_id| Claim::of(&caller, request_id, body, id.resource_name()));
        let new = NewUser {
            email: new.email,
            display_name: new.display_name,
            about: new.about,
            bundle: new.bundle,
            password: hash,
        };
        let done = self
            .act(&caller, move |acting| Box::pin(async move { user::create(acting, id, new, claim).await }))
            .await?;
        if made.is_some() && done.value.1 {
            self.note_shown(&caller, id, "CREATE_USER");
        }
        self.answer(done, |(view, fresh)| CreateUserResponse {
            user: Some(convert::user(view)),
            one_time_password: told_once(made.filter(|_| fresh)),
        })
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let id = parse::one("id", UserId::parse(&request.get_ref().id))?;
        caller.target(Principal::User(id), || IdentityError::NotFound(id.resource_name()))?;
        let view = self.view(Principal::User(id)).await?;
        Ok(Response::new(GetUserResponse { user: Some(convert::user(view)) }))
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let mut fields = Fields::default();
        let disabled = parse::state(&mut fields, wanted.state);
        let listing = Listing::parse(&mut fields, &listing::USERS, &wanted.filter, &wanted.order_by);
        let query = format!("{}\0{}\0{}\0{}", wanted.email, wanted.state, wanted.filter, wanted.order_by);
        let page = Page::parse(&mut fields, &self.pages, &caller, &query, wanted.page_size, &wanted.page_token);
        let key = (!wanted.email.is_empty()).then(|| fields.check("email", Email::parse(&wanted.email)));
        let (Some(page), Some(listing), true) = (page, listing, fields.is_empty()) else {
            return Err(fields.into_error().into());
        };
        let key = key.flatten().map(|email| email.canonical().to_owned());
        let (mut found, next) = self.page(USER, key, disabled, listing, page).await?;
        let users = found.drain(..).map(convert::user).collect();
        Ok(Response::new(ListUsersResponse { users, next_page_token: next }))
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Result<Response<UpdateUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let (id, edit, etag) = parse_edit(request.get_ref())?;
        let done = self
            .act(&caller, move |acting| Box::pin(async move { user::update(acting, id, edit, &etag).await }))
            .await?;
        self.answer(done, |view| UpdateUserResponse { user: Some(convert::user(view)) })
    }

    async fn disable_user(
        &self,
        request: Request<DisableUserRequest>,
    ) -> Result<Response<DisableUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let (id, within) = parse::confirmable("id", UserId::parse(&wanted.id), wanted.confirm_within.as_ref())?;
        let done = self.disable(&caller, Principal::User(id)).await?;
        let told = |view, confirmation| DisableUserResponse { user: Some(convert::user(view)), confirmation };
        self.answer_confirmed(done, within, told).await
    }

    async fn enable_user(&self, request: Request<EnableUserRequest>) -> Result<Response<EnableUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let id = parse::one("id", UserId::parse(&request.get_ref().id))?;
        let done = self.enable(&caller, Principal::User(id)).await?;
        self.answer(done, |view| EnableUserResponse { user: Some(convert::user(view)) })
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Result<Response<DeleteUserResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let (id, within) = parse::confirmable("id", UserId::parse(&wanted.id), wanted.confirm_within.as_ref())?;
        let done = self.delete(&caller, Principal::User(id), wanted.etag, wanted.delete_live_tokens).await?;
        self.answer_confirmed(done, within, |(), confirmation| DeleteUserResponse { confirmation }).await
    }

    async fn set_password(
        &self,
        request: Request<SetPasswordRequest>,
    ) -> Result<Response<SetPasswordResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = Wanted::parse(request.get_ref())?;
        caller.target(Principal::User(wanted.id), || IdentityError::NotFound(wanted.id.resource_name()))?;
        caller.may_act_on_credentials()?;
        let id = wanted.id;
        let (done, made) = match caller.principal()? == Principal::User(id) {
            true => (self.set_own_password(&caller, wanted).await?, None),
            false => self.set_others_password(&caller, wanted).await?,
        };
        if made.is_some() {
            self.note_shown(&caller, id, "SET_PASSWORD");
        }
        self.answer(done, |view| SetPasswordResponse {
            user: Some(convert::user(view)),
            one_time_password: told_once(made),
        })
    }

    async fn get_self(&self, request: Request<GetSelfRequest>) -> Result<Response<GetSelfResponse>, Status> {
        let who = Caller::of(&request)?.principal()?;
        let answer = look(&self.store, move |db| {
            Box::pin(async move {
                let row = query::principal(db, who).await?;
                let row = row.ok_or_else(|| IdentityError::NotFound(who.to_string()))?;
                Ok(GetSelfResponse {
                    groups: query::groups_of(db, &row.principal).await?,
                    grants: query::holds(db, &row.principal).await?.to_strings(),
                    principal: row.principal,
                    display_name: row.name,
                })
            })
        });
        Ok(Response::new(answer.await?))
    }
}

fn told_once(made: Option<SecretString>) -> String {
    made.map(|made| made.expose().to_owned()).unwrap_or_default()
}
