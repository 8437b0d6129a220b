//! Beginning and ending sessions.

use std::sync::Arc;

use passgate_kit::client::{Ambient, Claims, Jti, Principal, SecretString, TokenId, TokenKind, UserId};
use passgate_kit::feed::Actor;
use passgate_kit::store::{Committed, Store, StoreError, Tx};
use time::{Duration, OffsetDateTime};

use super::{MAX_SESSIONS, Session};
use crate::decision::Freshness;
use crate::error::TokenError;
use crate::key::{Keys, Signer};
use crate::settle::Done;
use crate::store::{projection, session};
use crate::token::lines;

/// The sessions of the installation.
#[derive(Clone, Debug)]
pub struct Sessions {
    store: Store,
    keys: Keys,
    freshness: Freshness,
    lifetime: Duration,
    ambient: Ambient,
}

impl Sessions {
    /// Sessions that last `lifetime`.
    #[must_use]
    pub const fn new(store: Store, keys: Keys, freshness: Freshness, lifetime: Duration, ambient: Ambient) -> Self {
        Self { store, keys, freshness, lifetime, ambient }
    }

    /// Begins a session of a user who has just signed in, under the epoch that the identity service read then. One too
    /// many ends the oldest.
    ///
    /// # Errors
    /// If the database does not answer, or there is no key.
    pub async fn begin(
        &self,
        owner: UserId,
        epoch: u64,
        auth_time: OffsetDateTime,
        peer: Option<String>,
    ) -> Result<Committed<(Session, SecretString)>, TokenError> {
        let signer = self.keys.signing().ok_or(TokenError::NoSigningKey)?;
        let now = self.ambient.now();
        let end = now + self.lifetime;
        let new = Session {
            id: TokenId::new(self.ambient.uuid_v7()),
            jti: Jti::new(self.ambient.uuid_v7()),
            kid: signer.kid().clone(),
            owner,
            epoch,
            auth_time,
            create_time: now,
            expire_time: end.replace_nanosecond(0).unwrap_or(end),
            end_time: None,
        };
        let secret = self.sign(&signer, &new);
        let actor = Actor { via: "identity".to_owned(), ..Actor::principal(owner.into(), Some(new.id), peer) };
        let committed = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                projection::lock_principal(tx.connection(), owner.into()).await?;
                let live = session::live(tx.connection(), owner, now).await?;
                let too_many = (live.len() + 1).saturating_sub(MAX_SESSIONS);
                let oldest: Vec<TokenId> = live.iter().take(too_many).map(|session| session.id).collect();
                end_these(tx, owner, &oldest, now, &actor).await?;
                session::insert(tx.connection(), &new).await?;
                tx.append(lines::session_began(new.id, new.jti, owner, new.expire_time), &actor);
                Ok::<_, TokenError>(Done::now(new))
            })
        });
        let committed = self.freshness.settled(committed.await?).await?;
        Ok(committed.map(|session| (session, secret)))
    }

    /// Ends a session. Nothing happens if it has ended, or is none of this user.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn end(&self, owner: UserId, id: TokenId, actor: Actor) -> Result<Committed<()>, TokenError> {
        let now = self.ambient.now();
        let committed = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let found = session::find(tx.connection(), id).await?;
                if found.is_none_or(|session| session.owner != owner || session.end_time.is_some()) {
                    return Ok(Done::before(tx, ()).await?);
                }
                end_these(tx, owner, &[id], now, &actor).await?;
                Ok::<_, TokenError>(Done::now(()))
            })
        });
        self.freshness.settled(committed.await?).await
    }

    fn sign(&self, signer: &Arc<Signer>, session: &Session) -> SecretString {
        let seconds = |time: OffsetDateTime| u64::try_from(time.unix_timestamp()).unwrap_or(0);
        let claims = Claims {
            token_id: session.id,
            jti: session.jti,
            kind: TokenKind::Session,
            owner: session.owner.into(),
            issued_at: seconds(session.create_time),
            expires_at: Some(seconds(session.expire_time)),
            auth_time: Some(seconds(session.auth_time)),
            scopes: None,
        };
        signer.sign(&signer.input(&claims, self.keys.issuer()))
    }
}

/// Ends all live sessions of a principal: how many. API users have none.
///
/// # Errors
/// If the database does not answer.
pub async fn end_all(
    tx: &mut Tx,
    principal: Principal,
    now: OffsetDateTime,
    actor: &Actor,
) -> Result<usize, StoreError> {
    let Principal::User(owner) = principal else { return Ok(0) };
    let live = session::live(tx.connection(), owner, now).await?;
    let ids: Vec<TokenId> = live.iter().map(|session| session.id).collect();
    end_these(tx, owner, &ids, now, actor).await?;
    Ok(ids.len())
}

/// Ends a session that is good although it had been ended before: false if it is over already, `None` if there is none.
///
/// # Errors
/// If the database does not answer.
pub async fn end_again(tx: &mut Tx, id: TokenId, actor: &Actor) -> Result<Option<bool>, StoreError> {
    let now = tx.ambient().now();
    let Some(session) = session::find(tx.connection(), id).await? else { return Ok(None) };
    if !session.is_live(now) {
        return Ok(Some(false));
    }
    end_these(tx, session.owner, &[id], now, actor).await?;
    Ok(Some(true))
}

async fn end_these(
    tx: &mut Tx,
    owner: UserId,
    ids: &[TokenId],
    now: OffsetDateTime,
    actor: &Actor,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    session::end(tx.connection(), ids, now).await?;
    tx.append(lines::sessions_ended(owner, ids), actor);
    Ok(())
}
