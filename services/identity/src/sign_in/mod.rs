//! Signing in.
//!
//! Unknown address, wrong password, disabled user and too many failures are one answer at one cost: each checks exactly one
//! hash. Failures slow down the (account, network) that makes them, and a network that fails at many accounts; nobody can
//! lock out somebody else. A hash that was made by other costs than today's is made anew when its password is there to make
//! it from; until then checking it costs what it cost then.

mod backoff;

pub use backoff::BackOff;

use passgate_kit::audit::{Occurrence, Occurrences};
use passgate_kit::client::{SecretString, UserId};
use passgate_kit::fields::FieldViolations;
use passgate_kit::store::Store;
use passgate_proto::token::v1::IssueSessionResponse;

use crate::error::IdentityError;
use crate::issuing::{Issuing, session_of};
use crate::password::{Hasher, NewPassword, Password, PasswordHash};
use crate::principal::{USER, end_sessions};
use crate::store::{Principals, principal_row, query, rows};
use passgate_kit::feed::Actor;

/// What somebody who signs in presents.
#[derive(Debug)]
pub struct Presented {
    /// The address in the form that is compared; or, where it is none, a text that nobody has as his address.
    pub login: String,
    /// The password.
    pub password: Password,
    /// A password to put in its place.
    pub new_password: Option<NewPassword>,
    /// Where it comes from.
    pub peer: String,
}

/// Who signed in, and the session.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub user: UserId,
    /// The session.
    pub session: IssueSessionResponse,
    /// The change, if the password was changed.
    pub position: Option<passgate_kit::client::Position>,
}

/// Everything that signing in needs.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The database.
    pub store: Store,
    /// Checks passwords.
    pub hasher: Hasher,
    /// Remembers failures.
    pub backoff: BackOff,
    /// Makes sessions.
    pub issuing: Issuing,
    /// Notes failures.
    pub occurrences: Occurrences,
}

impl SignIn {
    /// Checks what is presented and makes a session.
    pub async fn sign_in(&self, presented: Presented) -> Result<SignedIn, IdentityError> {
        let Presented { login, password, new_password, peer } = presented;
        let standing = self.backoff.standing(&login, &peer).await?;
        let found =
            self.store.read(move |conn| Box::pin(async move { query::principal_by_key(conn, USER, &login).await }));
        let found = found.await?;

        let hash = found.as_ref().and_then(|row| row.password_hash.clone());
        let again = password.again()?;
        let right = self.hasher.check(password, hash).await?;
        let auth_time = self.store.ambient().now();
        let why = if standing.is_slowed { SLOWED } else { why_not(found.as_ref(), right) };
        let subject = found.as_ref().map(|row| row.principal.clone());
        let Some(row) = found.filter(|row| right && !standing.is_slowed && !row.disabled) else {
            self.occurrences.note(Occurrence::sign_in_failed(subject, why, peer));
            self.backoff.failed(standing).await?;
            return Err(IdentityError::SignInRefused);
        };
        self.backoff.succeeded(standing).await?;

        let user = UserId::parse_resource_name(&row.principal).map_err(|_| IdentityError::SignInRefused)?;
        let (epoch, position) = match new_password {
            Some(new) => self.change(row, new, &peer).await?,
            None if row.password_one_time => return Err(IdentityError::PasswordMustChange),
            None => {
                self.renew(&row, again).await;
                (row.session_epoch, None)
            }
        };
        let session = self.issuing.session(session_of(user, epoch, auth_time, &peer)).await;
        let session = session.map_err(|error| match error {
            IdentityError::TokenServiceAway(status) if position.is_some() => IdentityError::NoSessionYet(status),
            other => other,
        })?;
        Ok(SignedIn { user, session, position })
    }

    /// Passes if `current` is this user's password; a wrong one counts as a failed sign-in.
    pub async fn check_current(
        &self,
        row: &principal_row::Model,
        current: Password,
        peer: &str,
    ) -> Result<(), IdentityError> {
        let standing = self.backoff.standing(row.unique_key.as_deref().unwrap_or_default(), peer).await?;
        let right = self.hasher.check(current, row.password_hash.clone()).await?;
        if right && !standing.is_slowed {
            return Ok(());
        }
        let why = if standing.is_slowed { SLOWED } else { WRONG };
        let refused = Occurrence::sign_in_failed(Some(row.principal.clone()), why, peer.to_owned());
        self.occurrences.note(refused);
        self.backoff.failed(standing).await?;
        Err(IdentityError::SignInRefused)
    }

