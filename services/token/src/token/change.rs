//! Changing a token: a name, less scope, an earlier end, off and on. Nothing is ever widened or prolonged.

use passgate_kit::caller::Caller;
use passgate_kit::client::{Description, Labels, Name, Patterns, Scopes, TokenId};
use passgate_kit::etag::Etag;
use passgate_kit::fields::Fields;
use passgate_kit::store::{Committed, Tx};
use time::OffsetDateTime;
use uuid::Uuid;

use super::create::name_taken;
use super::lines;
use super::model::{Life, State, Token};
use super::tokens::{Tokens, power_in};
use crate::error::TokenError;
use crate::settle::{Done, Settled};
use crate::store::token;

/// What is to change about a token.
#[derive(Clone, Debug, Default)]
pub struct TokenChange {
    /// Another name.
    pub name: Option<Name>,
    /// Another description.
    pub description: Option<Description>,
    /// Other labels.
    pub labels: Option<Labels>,
    /// Other scopes; `Some(None)` is none at all.
    pub scopes: Option<Option<Patterns>>,
    /// Another end; `Some(None)` is never.
    pub expire_time: Option<Option<OffsetDateTime>>,
}

impl TokenChange {
    /// `before` with the change made, one revision on.
    ///
    /// # Errors
    /// Names every field that would widen or prolong it.
    fn applied_to(self, before: &Token, now: OffsetDateTime) -> Result<Token, TokenError> {
        let mut fields = Fields::default();
        let mut after = before.clone();
        if let Some(scopes) = self.scopes.map(Scopes::from) {
            let wider = before.scopes.as_bound().lacking(&scopes.as_bound());
            if wider.is_empty() {
                after.scopes = scopes;
            } else {
                fields.add("token.scopes", format!("must only narrow; this is wider by {wider}: make another token"));
            }
        }
        if let Some(end) = self.expire_time {
            let end = end.map(|end| end.replace_nanosecond(0).unwrap_or(end));
            match (end, before.expire_time) {
                (Some(end), _) if end <= now => {
                    fields.add("token.expire_time", "must lie in the future: revoke it to end it now")
                }
                (Some(end), Some(old)) if end > old => {
                    fields.add("token.expire_time", "must not be later than it is: make another token")
                }
                (None, Some(_)) => fields
                    .add("token.expire_time", "must be there: a token that expires cannot be made to live for ever"),
                (end, _) => after.expire_time = end,
            }
        }
        fields.into_result()?;
        set(&mut after.name, self.name);
        set(&mut after.description, self.description);
        set(&mut after.labels, self.labels);
        after.touch(now);
        Ok(after)
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// A token that is to be changed, knowing whether its owner is there: nobody else changes it meanwhile.
async fn locked(tx: &Tx, id: TokenId) -> Result<Token, TokenError> {
    let found = token::find_locked(tx.connection(), id).await?;
    let known = token::with_owners(tx.connection(), found.into_iter().collect()).await?;
    known.into_iter().next().ok_or_else(|| TokenError::no_token(id))
}

/// Refuses what is dead.
fn check_live(token: &Token, now: OffsetDateTime) -> Result<(), TokenError> {
    match token.state(now) {
        State::Revoked => Err(TokenError::Revoked { id: token.id.to_string() }),
        State::Expired => Err(TokenError::Expired { id: token.id.to_string() }),
        State::OwnerDeleted => Err(TokenError::OwnerDeleted { owner: token.owner }),
        State::Active | State::Disabled => Ok(()),
    }
}

impl Tokens {
    /// Changes a token, or narrows the very token that calls.
    ///
    /// # Errors
    /// If there is none that the caller may see, it is dead, its etag is another, the name is taken, or more was wanted.
    pub async fn update(
        &self,
        caller: &Caller,
        id: Uuid,
        etag: String,
        change: TokenChange,
    ) -> Result<Committed<Token>, TokenError> {
        let id = self.get(caller, id).await?.id;
        if !caller.is_itself(id) {
            caller.may_act_on_credentials()?;
        }
        let actor = caller.actor();
        let committed = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let now = tx.ambient().now();
                let before = locked(tx, id).await?;
                check_live(&before, now)?;
                Etag::of(before.revision).check_if_given(&etag)?;
                let after = change.applied_to(&before, now)?;
                token::release_expired_names(tx.connection(), before.owner, now).await?;
                token::replace(tx.connection(), &after).await.map_err(|error| name_taken(error, &after))?;
                tx.append(lines::changed("token.updated", &before, &after), &actor);
                Ok::<_, TokenError>(Done::now(after))
            })
        });
        self.settled(committed.await?).await
    }

    /// Switches a token off.
    ///
    /// # Errors
    /// If there is none that the caller may see, or it is dead.
    pub async fn disable(&self, caller: &Caller, id: Uuid) -> Result<Settled<Token>, TokenError> {
        let id = self.get(caller, id).await?.id;
        let actor = caller.actor();
        let committed = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let now = tx.ambient().now();
                let before = locked(tx, id).await?;
                check_live(&before, now)?;
                if matches!(before.life, Life::Disabled { .. }) {
                    return Ok(Done::before(tx, before).await?);
                }
                let mut after = before.clone();
                after.life = Life::Disabled { at: now };
                after.touch(now);
                token::replace(tx.connection(), &after).await?;
                tx.append(lines::changed("token.disabled", &before, &after), &actor);
                Ok::<_, TokenError>(Done::now(after))
            })
        });
        self.settled_at(committed.await?).await
    }

    /// Switches a token on again, which gives its power back.
    ///
    /// # Errors
    /// If there is none that the caller may see, it is dead, or the caller does not hold what it may do.
    pub async fn enable(&self, caller: &Caller, id: Uuid) -> Result<Committed<Token>, TokenError> {
        let id = self.get(caller, id).await?.id;
        caller.may_act_on_credentials()?;
        let (holder, grants) = self.caller_grants(caller).await?;
        let actor = caller.actor();
        let committed = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let now = tx.ambient().now();
                let before = locked(tx, id).await?;
                check_live(&before, now)?;
                let power = power_in(tx, &holder, grants).await?;
                power.over(before.owner, &before.scopes)?;
                if !matches!(before.life, Life::Disabled { .. }) {
                    return Ok(Done::before(tx, before).await?);
                }
                let mut after = before.clone();
                after.life = Life::Active;
                after.touch(now);
                token::replace(tx.connection(), &after).await?;
                tx.append(lines::changed("token.enabled", &before, &after), &actor);
                Ok::<_, TokenError>(Done::now(after))
            })
        });
        self.settled(committed.await?).await
    }
}
