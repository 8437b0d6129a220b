//! **Verifier**, a guard: one function over bytes that says whether a token is one of ours.
//!
//! The order is size → shape → header (a look-up, never parsed) → canonical base64url → signature → strict claims → key
//! state → time. Nothing is believed before the signature. What fails before it, or in the claims, is refused without
//! saying why; only who holds a *genuine* token learns that its time is over or that its key was revoked.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use crate::claims::{self, Claims, TokenKind};
use crate::credential::sha256;
use crate::keyset::{KeySet, KeyState, Kid, PublicKey, check_point};
use crate::reason::Reason;

/// Most bytes in a token. Anything longer is refused before it is looked at.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How far `iat` may lie ahead, in seconds: clocks of different machines differ.
pub const MAX_ISSUED_AHEAD: u64 = 60;

/// A genuine token: its signature held, and it says what our tokens say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub claims: Claims,
    /// The key that signed it.
    pub kid: Kid,
    /// SHA-256 of the whole token: what caches are keyed by.
    pub digest: [u8; 32],
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {rule}")]
pub struct Refusal {
    /// What the caller is told: exact only if `genuine`, else `TOKEN_INVALID`.
    pub reason: Reason,
    /// The check that failed, for logs. Callers do not learn it.
    pub rule: &'static str,
    /// The token, if it is one of ours.
    pub genuine: Option<Box<Verified>>,
}

/// The rule that a token breaks whose header is not that of a known key.
const KNOWN_HEADER: &str = "header";

impl Refusal {
    /// Whether `token`, which was refused for this, could be genuine by a key that is not in the set: it begins as our
    /// tokens do. With a set that is not current, that cannot be known.
    #[must_use]
    pub fn may_be_of_another_key(&self, token: &str) -> bool {
        self.rule == KNOWN_HEADER && claims::HEADER_PREFIXES.iter().any(|prefix| token.starts_with(prefix))
    }
}

fn invalid(rule: &'static str) -> Refusal {
    Refusal { reason: Reason::TokenInvalid, rule, genuine: None }
}

/// Says whether `token` is one of ours and good at `now`, in seconds since 1970.
///
/// # Errors
/// `TOKEN_INVALID` for all that is not a genuine token, whatever is wrong with it; `KEY_REVOKED` or `TOKEN_EXPIRED` for a
/// genuine one, in this order.
pub fn verify(keys: &KeySet, token: &[u8], now: u64) -> Result<Verified, Refusal> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(invalid("size"));
    }
    let text = std::str::from_utf8(token).map_err(|_| invalid("shape"))?;
    let (signed, signature) = text.rsplit_once('.').ok_or_else(|| invalid("shape"))?;
    let (header, payload) = signed.split_once('.').ok_or_else(|| invalid("shape"))?;
    if payload.contains('.') {
        return Err(invalid("shape"));
    }
    let (key, kind) = keys.by_header(header).ok_or_else(|| invalid(KNOWN_HEADER))?;
    let payload = canonical(payload)?;
    let signature: [u8; 64] = canonical(signature)?.try_into().map_err(|_| invalid("signature length"))?;
    check_signature(key, signed.as_bytes(), &signature)?;
    judge(keys, key, kind, &payload, token, now)
}

/// Decodes unpadded base64url that has one spelling (RFC 4648 §3.5): it must come out again as it went in.
fn canonical(text: &str) -> Result<Vec<u8>, Refusal> {
    let bytes = BASE64URL.decode(text).map_err(|_| invalid("base64url"))?;
    if BASE64URL.encode(&bytes) == text { Ok(bytes) } else { Err(invalid("base64url")) }
}

/// RFC 8032 §5.1.7. The library refuses S ≥ L and compares R by its bytes; R of low order is refused here, as in keys.
fn check_signature(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Result<(), Refusal> {
    let r = signature.first_chunk().ok_or_else(|| invalid("signature length"))?;
    check_point(r).map_err(|_| invalid("signature point"))?;
    UnparsedPublicKey::new(&ED25519, key.bytes()).verify(message, signature).map_err(|_| invalid("signature"))
}

/// What is decided once the signature held.
fn judge(
    keys: &KeySet,
    key: &PublicKey,
    kind: TokenKind,
    payload: &[u8],
    token: &[u8],
    now: u64,
) -> Result<Verified, Refusal> {
    let claims = claims::read(payload, kind, keys.issuer()).ok_or_else(|| invalid("claims"))?;
    if claims.issued_at > now.saturating_add(MAX_ISSUED_AHEAD) {
        return Err(invalid("issued ahead"));
    }
    let verified = Verified { claims, kid: key.kid().clone(), digest: sha256(token) };
    let refused = |reason, rule| move |genuine| Refusal { reason, rule, genuine: Some(Box::new(genuine)) };
    match key.state() {
        KeyState::Revoked => Err(refused(Reason::KeyRevoked, "key state")(verified)),
        KeyState::Published | KeyState::Signing | KeyState::Retired if verified.claims.is_expired(now) => {
            Err(refused(Reason::TokenExpired, "expiry")(verified))
        }
        KeyState::Published | KeyState::Signing | KeyState::Retired => Ok(verified),
    }
}

#[cfg(test)]
mod tests;
