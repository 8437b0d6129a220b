//! Making a token, and giving the same one again to a repeat.

use std::sync::Arc;

use passgate_kit::caller::Caller;
use passgate_kit::client::{Claims, Holder, Jti, Patterns, Principal, Scopes, SecretString, TokenId, TokenKind};
use passgate_kit::feed::Actor;
use passgate_kit::idempotency::{Claimed, Earlier};
use passgate_kit::store::{Committed, StoreError, Tx};
use time::OffsetDateTime;

use super::model::{Creation, Life, Secret, State, Token};
use super::new::NewToken;
use super::power::Power;
use super::tokens::{Tokens, power_in};
use super::{MAX_LIVE_TOKENS, lines};
use crate::error::TokenError;
use crate::key::{Keys, Signer};
use crate::settle::Done;
use crate::store::{projection, signing_input, token};

/// A token with its secret, if that can be shown.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: Token,
    /// What is sent as `authorization: Bearer …`. `None` on a repeat after the ten minutes.
    pub secret: Option<SecretString>,
}

/// What is decided about a new token before its transaction.
#[derive(Debug)]
pub(super) struct Birth {
    pub id: TokenId,
    pub jti: Jti,
    pub owner: Principal,
    pub signer: Arc<Signer>,
    pub issuer: String,
    pub created_by: Principal,
    pub created_with: Option<TokenId>,
    pub now: OffsetDateTime,
    pub creation: Option<Creation>,
}

/// A token, and what was signed for it if that is still kept.
pub(super) type Kept = (Token, Option<(passgate_kit::client::Kid, String)>);

impl Tokens {
    /// Makes a token for the caller or, who may do that, for somebody else.
    ///
    /// # Errors
    /// If the caller may not, its scopes do not reach, the name is taken, or the owner has too many.
    pub async fn create(&self, caller: &Caller, new: NewToken) -> Result<Committed<Issued>, TokenError> {
        caller.may_act_on_credentials()?;
        let (holder, grants) = self.caller_grants(caller).await?;
        let owner = new.owner.unwrap_or(holder.principal);
        caller.target(owner, || TokenError::no_principal(owner))?;
        if !self.live_owner(owner).await?.record.enabled {
            return Err(TokenError::OwnerDisabled { owner });
        }
        let birth = self.birth(owner, &holder)?;
        let actor = caller.actor();
        let committed = self.store.write(move |tx: &mut Tx| Box::pin(make(tx, new, birth, (holder, grants), actor)));
        let committed = self.settled(committed.await?).await?;
        Ok(Committed { value: issued(&self.keys, committed.value), position: committed.position })
    }

    pub(super) fn birth(&self, owner: Principal, holder: &Holder) -> Result<Birth, TokenError> {
        Ok(Birth {
            id: TokenId::new(self.ambient.uuid_v7()),
            jti: Jti::new(self.ambient.uuid_v7()),
            owner,
            signer: self.keys.signing().ok_or(TokenError::NoSigningKey)?,
            issuer: self.keys.issuer().to_owned(),
            created_by: holder.principal,
            created_with: Some(holder.token_id),
            now: self.now(),
            creation: None,
        })
    }
}

/// The token with its secret, signed anew: Ed25519 gives the same bytes for the same input.
pub(super) fn issued(keys: &Keys, (token, kept): Kept) -> Issued {
    let secret = kept.and_then(|(kid, input)| keys.repeating(&kid).map(|signer| signer.sign(&input)));
    Issued { token, secret }
}

async fn make(
    tx: &mut Tx,
    new: NewToken,
    birth: Birth,
    (holder, grants): (Holder, Patterns),
    actor: Actor,
) -> Result<Done<Kept>, TokenError> {
    projection::lock_principal(tx.connection(), birth.owner).await?;
    let power = power_in(tx, &holder, grants).await?;
    if let Some(claim) = new.claim(holder.principal, birth.id.resource_name(), Some(holder.token_id))
        && let Claimed::Before(earlier) = claim.take(tx).await?
    {
        let kept = repeat(tx, &earlier, &holder, &power, birth.now).await?;
        return Ok(Done::before(tx, kept).await?);
    }
    let scopes = power.scopes_at_birth(birth.owner, new.scopes.clone())?;
    token::release_expired_names(tx.connection(), birth.owner, birth.now).await?;
    check_limit(tx, birth.owner, birth.now).await?;
    let kept = insert(tx, new, birth, scopes, Life::Active, &actor).await?;
    Ok(Done::now(kept))
}

