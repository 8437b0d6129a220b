//! Taking tokens away, for good. That needs no power over them: less is always allowed to who may call it at all.

use passgate_kit::caller::Caller;
use passgate_kit::client::{Description, Principal, TokenId};
use passgate_kit::feed::Actor;
use passgate_kit::store::Tx;
use time::OffsetDateTime;
use uuid::Uuid;

use super::lines;
use super::model::{Life, State, Token};
use super::tokens::Tokens;
use crate::error::TokenError;
use crate::session;
use crate::settle::{Done, Settled};
use crate::store::{signing_input, token};

/// A token that was revoked.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// It.
    pub token: Token,
    /// How many live tokens were made with it. They stay.
    pub live_descendants: u64,
}

/// What was taken away from a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllRevoked {
    /// Named tokens.
    pub tokens: usize,
    /// Sessions.
    pub sessions: usize,
}

impl Tokens {
    /// Takes a token away. It is refused from the answer on.
    ///
    /// # Errors
    /// If there is none that the caller may see.
    pub async fn revoke(&self, caller: &Caller, id: Uuid, reason: Description) -> Result<Settled<Revoked>, TokenError> {
        let id = self.get(caller, id).await?.id;
        let actor = caller.actor();
        let committed = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let now = tx.ambient().now();
                let before = token::find_locked(tx.connection(), id).await?.ok_or_else(|| TokenError::no_token(id))?;
                let live_descendants = token::count_live_made_with(tx.connection(), id, now).await?;
                if before.state(now) == State::Revoked {
                    return Ok(Done::before(tx, Revoked { token: before, live_descendants }).await?);
                }
                let after = revoked(&before, &actor.principal, reason, now);
                put(tx, &after).await?;
                tx.append(lines::changed("token.revoked", &before, &after), &actor);
                Ok::<_, TokenError>(Done::now(Revoked { token: after, live_descendants }))
            })
        });
        self.settled_at(committed.await?).await
    }

    /// Takes all tokens and sessions of a principal away.
    ///
    /// # Errors
    /// If there is no such principal that the caller may reach.
    pub async fn revoke_all(
        &self,
        caller: &Caller,
        principal: Principal,
        reason: Description,
    ) -> Result<Settled<AllRevoked>, TokenError> {
        caller.target(principal, || TokenError::no_principal(principal))?;
        caller.may_act_on_credentials()?;
        self.live_owner(principal).await?;
        let actor = caller.actor();
        let committed = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let now = tx.ambient().now();
                let mut revoked_ids: Vec<TokenId> = Vec::new();
                for before in token::unrevoked_locked(tx.connection(), principal).await? {
                    if before.is_expired(now) {
                        continue;
                    }
                    let after = revoked(&before, &actor.principal, reason.clone(), now);
                    put(tx, &after).await?;
                    tx.append(lines::changed("token.revoked", &before, &after), &actor);
                    revoked_ids.push(after.id);
                }
                let sessions = session::end_all(tx, principal, now, &actor).await?;
                let all = AllRevoked { tokens: revoked_ids.len(), sessions };
                Ok::<_, TokenError>(if all.tokens + all.sessions == 0 {
                    Done::before(tx, all).await?
                } else {
                    Done::now(all)
                })
            })
        });
        self.settled_at(committed.await?).await
    }
}

/// Revokes a token that is good although it was revoked before; false if it is dead already. A provisional one is dead
/// afterwards, too.
///
/// # Errors
/// If the database does not answer.
pub async fn revoke_again(tx: &mut Tx, before: Token, reason: Description, actor: &Actor) -> Result<bool, TokenError> {
    let now = tx.ambient().now();
    if matches!(before.state(now), State::Revoked | State::Expired) {
        return Ok(false);
    }
    let after = revoked(&before, &actor.principal, reason, now);
    put(tx, &after).await?;
    tx.append(lines::changed("token.revoked", &before, &after), actor);
    Ok(true)
}

fn revoked(before: &Token, by: &str, reason: Description, now: OffsetDateTime) -> Token {
    let mut after = before.clone();
    after.life = Life::Revoked { at: now, by: by.to_owned(), reason };
    after.touch(now);
    after
}

/// Writes a dead token, whose secret is never repeated.
async fn put(tx: &Tx, after: &Token) -> Result<(), TokenError> {
    token::replace(tx.connection(), after).await?;
    signing_input::erase(tx.connection(), &[after.id]).await?;
    Ok(())
}
