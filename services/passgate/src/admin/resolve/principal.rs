//! Users by id or e-mail, API users by id or name, principals by any of these.

use passgate_kit::client::Reason;
use passgate_proto::identity::v1::{
    ApiUser, GetApiUserRequest, GetSelfRequest, GetUserRequest, ListApiUsersRequest, ListUsersRequest, User,
};

use super::{is_id, only_one};
use crate::admin::connection::Connection;
use crate::admin::failure::Failure;

const USERS: &str = "users/";
const API_USERS: &str = "api-users/";

/// What names a user.
#[derive(clap::Args, Clone, Debug)]
pub struct UserRef {
    /// The user: e-mail or id.
    pub user: String,
}

/// What names an API user.
#[derive(clap::Args, Clone, Debug)]
pub struct ApiUserRef {
    /// The API user: name or id.
    pub api_user: String,
}

/// What names a principal.
#[derive(clap::Args, Clone, Debug)]
pub struct PrincipalRef {
    /// The user or API user: e-mail, name, `users/ID`, `api-users/ID`, or `me`.
    pub principal: String,
}

/// A user's id.
///
/// # Errors
/// If there is none or the list cannot be read.
pub async fn user(api: &Connection, text: &str) -> Result<String, Failure> {
    let text = text.strip_prefix(USERS).unwrap_or(text);
    if is_id(text) {
        return Ok(text.to_owned());
    }
    let found = users_by_email(api, text).await?.into_iter().map(|user| (user.id, user.email)).collect();
    only_one("user", text, found, "`passgate user list` lists them")
}

/// An API user's id.
///
/// # Errors
/// As [`user`].
pub async fn api_user(api: &Connection, text: &str) -> Result<String, Failure> {
    let text = text.strip_prefix(API_USERS).unwrap_or(text);
    if is_id(text) {
        return Ok(text.to_owned());
    }
    let found = api_users_by_name(api, text).await?.into_iter().map(|api_user| (api_user.id, api_user.name)).collect();
    only_one("API user", text, found, "`passgate api-user list` lists them")
}

/// A principal: `users/{id}` or `api-users/{id}`.
///
/// # Errors
/// As [`user`].
pub async fn principal(api: &Connection, text: &str) -> Result<String, Failure> {
    if text == "me" {
        return own_principal(api).await;
    }
    if text.starts_with(USERS) {
        return user(api, text).await.map(|id| format!("{USERS}{id}"));
    }
    if text.starts_with(API_USERS) {
        return api_user(api, text).await.map(|id| format!("{API_USERS}{id}"));
    }
    let (users, api_users) = if is_id(text) {
        by_id(api, text).await?
    } else {
        (users_by_email(api, text).await?, api_users_by_name(api, text).await?)
    };
    let users = users.into_iter().map(|user| (format!("{USERS}{}", user.id), user.email));
    let api_users = api_users.into_iter().map(|api_user| (format!("{API_USERS}{}", api_user.id), api_user.name));
    only_one(
        "user or API user",
        text,
        users.chain(api_users).collect(),
        "`passgate user list` and `passgate api-user list` list them",
    )
}

/// Who asks.
///
/// # Errors
/// What the server says.
pub async fn own_principal(api: &Connection) -> Result<String, Failure> {
    Ok(api.call(api.users().get_self(GetSelfRequest {})).await?.principal)
}

async fn by_id(api: &Connection, id: &str) -> Result<(Vec<User>, Vec<ApiUser>), Failure> {
    let user = api.call(api.users().get_user(GetUserRequest { id: id.to_owned() })).await;
    let api_user = api.call(api.api_users().get_api_user(GetApiUserRequest { id: id.to_owned() })).await;
    let user = if_there(user)?.and_then(|answer| answer.user);
    let api_user = if_there(api_user)?.and_then(|answer| answer.api_user);
    Ok((user.into_iter().collect(), api_user.into_iter().collect()))
}

fn if_there<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Err(failure) if failure.reason() == Some(Reason::NotFound) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Only an e-mail has an @: anything else is no user's.
async fn users_by_email(api: &Connection, email: &str) -> Result<Vec<User>, Failure> {
    if !email.contains('@') {
        return Ok(Vec::new());
    }
    let request = ListUsersRequest { email: email.to_owned(), ..ListUsersRequest::default() };
    Ok(api.call(api.users().list_users(request)).await?.users)
}

async fn api_users_by_name(api: &Connection, name: &str) -> Result<Vec<ApiUser>, Failure> {
    let request = ListApiUsersRequest { name: name.to_owned(), ..ListApiUsersRequest::default() };
    Ok(api.call(api.api_users().list_api_users(request)).await?.api_users)
}
