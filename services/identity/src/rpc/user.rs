//! `passgate.identity.v1.UserService`.

use passgate_kit::caller::Caller;
use passgate_kit::client::{Description, Labels, Name, Principal, SecretString, UserId};
use passgate_kit::etag::Etag;
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::request::{BodyDigest, RequestId};
use passgate_kit::store::Committed;
use passgate_proto::identity::v1::user_service_server::UserService;
use passgate_proto::identity::v1::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse, DisableUserRequest,
    DisableUserResponse, EnableUserRequest, EnableUserResponse, GetSelfRequest, GetSelfResponse, GetUserRequest,
    GetUserResponse, ListUsersRequest, ListUsersResponse, SetPasswordRequest, SetPasswordResponse, UpdateUserRequest,
    UpdateUserResponse,
};
use tonic::{Request, Response, Status};

use super::{Rooms, convert, parse};
use crate::acting::look;
use crate::email::Email;
use crate::error::IdentityError;
use crate::password::{NewPassword, Password};
use crate::principal::user::{self, NewUser, UserEdit};
use crate::principal::{self, USER, View};
use crate::sign_in::{fit, one_time_password};
use crate::store::{query, rows};
use passgate_kit::idempotency::Claim;
use passgate_kit::list::Page;

const CHANGEABLE: &[&str] = &["email", "display_name", "description", "labels"];

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
        let query = format!("{}\n{}", wanted.email, wanted.state);
        let page = Page::parse(&mut fields, &self.pages, &caller, &query, wanted.page_size, &wanted.page_token);
        let key = (!wanted.email.is_empty()).then(|| fields.check("email", Email::parse(&wanted.email)));
        let Some(page) = page.filter(|_| fields.is_empty()) else {
            return Err(fields.into_error().into());
        };
        let key = key.flatten().map(|email| email.canonical().to_owned());
        let (mut found, next) = self.page(USER, key, disabled, page).await?;
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
        let id = parse::one("id", UserId::parse(&request.get_ref().id))?;
        let done = self.disable(&caller, Principal::User(id)).await?;
        self.answer(done, |view| DisableUserResponse { user: Some(convert::user(view)) })
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
        let id = parse::one("id", UserId::parse(&wanted.id))?;
        let done = self.delete(&caller, Principal::User(id), wanted.etag, wanted.delete_live_tokens).await?;
        self.answer(done, |()| DeleteUserResponse {})
    }

    async fn set_password(
        &self,
        request: Request<SetPasswordRequest>,
    ) -> Result<Response<SetPasswordResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let id = parse::one("id", UserId::parse(&wanted.id))?;
        caller.target(Principal::User(id), || IdentityError::NotFound(id.resource_name()))?;
        caller.may_act_on_credentials()?;
        let own = caller.principal()? == Principal::User(id);
        let (done, made) = match own {
            true => (self.set_own_password(&caller, id, &wanted).await?, None),
            false => self.set_others_password(&caller, id, &wanted).await?,
        };
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

/// What works alike for users and API users.
impl Rooms {
    pub(super) async fn view(&self, who: Principal) -> Result<View, IdentityError> {
        let found = look(&self.store, move |db| {
            Box::pin(async move {
                let row = query::principal(db, who).await?;
                let row = row.ok_or_else(|| IdentityError::NotFound(who.to_string()))?;
                Ok(View { groups: query::groups_of(db, &row.principal).await?, row })
            })
        });
        found.await
    }

    pub(super) async fn page(
        &self,
        kind: &'static str,
        key: Option<String>,
        disabled: Option<bool>,
        page: Page,
    ) -> Result<(Vec<View>, String), IdentityError> {
        let wanted = rows::Wanted { kind, key, disabled, before: page.after.clone() };
        let limit = page.limit();
        let found =
            look(&self.store, move |db| Box::pin(async move { Ok(rows::page(db, wanted, limit).await?) })).await?;
        let mut found: Vec<View> = found.into_iter().map(|(row, groups)| View { row, groups }).collect();
        let next = page.cut(&self.pages, &mut found, |view| view.row.principal.clone());
        Ok((found, next))
    }

    pub(super) async fn disable(&self, caller: &Caller, who: Principal) -> Result<Committed<View>, IdentityError> {
        self.act(caller, move |acting| {
            Box::pin(async move {
                let row = acting.principals.principal(who).await?;
                principal::disable(acting, row).await
            })
        })
        .await
    }

    pub(super) async fn enable(&self, caller: &Caller, who: Principal) -> Result<Committed<View>, IdentityError> {
        self.act(caller, move |acting| {
            Box::pin(async move {
                let row = acting.principals.principal(who).await?;
                principal::enable(acting, row).await
            })
        })
        .await
    }

    pub(super) async fn delete(
        &self,
        caller: &Caller,
        who: Principal,
        etag: String,
        although: bool,
    ) -> Result<Committed<()>, IdentityError> {
        self.view(who).await?; // what is not there has no tokens to ask for
        self.may_delete(who.to_string(), although).await?;
        self.act(caller, move |acting| {
            Box::pin(async move {
                let row = acting.principals.principal(who).await?;
                Etag::of(row.revision.unsigned_abs()).check_if_given(&etag)?;
                principal::delete(acting, row).await
            })
        })
        .await
    }

