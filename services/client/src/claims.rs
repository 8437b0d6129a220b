//! What a token says, and how it is written.
//!
//! A token is a JWT by RFC 9068 (`at+jwt`), or a session's own kind (`session+jwt`) with an audience of its own. Its header
//! has three members in one order, so that all tokens of a key and kind begin with the same bytes. The Verifier uses that:
//! it parses no header. One departure from RFC 9068 §2.2: `exp` is absent where the policy allows a token without end.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{Jti, Principal, PrincipalKind, TokenId};
use crate::keyset::Kid;
use crate::scopes::Scopes;
use crate::secret::SecretString;

/// The latest time in a token: the last second of the year 9999, which also is far below 2^53.
pub const LATEST_TIME: u64 = 253_402_300_799;

/// `{"typ":"at+jwt","alg":"EdDSA","kid":` and `{"typ":"session+jwt","alg":"EdDSA","kid":"` in base64url: what our tokens, and
/// hardly others, begin with. Cut where three bytes are complete, so that the key's id changes none of it.
pub(crate) const HEADER_PREFIXES: [&str; 2] =
    ["eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6", "eyJ0eXAiOiJzZXNzaW9uK2p3dCIsImFsZyI6IkVkRFNBIiwia2lkIjoi"];

/// What a token is for. Each kind has its own `typ` and its own audience, so that one never passes for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// One that has a name.
    Named,
    /// The short one that signing in gives.
    Session,
}

impl TokenKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Named, Self::Session];

    /// The `typ` of its header (RFC 8725 §3.11).
    #[must_use]
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Named => "at+jwt",
            Self::Session => "session+jwt",
        }
    }

    /// Its `aud`, given the issuer.
    #[must_use]
    pub fn audience(self, issuer: &str) -> String {
        match self {
            Self::Named => issuer.to_owned(),
            Self::Session => format!("{issuer}#session"),
        }
    }
}

/// What a token says, besides who issued it. Times are whole seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The token.
    pub token_id: TokenId,
    /// The secret.
    pub jti: Jti,
    /// Named or session.
    pub kind: TokenKind,
    /// Who owns it: `sub` and `client_id`.
    pub owner: Principal,
    /// `iat`
    pub issued_at: u64,
    /// `exp`; `None` is without end. A session always has one.
    pub expires_at: Option<u64>,
    /// `auth_time`, when the user signed in: there for a session and only there.
    pub auth_time: Option<u64>,
    /// `scope`; `None` is all that the owner may. The row may have narrowed it since.
    pub scopes: Option<String>,
}

/// The members as they are written, in this order. A second one of a name, or one that is not here, is an error.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    iat: u64,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    exp: Option<u64>,
    jti: String,
    token_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    auth_time: Option<u64>,
}

/// Absent and malformed differ: a member that is there has a value of its type, and `null` is none
/// (CVE-2026-25537 took a malformed `exp` for an absent one).
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

