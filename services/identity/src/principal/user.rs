//! People.

use passgate_kit::client::{Name, Principal, SecretString, TokenId, UserId};
use passgate_kit::etag::Etag;
use passgate_kit::idempotency::{Claim, Claimed};

use super::bundle::Bundle;
use super::{About, USER, View, edit, end_sessions, name_key, new_row, view};
use crate::acting::Acting;
use crate::email::Email;
use crate::error::IdentityError;
use crate::password::PasswordHash;
use crate::store::{query, rows};

/// A user to be made.
#[derive(Debug)]
pub struct NewUser {
    /// To sign in with.
    pub email: Email,
    /// For people; left out: the e-mail.
    pub display_name: Option<Name>,
    /// Description and labels.
    pub about: About,
    /// Grants and groups.
    pub bundle: Bundle,
    /// Of a password that is good for one sign-in.
    pub password: PasswordHash,
}

/// Makes a user, or finds the one that the same request made before: then the flag is false.
pub async fn create(
    acting: &mut Acting<'_>,
    id: UserId,
    new: NewUser,
    claim: Option<Claim>,
) -> Result<(View, bool), IdentityError> {
    new.bundle.check(acting).await?;
    if let Some(claim) = claim
        && let Claimed::Before(earlier) = claim.take(acting.principals.tx()).await?
    {
        let there =
            UserId::parse_resource_name(&earlier.resource).map_err(|_| IdentityError::NotFound(earlier.resource))?;
        let row = acting.principals.principal(Principal::User(there)).await?;
        return Ok((view(acting, row).await?, false));
    }
    refuse_taken(acting, &new.email).await?;
    let principals = &acting.principals;
    let name = new.display_name.as_ref().map_or(new.email.as_given(), Name::as_str);
    let mut row = new_row(id.resource_name(), USER, name, &new.about, principals.now());
    row.unique_key = Some(new.email.canonical().to_owned());
    row.email = Some(new.email.as_given().to_owned());
    row.password_hash = Some(new.password.expose().to_owned());
    row.password_one_time = true;
    rows::insert(principals.conn(), &row).await?;
    new.bundle.give(acting, &row.principal).await?;
    let facts = acting.principals.facts(&row).await?;
    acting.principals.record("user.created", None, facts, None);
    Ok((view(acting, row).await?, true))
}

/// What is to be changed about a user: what is `None` stays.
#[derive(Debug, Default)]
pub struct UserEdit {
    /// The address to sign in with.
    pub email: Option<Email>,
    /// For people. An empty one means the e-mail.
    pub display_name: Option<Option<Name>>,
    /// For people to read.
    pub description: Option<passgate_kit::client::Description>,
    /// To filter by.
    pub labels: Option<passgate_kit::client::Labels>,
}

/// Changes a user, which needs cover: people give power by what they read. Another e-mail is an act on a credential
/// besides, and ends the user's sessions.
pub async fn update(acting: &mut Acting<'_>, id: UserId, wanted: UserEdit, etag: &str) -> Result<View, IdentityError> {
    let row = acting.principals.principal(Principal::User(id)).await?;
    acting.must_hold(&acting.principals.holds(&row.principal).await?)?;
    Etag::of(row.revision.unsigned_abs()).check_if_given(etag)?;
    let moved = wanted.email.as_ref().filter(|email| row.email.as_deref() != Some(email.as_given()));
    let kept = match moved {
        Some(email) => {
            if row.unique_key.as_deref() != Some(email.canonical()) {
                refuse_taken(acting, email).await?;
            }
            kept_session(acting, id)?
        }
        None => None,
    };
    let moved = moved.is_some();
    edit(acting, "user.updated", row, move |row| {
        if let (Some(email), true) = (&wanted.email, moved) {
            row.email = Some(email.as_given().to_owned());
            row.unique_key = Some(email.canonical().to_owned());
            end_sessions(row, kept);
        }
        if let Some(name) = &wanted.display_name {
            let email = row.email.clone().unwrap_or_default();
            row.name = name.as_ref().map_or(email, |name| name.as_str().to_owned());
            row.name_key = name_key(&row.name);
        }
        if let Some(description) = &wanted.description {
            row.description = description.as_str().to_owned();
        }
        if let Some(labels) = &wanted.labels {
            row.labels = About::labels_json(labels);
        }
    })
    .await
}

/// Who changes one's own credential keeps the session that asks, which must be fresh.
fn kept_session(acting: &Acting<'_>, id: UserId) -> Result<Option<String>, IdentityError> {
    if acting.who != Principal::User(id) {
        return Ok(None);
    }
    acting.caller.signed_in_just_now(acting.principals.tx().ambient().now())?;
    Ok(acting.caller.holder().map(|holder| holder.token_id.to_string()))
}

/// Sets somebody else's password, which is then good for one sign-in. Ends all sessions.
pub async fn set_password(acting: &mut Acting<'_>, id: UserId, hash: PasswordHash) -> Result<View, IdentityError> {
    let row = acting.principals.principal(Principal::User(id)).await?;
    acting.must_hold(&acting.principals.holds(&row.principal).await?)?;
    edit(acting, "user.password_set", row, move |row| {
        row.password_hash = Some(hash.expose().to_owned());
        row.password_one_time = true;
        end_sessions(row, None);
    })
    .await
}

/// Puts one's own password in place of the one whose hash was checked. Ends all sessions but the one that asks.
pub async fn change_own_password(
    acting: &mut Acting<'_>,
    id: UserId,
    checked: &SecretString,
    hash: PasswordHash,
    kept: Option<TokenId>,
) -> Result<View, IdentityError> {
    let row = acting.principals.principal(Principal::User(id)).await?;
    if row.password_hash.as_deref() != Some(checked.expose()) || row.disabled {
        return Err(IdentityError::SignInRefused);
    }
    edit(acting, "user.password_changed", row, move |row| {
        row.password_hash = Some(hash.expose().to_owned());
        row.password_one_time = false;
        end_sessions(row, kept.map(|id| id.to_string()));
    })
    .await
}

async fn refuse_taken(acting: &Acting<'_>, email: &Email) -> Result<(), IdentityError> {
    match query::principal_by_key(acting.principals.conn(), USER, email.canonical()).await? {
        Some(_) => Err(IdentityError::EmailTaken(email.as_given().to_owned())),
        None => Ok(()),
    }
}
