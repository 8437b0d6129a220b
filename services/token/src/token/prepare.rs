//! The token's half of creating an API user with a token (the creation protocol): a provisional token, inert until its
//! owner comes into being. Idempotent by its id and the digest of the request.

use passgate_kit::client::{ApiUserId, Credential, Holder, Jti, Patterns, Reason, TokenId, Vector};
use passgate_kit::feed::Actor;
use passgate_kit::store::{Committed, Tx};

use super::create::{Birth, Issued, Kept, insert, issued, shown_again};
use super::model::{Creation, Life};
use super::new::NewToken;
use super::tokens::{Tokens, power_in};
use crate::decision::Genuine;
use crate::error::TokenError;
use crate::settle::Done;
use crate::store::token;

/// What the identity service asks for.
#[derive(Debug)]
pub struct Preparation {
    /// The creation that it belongs to, and the digest of the request.
    pub creation: Creation,
    /// The token's id.
    pub id: TokenId,
    /// The owner that is about to be.
    pub owner: ApiUserId,
    /// What the token is to be.
    pub new: NewToken,
    /// The token of who asks the identity service.
    pub caller: Credential,
    /// Judge the caller on nothing older.
    pub at_least: Option<Vector>,
    /// The caller's network address.
    pub peer: Option<String>,
}

impl Tokens {
    /// Makes the provisional token, or shows it again to a repeat.
    ///
    /// # Errors
    /// If the caller's token does not pass, its power does not reach, or the id was used for something else.
    pub async fn prepare(&self, asked: Preparation) -> Result<Committed<Issued>, TokenError> {
        let genuine = self.decider.examine(&asked.caller, asked.at_least.as_ref()).await?;
        let genuine = genuine.ok_or_else(|| TokenError::CallerDenied {
            reason: Reason::TokenInvalid,
            detail: "the caller's token is no valid token".to_owned(),
        })?;
        let (holder, grants) = self.alive(&genuine)?;
        let birth = Birth {
            id: asked.id,
            jti: Jti::new(self.ambient.uuid_v7()),
            owner: asked.owner.into(),
            signer: self.keys.signing().ok_or(TokenError::NoSigningKey)?,
            issuer: self.keys.issuer().to_owned(),
            created_by: holder.principal,
            created_with: Some(holder.token_id),
            now: self.now(),
            creation: Some(asked.creation),
        };
        let mut actor = Actor::principal(holder.principal, Some(holder.token_id), asked.peer);
        actor.via = "identity".to_owned();
        let new = asked.new;
        let committed = self
            .store
            .write(move |tx: &mut Tx| Box::pin(make(tx, new, birth, asked.creation, (holder, grants), actor)));
        let committed = self.settled(committed.await?).await?;
        Ok(Committed { value: issued(&self.keys, committed.value), position: committed.position })
    }

    /// The holder of a token that lives, and what its owner holds.
    fn alive(&self, genuine: &Genuine) -> Result<(Holder, Patterns), TokenError> {
        let denied = genuine.alive(self.now()).err();
        match (denied, &genuine.owner) {
            (None, Some(owner)) => Ok((genuine.holder(), owner.grants())),
            (Some(denied), _) => Err(TokenError::CallerDenied { reason: denied.reason, detail: denied.detail }),
            (None, None) => Err(TokenError::CallerRevoked),
        }
    }
}

async fn make(
    tx: &mut Tx,
    new: NewToken,
    birth: Birth,
    creation: Creation,
    (holder, grants): (Holder, Patterns),
    actor: Actor,
) -> Result<Done<Kept>, TokenError> {
    let power = power_in(tx, &holder, grants).await?;
    if let Some(token) = token::find_locked(tx.connection(), birth.id).await? {
        if token.creation != Some(creation) {
            return Err(TokenError::RequestIdReused);
        }
        let kept = shown_again(tx, token, &power, birth.now).await?;
        return Ok(Done::before(tx, kept).await?);
    }
    let scopes = power.scopes_at_birth(birth.owner, new.scopes.clone())?;
    let kept = insert(tx, new, birth, scopes, Life::Provisional, &actor).await?;
    Ok(Done::now(kept))
}