/// Refuses one more than an owner may have.
async fn check_limit(tx: &Tx, owner: Principal, now: OffsetDateTime) -> Result<(), TokenError> {
    let live = token::count_live(tx.connection(), owner, now).await?;
    if usize::try_from(live).is_ok_and(|live| live < MAX_LIVE_TOKENS) {
        Ok(())
    } else {
        Err(TokenError::LimitReached { owner, limit: MAX_LIVE_TOKENS })
    }
}

/// Writes the token, what is signed for it, and the line in the feed.
pub(super) async fn insert(
    tx: &mut Tx,
    new: NewToken,
    birth: Birth,
    scopes: Scopes,
    life: Life,
    actor: &Actor,
) -> Result<Kept, TokenError> {
    let Birth { id, jti, owner, signer, issuer, created_by, created_with, now, creation } = birth;
    let kid = signer.kid().clone();
    let token = Token {
        id,
        owner,
        name: new.name,
        description: new.description,
        labels: new.labels,
        scopes,
        life,
        creation,
        create_time: now,
        expire_time: Some(new.expire_time),
        created_by,
        created_with,
        update_time: now,
        secrets: vec![Secret { jti, kid: kid.clone(), create_time: now }],
        revision: 1,
        owner_deleted: false,
    };
    let input = signer.input(&claims(&token, jti), &issuer);
    token::insert(tx.connection(), &token).await.map_err(|error| name_taken(error, &token))?;
    signing_input::keep(tx.connection(), id, &kid, input.clone(), now).await?;
    tx.append(lines::created(&token), actor);
    Ok((token, Some((kid, input))))
}

/// The one unique thing that a caller chooses is the name.
pub(super) fn name_taken(error: StoreError, token: &Token) -> TokenError {
    if error.is_unique_violation() {
        TokenError::NameTaken { owner: token.owner, name: token.name.to_string() }
    } else {
        error.into()
    }
}

fn claims(token: &Token, jti: Jti) -> Claims {
    let seconds = |time: OffsetDateTime| u64::try_from(time.unix_timestamp()).unwrap_or(0);
    Claims {
        token_id: token.id,
        jti,
        kind: TokenKind::Named,
        owner: token.owner,
        issued_at: seconds(token.create_time),
        expires_at: token.expire_time.map(seconds),
        auth_time: None,
        scopes: token.scopes.to_claim(),
    }
}

/// The answer to a repeat: authorized and contained anew.
async fn repeat(
    tx: &Tx,
    earlier: &Earlier,
    holder: &Holder,
    power: &Power,
    now: OffsetDateTime,
) -> Result<Kept, TokenError> {
    if earlier.token_id != Some(holder.token_id) {
        return Err(TokenError::RequestIdOtherToken { resource: earlier.resource.clone() });
    }
    let id = TokenId::parse_resource_name(&earlier.resource).map_err(StoreError::unreadable)?;
    let token = token::find(tx.connection(), id).await?.ok_or_else(|| TokenError::no_token(id))?;
    shown_again(tx, token, power, now).await
}

/// The token with what was signed for it, if it lives and the caller holds what it may do.
pub(super) async fn shown_again(tx: &Tx, token: Token, power: &Power, now: OffsetDateTime) -> Result<Kept, TokenError> {
    match token.state(now) {
        State::Revoked => return Err(TokenError::Revoked { id: token.id.to_string() }),
        State::Expired => return Err(TokenError::Expired { id: token.id.to_string() }),
        State::OwnerDeleted => return Err(TokenError::OwnerDeleted { owner: token.owner }),
        State::Active | State::Disabled => {}
    }
    power.over(token.owner, &token.scopes)?;
    let kept = signing_input::find(tx.connection(), token.id, now).await?;
    Ok((token, kept))
}