    async fn set_own_password(
        &self,
        caller: &Caller,
        id: UserId,
        wanted: &SetPasswordRequest,
    ) -> Result<Committed<View>, IdentityError> {
        let mut fields = Fields::default();
        let current = fields.check("current_password", Password::parse(&wanted.current_password));
        let new = fields.check("new_password", NewPassword::parse(wanted.new_password.as_deref().unwrap_or_default()));
        let (Some(current), Some(new)) = (current, new) else {
            return Err(fields.into_error().into());
        };
        caller.signed_in_just_now(self.ambient().now())?;
        let row = self.view(Principal::User(id)).await?.row;
        let account = row.unique_key.clone().unwrap_or_default();
        let slowed = self.sign_in.backoff.is_slowed(&account, &caller.peer);
        let right = self.hasher.check(current, row.password_hash.clone()).await?;
        if !right || slowed {
            self.sign_in.backoff.failed(&account, &caller.peer);
            return Err(IdentityError::SignInRefused);
        }
        fit(&new, &row)?;
        let hash = self.hasher.hash(new.into_password()).await?;
        let checked = SecretString::new(row.password_hash.unwrap_or_default());
        let kept = caller.holder().map(|holder| holder.token_id);
        self.act(caller, move |acting| {
            Box::pin(async move { user::change_own_password(acting, id, &checked, hash, kept).await })
        })
        .await
    }

    async fn set_others_password(
        &self,
        caller: &Caller,
        id: UserId,
        wanted: &SetPasswordRequest,
    ) -> Result<(Committed<View>, Option<SecretString>), IdentityError> {
        let (password, made) = match &wanted.new_password {
            Some(text) => {
                let new = parse::one("new_password", NewPassword::parse(text))?;
                fit(&new, &self.view(Principal::User(id)).await?.row)?;
                (new.into_password(), None)
            }
            None => {
                let made = one_time_password(self.ambient());
                (Password::parse(made.expose())?, Some(made))
            }
        };
        let hash = self.hasher.hash(password).await?;
        let done =
            self.act(caller, move |acting| Box::pin(async move { user::set_password(acting, id, hash).await })).await?;
        Ok((done, made))
    }
}

fn told_once(made: Option<SecretString>) -> String {
    made.map(|made| made.expose().to_owned()).unwrap_or_default()
}

/// CreateUser, read.
struct ParsedUser {
    email: Email,
    display_name: Option<Name>,
    about: principal::About,
    bundle: principal::bundle::Bundle,
    password: Option<NewPassword>,
}

impl ParsedUser {
    fn parse(request: &CreateUserRequest) -> Result<(Self, Option<RequestId>), FieldViolations> {
        let mut fields = Fields::default();
        let email = fields.check("email", Email::parse(&request.email));
        let display_name = optional_name(&mut fields, "display_name", &request.display_name);
        let password = request.password.as_deref().map(|text| fields.check("password", NewPassword::parse(text)));
        let about = parse::about(&mut fields, "", &request.description, &request.labels);
        let bundle = parse::bundle(&mut fields, &request.grants, &request.groups);
        let request_id = fields.check("request_id", RequestId::parse(&request.request_id));
        if let (Some(Some(password)), Some(email)) = (&password, &email) {
            let name = display_name.as_ref().map_or(email.as_given(), Name::as_str);
            let local = email.as_given().split('@').next().unwrap_or_default();
            fields.check("password", password.is_not_made_of([name, email.as_given(), local]));
        }
        match (email, about, bundle, request_id) {
            (Some(email), Some(about), Some(bundle), Some(request_id)) if fields.is_empty() => {
                Ok((Self { email, display_name, about, bundle, password: password.flatten() }, request_id))
            }
            _ => Err(fields.into_error()),
        }
    }
}

fn optional_name(fields: &mut Fields, path: &str, text: &str) -> Option<Name> {
    if text.is_empty() { None } else { fields.check(path, Name::parse(text)) }
}

fn parse_edit(request: &UpdateUserRequest) -> Result<(UserId, UserEdit, String), FieldViolations> {
    let mut fields = Fields::default();
    let Some(user) = &request.user else {
        return Err(FieldViolations::one("user", "must be given"));
    };
    let id = fields.check("user.id", UserId::parse(&user.id));
    let mut edit = UserEdit::default();
    for path in parse::mask(&mut fields, request.update_mask.as_ref(), CHANGEABLE) {
        match path {
            "email" => edit.email = fields.check("user.email", Email::parse(&user.email)),
            "display_name" => {
                edit.display_name = Some(optional_name(&mut fields, "user.display_name", &user.display_name));
            }
            "description" => {
                edit.description = fields.check("user.description", Description::parse(&user.description));
            }
            _ => edit.labels = fields.check("user.labels", Labels::parse(&user.labels)),
        }
    }
    match id {
        Some(id) if fields.is_empty() => Ok((id, edit, user.etag.clone())),
        Some(_) | None => Err(fields.into_error()),
    }
}
