//! What is done with tokens, and what all of it shares.

use passgate_kit::caller::Caller;
use passgate_kit::client::{Ambient, Holder, Patterns, Principal, Scopes, TokenKind};
use passgate_kit::feed::Actor;
use passgate_kit::store::{Committed, Store, StoreError, Tx};
use time::OffsetDateTime;
use uuid::Uuid;

use super::lifetime::LifetimeRules;
use super::model::{State, Token};
use super::power::Power;
use super::provisional;
use crate::decision::{Decider, Owner};
use crate::error::TokenError;
use crate::key::Keys;
use crate::settle::{Done, Settled};
use crate::store::token::Listed;
use crate::store::{session, token};

/// The tokens of the installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub(super) store: Store,
    pub(super) keys: Keys,
    pub(super) decider: Decider,
    pub(super) rules: LifetimeRules,
    pub(super) ambient: Ambient,
}

impl Tokens {
    /// The tokens in `store`.
    #[must_use]
    pub const fn new(store: Store, keys: Keys, decider: Decider, rules: LifetimeRules, ambient: Ambient) -> Self {
        Self { store, keys, decider, rules, ambient }
    }

    /// How long new tokens may be good for.
    #[must_use]
    pub const fn rules(&self) -> LifetimeRules {
        self.rules
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.ambient.now()
    }

    /// The token that has this id, or a secret with it.
    ///
    /// # Errors
    /// If there is none that the caller may see.
    pub async fn get(&self, caller: &Caller, id: Uuid) -> Result<Token, TokenError> {
        let found = self.store.read(move |db| {
            Box::pin(async move {
                let found = token::find_any(db, id).await?;
                Ok::<_, StoreError>(token::with_owners(db, found.into_iter().collect()).await?.into_iter().next())
            })
        });
        let found = found.await?.ok_or_else(|| TokenError::no_token(id))?;
        caller.target_token(found.owner, found.id, || TokenError::no_token(id))?;
        if !found.is_provisional() {
            return Ok(found);
        }
        // Good once its owner is there. The feed says so soon; whoever asks earlier finds out here.
        self.live_owner(found.owner).await.map_err(|error| match error {
            TokenError::NotFound { .. } => TokenError::no_token(id),
            other => other,
        })?;
        let id = found.id;
        let committed = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                provisional::commit(tx, id, &Actor::passgate("identity")).await?;
                let token = token::find(tx.connection(), id).await?.ok_or_else(|| TokenError::no_token(id))?;
                Done::before(tx, token).await.map_err(TokenError::from)
            })
        });
        Ok(self.settled(committed.await?).await?.value)
    }

    /// At most `limit` tokens, each with what names it for the next page.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list(&self, listed: Listed, limit: u64) -> Result<Vec<(Token, String)>, TokenError> {
        let now = self.now();
        Ok(self.store.read(move |db| Box::pin(async move { token::list(db, listed, limit, now).await })).await?)
    }

    /// How many live tokens a principal has.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn count_live(&self, owner: Principal) -> Result<u64, TokenError> {
        let now = self.now();
        Ok(self.store.read(move |db| Box::pin(async move { token::count_live(db, owner, now).await })).await?)
    }

    /// The patterns that a token of `owner` with `scopes` may call now.
    ///
    /// # Errors
    /// If that cannot be known now.
    pub async fn effective(&self, owner: Principal, scopes: &Scopes) -> Result<Patterns, TokenError> {
        let owner = self.decider.memory().owner(owner).await?;
        Ok(owner.map(|owner| scopes.meet_with_grants(&owner.grants())).unwrap_or_default())
    }

    /// A principal that exists.
    ///
    /// # Errors
    /// If it does not, or that cannot be known now.
    pub(super) async fn live_owner(&self, principal: Principal) -> Result<Owner, TokenError> {
        let owner = self.decider.memory().owner(principal).await?.filter(|owner| !owner.record.deleted);
        owner.ok_or_else(|| TokenError::no_principal(principal))
    }

    /// The caller's grants: the half of its power that is the projection's.
    pub(super) async fn caller_grants(&self, caller: &Caller) -> Result<(Holder, Patterns), TokenError> {
        caller.principal()?;
        let holder = caller.holder().ok_or(passgate_kit::caller::CallerError::NoPrincipal)?.clone();
        let grants = self.live_owner(holder.principal).await?.grants();
        Ok((holder, grants))
    }

    /// What was committed or found, once this replica's memory contains it.
    pub(super) async fn settled<T>(&self, committed: Committed<Done<T>>) -> Result<Committed<T>, TokenError> {
        self.decider.freshness().settled(committed).await
    }

    /// The same, with when it was committed.
    pub(super) async fn settled_at<T>(&self, committed: Committed<Done<T>>) -> Result<Settled<T>, TokenError> {
        let at = self.ambient.moment();
        Ok(Settled { committed: self.settled(committed).await?, at })
    }
}

/// The power of a caller, with its token's scopes as this transaction sees them.
///
/// # Errors
/// If the token was taken away meanwhile.
pub(super) async fn power_in(tx: &Tx, holder: &Holder, grants: Patterns) -> Result<Power, TokenError> {
    let now = tx.ambient().now();
    let scopes = match holder.kind {
        TokenKind::Named => {
            let row = token::find(tx.connection(), holder.token_id).await?;
            row.filter(|row| row.state(now) == State::Active).map(|row| row.scopes)
        }
        TokenKind::Session => {
            let row = session::find(tx.connection(), holder.token_id).await?;
            row.filter(|row| row.is_live(now)).map(|_| Scopes::Unrestricted)
        }
    };
    let scopes = scopes.ok_or(TokenError::CallerRevoked)?;
    Ok(Power::new(holder.principal, grants, scopes))
}