/// The header of every token of this key and kind, encoded.
pub(crate) fn header_segment(kind: TokenKind, kid: &Kid) -> String {
    BASE64URL.encode(format!(r#"{{"typ":"{}","alg":"EdDSA","kid":"{kid}"}}"#, kind.typ()))
}

/// What is signed: header and claims, encoded. Equal claims give equal bytes, and Ed25519 signs those to the same token.
#[must_use]
pub fn signing_input(claims: &Claims, kid: &Kid, issuer: &str) -> String {
    let wire = Wire {
        iss: issuer.to_owned(),
        sub: claims.owner.to_string(),
        aud: claims.kind.audience(issuer),
        client_id: claims.owner.to_string(),
        iat: claims.issued_at,
        exp: claims.expires_at,
        jti: claims.jti.to_string(),
        token_id: claims.token_id.to_string(),
        scope: claims.scopes.clone(),
        auth_time: claims.auth_time,
    };
    // Strings and numbers always have a JSON form; if not, an empty claims set is signed, which no verifier takes.
    let json = serde_json::to_vec(&wire).unwrap_or_default();
    format!("{}.{}", header_segment(claims.kind, kid), BASE64URL.encode(json))
}

/// The token: `input` from [`signing_input`] with its signature.
#[must_use]
pub fn assemble(input: &str, signature: &[u8]) -> SecretString {
    SecretString::new(format!("{input}.{}", BASE64URL.encode(signature)))
}

/// Reads claims whose signature has been verified. `None` if anything at all is not as we write it.
pub(crate) fn read(json: &[u8], kind: TokenKind, issuer: &str) -> Option<Claims> {
    let wire: Wire = serde_json::from_slice(json).ok()?;
    let times = [Some(wire.iat), wire.exp, wire.auth_time];
    let in_range = times.into_iter().flatten().all(|time| time <= LATEST_TIME);
    let is_ours = wire.iss == issuer && wire.aud == kind.audience(issuer) && wire.client_id == wire.sub;
    if !in_range || !is_ours || Scopes::from_claim(wire.scope.as_deref()).is_err() {
        return None;
    }
    let claims = Claims {
        token_id: TokenId::parse(&wire.token_id).ok()?,
        jti: Jti::parse(&wire.jti).ok()?,
        kind,
        owner: Principal::parse(&wire.sub).ok()?,
        issued_at: wire.iat,
        expires_at: wire.exp,
        auth_time: wire.auth_time,
        scopes: wire.scope,
    };
    claims.fits_its_kind().then_some(claims)
}

impl Claims {
    fn fits_its_kind(&self) -> bool {
        match self.kind {
            TokenKind::Named => self.auth_time.is_none(),
            TokenKind::Session => {
                self.auth_time.is_some() && self.expires_at.is_some() && self.owner.kind() == PrincipalKind::User
            }
        }
    }

    /// Whether its time is over at `now`. The second of `exp` itself is too late (RFC 7519 §4.1.4), and there is no leeway.
    #[must_use]
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::*;

    pub(crate) const ISSUED: u64 = 1_800_000_000;

    impl Claims {
        /// A token of that kind, issued at [`ISSUED`], good for an hour.
        pub(crate) fn example(kind: TokenKind) -> Self {
            Self {
                token_id: TokenId::new(Uuid::from_u128(1)),
                jti: Jti::new(Uuid::from_u128(2)),
                kind,
                owner: Principal::new(PrincipalKind::User, Uuid::from_u128(3)),
                issued_at: ISSUED,
                expires_at: Some(ISSUED + 3600),
                auth_time: (kind == TokenKind::Session).then_some(ISSUED),
                scopes: None,
            }
        }
    }

    fn decoded(input: &str) -> Vec<String> {
        input
            .split('.')
            .map(|part| String::from_utf8(BASE64URL.decode(part).expect("base64url")).expect("text"))
            .collect()
    }

    #[test]
    fn members_are_written_in_one_order() {
        let claims = Claims { scopes: Some("endpoints/a".to_owned()), ..Claims::example(TokenKind::Named) };
        let kid = Kid::of(&[3; 32]);

        let parts = decoded(&signing_input(&claims, &kid, "urn:passgate:x"));

        assert_eq!(parts[0], format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#));
        assert_eq!(
            parts[1],
            concat!(
                r#"{"iss":"urn:passgate:x","sub":"users/00000000-0000-0000-0000-000000000003","aud":"urn:passgate:x","#,
                r#""client_id":"users/00000000-0000-0000-0000-000000000003","iat":1800000000,"exp":1800003600,"#,
                r#""jti":"00000000-0000-0000-0000-000000000002","token_id":"00000000-0000-0000-0000-000000000001","scope":"endpoints/a"}"#
            )
        );
    }

    #[test]
    fn what_is_written_reads_back() {
        for kind in TokenKind::ALL {
            let claims = Claims::example(kind);
            let parts = decoded(&signing_input(&claims, &Kid::of(&[3; 32]), "urn:passgate:x"));

            assert_eq!(read(parts[1].as_bytes(), kind, "urn:passgate:x"), Some(claims));
        }
    }

    #[test]
    fn all_tokens_of_a_kind_begin_alike() {
        for (kind, prefix) in TokenKind::ALL.into_iter().zip(HEADER_PREFIXES) {
            for key in [[3; 32], [4; 32]] {
                assert!(header_segment(kind, &Kid::of(&key)).starts_with(prefix), "{kind:?}");
            }
        }
    }
}