    /// Hashes a password anew that was just found right, if its hash was made by other costs than today's. It is the same
    /// password, so it is no change of the user; where it cannot be done now, the next sign-in does it.
    async fn renew(&self, row: &principal_row::Model, password: Password) {
        let Some(old) = row.password_hash.clone().filter(|hash| !Hasher::is_current(hash)) else { return };
        let renewed = async {
            let hash = self.hasher.hash(password).await?;
            let principal = row.principal.clone();
            let written = self.store.write(move |tx| {
                Box::pin(async move { rows::renew_hash(tx.connection(), &principal, &old, hash.expose()).await })
            });
            Ok::<_, IdentityError>(written.await?)
        };
        if let Err(error) = renewed.await {
            tracing::warn!("a password keeps its hash of older costs until the next sign-in: {error}");
        }
    }

    /// Puts a new password in place of the one that was just checked, and ends all sessions.
    async fn change(
        &self,
        row: principal_row::Model,
        new: NewPassword,
        peer: &str,
    ) -> Result<(i64, Option<passgate_kit::client::Position>), IdentityError> {
        fit(&new, &row)?;
        let old = row.password_hash.clone();
        let known = self.hasher.check(new.as_password().again()?, old.clone()).await?;
        if known {
            return Err(FieldViolations::one("new_password", "must differ from the password that it replaces").into());
        }
        let hash = self.hasher.hash(new.into_password()).await?;
        let actor = Actor {
            principal: row.principal.clone(),
            token_id: None,
            peer: Some(peer.to_owned()),
            via: "api".to_owned(),
        };
        let changed = self.store.write(move |tx| {
            Box::pin(async move { replace(&mut Principals::lock(tx, actor).await?, &row.principal, old, hash).await })
        });
        let changed = changed.await?;
        Ok((changed.value, changed.position))
    }
}

/// Too many failed before.
const SLOWED: &str = "SLOWED_DOWN";
/// The password is another one.
const WRONG: &str = "WRONG_PASSWORD";

/// Why somebody does not sign in, for the audit alone: a caller is told nothing of it.
fn why_not(found: Option<&principal_row::Model>, right: bool) -> &'static str {
    match found {
        None => "UNKNOWN_ADDRESS",
        Some(row) if right && row.disabled => "USER_DISABLED",
        Some(_) => WRONG,
    }
}

/// Replaces the password if it is still the one that was checked.
async fn replace(
    principals: &mut Principals<'_>,
    user: &str,
    checked: Option<String>,
    hash: PasswordHash,
) -> Result<i64, IdentityError> {
    let id = passgate_kit::client::Principal::parse(user).map_err(|_| IdentityError::SignInRefused)?;
    let row = query::principal(principals.conn(), id).await?;
    let row = row.filter(|row| row.password_hash == checked && !row.disabled).ok_or(IdentityError::SignInRefused)?;
    let before = principals.facts(&row).await?;
    let mut after = row;
    after.password_hash = Some(hash.expose().to_owned());
    after.password_one_time = false;
    end_sessions(&mut after, None);
    after.revision += 1;
    after.update_us = principals.now();
    rows::save(principals.conn(), &after).await?;
    let facts = principals.facts(&after).await?;
    principals.record("user.password_changed", Some(before), facts, None);
    Ok(after.session_epoch)
}

/// A password that is not made of its user's name or address.
pub fn fit(new: &NewPassword, row: &principal_row::Model) -> Result<(), IdentityError> {
    let email = row.email.as_deref().unwrap_or_default();
    let local = email.split('@').next().unwrap_or_default();
    let fits = new.is_not_made_of([row.name.as_str(), email, local]);
    fits.map_err(|rule| FieldViolations::one("new_password", rule.to_string()).into())
}

/// A one-time password: 22 letters and digits, 128 bits.
pub fn one_time_password(ambient: &passgate_kit::client::Ambient) -> SecretString {
    ambient.secret_base62(128)
}
