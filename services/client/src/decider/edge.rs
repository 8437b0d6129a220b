//! What is settled here, without asking: whether a token is genuine, by the keys that the stream tells.
//!
//! Verifying costs some 40 µs, and is done only for what is not in memory: a decision in memory stands for the signature too.

use passgate_proto::token::v1 as proto;
use passgate_proto::token::v1::key::State;
use time::OffsetDateTime;

use super::core::Core;
use super::known::{Answer, Asked, expired};
use crate::clock::Moment;
use crate::convert::Unreadable;
use crate::credential::Credential;
use crate::decision::{Denied, Holder, RestsOn};
use crate::keyset::{KeySet, KeyState, PublicKey};
use crate::reason::Reason;
use crate::scopes::Scopes;
use crate::source::Undecidable;
use crate::verifier::{Refusal, Verified, verify};

impl Core {
    /// The refusal of a token that is not genuine, or whose time or key is over; `None` if it is one to ask about.
    ///
    /// # Errors
    /// If its key is not known here, and may exist: the keys are not current.
    pub fn refuse_at_the_edge(
        &self,
        token: &Credential,
        asked: &Asked<'_>,
        now: Moment,
    ) -> Result<Option<Answer>, Undecidable> {
        let (keys, is_current) = self.keys(now).ok_or(Undecidable::NotUpToDate(None))?;
        match verify(&keys, token.expose().as_bytes(), now.unix_seconds()) {
            Ok(_) => Ok(None),
            Err(refusal) if !is_current && refusal.may_be_of_another_key(token.expose()) => {
                Err(Undecidable::NotUpToDate(None))
            }
            Err(refusal) => Ok(Some(self.refusal(asked, token, refusal))),
        }
    }

    fn refusal(&self, asked: &Asked<'_>, token: &Credential, refusal: Refusal) -> Answer {
        let Some(genuine) = refusal.genuine else {
            tracing::debug!(
                rule = refusal.rule,
                credential = token.fingerprint(),
                "not a genuine token: {}",
                refusal.rule
            );
            return self.refuse(asked, not_genuine(), None);
        };
        let denied = if refusal.reason == Reason::KeyRevoked { key_revoked() } else { expired() };
        self.refuse(asked, denied, Some((holder(&genuine), rests_on(&genuine, asked))))
    }
}

fn not_genuine() -> Denied {
    Denied { reason: Reason::TokenInvalid, detail: "the token is not valid".to_owned() }
}

fn key_revoked() -> Denied {
    let detail = "the key that signed the token was revoked: make a new token";
    Denied { reason: Reason::KeyRevoked, detail: detail.to_owned() }
}

/// Who holds a genuine token, by what it says itself.
fn holder(verified: &Verified) -> Holder {
    let claims = &verified.claims;
    let time = |seconds: u64| i64::try_from(seconds).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    Holder {
        principal: claims.owner,
        token_id: claims.token_id,
        jti: claims.jti,
        kind: claims.kind,
        // A genuine token's scopes can be read.
        scopes: Scopes::from_claim(claims.scopes.as_deref()).unwrap_or(Scopes::Unrestricted),
        auth_time: claims.auth_time.and_then(time),
        expires_at: claims.expires_at.and_then(time),
    }
}

fn rests_on(verified: &Verified, asked: &Asked<'_>) -> RestsOn {
    let claims = &verified.claims;
    RestsOn {
        token_id: claims.token_id,
        jti: claims.jti,
        kid: verified.kid.clone(),
        principal: claims.owner,
        groups: Vec::new(),
        resource: asked.resource.clone(),
        action: asked.action,
    }
}

/// The set of keys that a stream tells: all of it or nothing, so that no half of it is taken for the whole.
///
/// # Errors
/// If a key cannot be one, or its id is not its own.
pub(super) fn read_keys(told: &proto::watch_changes_response::Keys) -> Result<KeySet, Unreadable> {
    if told.issuer.is_empty() {
        return Err(Unreadable("issuer"));
    }
    let keys = told.keys.iter().map(read_key).collect::<Result<Vec<_>, _>>()?;
    Ok(KeySet::new(told.issuer.clone(), keys))
}

fn read_key(told: &proto::Key) -> Result<PublicKey, Unreadable> {
    let state = match told.state() {
        State::Published => KeyState::Published,
        State::Signing => KeyState::Signing,
        State::Retired => KeyState::Retired,
        State::Revoked => KeyState::Revoked,
        State::Unspecified => return Err(Unreadable("state")),
    };
    let bytes = <[u8; 32]>::try_from(told.public_key.as_slice()).map_err(|_| Unreadable("public_key"))?;
    let key = PublicKey::new(bytes, state).map_err(|_| Unreadable("public_key"))?;
    let is_itself = key.kid().as_str() == told.kid && told.algorithm == "EdDSA";
    if is_itself { Ok(key) } else { Err(Unreadable("kid")) }
}
