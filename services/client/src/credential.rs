//! **Credential**, a guard: finds exactly one bearer token in the one place allowed, takes it out, and hands on an opaque
//! value that does not print itself.
//!
//! "First wins" and "last wins" are both wrong: whoever stands behind may choose the other. So more than one is none.

use std::fmt;

use aws_lc_rs::digest;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::claims::HEADER_PREFIXES;

/// gRPC's binary twin of `authorization`, which nobody has a use for here.
const AUTHORIZATION_BIN: HeaderName = HeaderName::from_static("authorization-bin");
const SCHEME: &str = "Bearer ";
/// How secrets between services begin.
pub(crate) const SERVICE_SECRET_PREFIX: &str = "pgs_";

/// A bearer token as it was presented. Whether it is genuine is the Verifier's question.
pub struct Credential(Zeroizing<String>);

/// There was something where the credential belongs, and it is not exactly one bearer token. What it was is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("send exactly one credential, as \"authorization: Bearer <token>\"")]
pub struct CredentialError;

impl Credential {
    /// Takes the credential out of a request's headers. Whatever was in its place is gone afterwards, in every case, so
    /// that nothing behind can forward it. `None` means that there was nothing at all.
    ///
    /// # Errors
    /// If there are two, or one that is not `Bearer` (RFC 6750 §2.1) with one token, or one in gRPC's binary form.
    pub fn take(headers: &mut HeaderMap) -> Result<Option<Self>, CredentialError> {
        let has_binary = headers.remove(AUTHORIZATION_BIN).is_some();
        let values = match headers.entry(AUTHORIZATION) {
            http::header::Entry::Occupied(entry) => entry.remove_entry_mult().1.collect(),
            http::header::Entry::Vacant(_) => Vec::new(),
        };
        match (values.as_slice(), has_binary) {
            ([], false) => Ok(None),
            ([value], false) => Self::from_header(value).map(Some),
            _ => Err(CredentialError),
        }
    }

    fn from_header(value: &HeaderValue) -> Result<Self, CredentialError> {
        let text = value.to_str().map_err(|_| CredentialError)?;
        let (scheme, token) = text.split_at_checked(SCHEME.len()).ok_or(CredentialError)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(CredentialError); // RFC 9110 §11.1: the scheme's case does not count
        }
        Self::parse(token)
    }

    /// Takes a token as text, as it stands behind `Bearer`.
    ///
    /// # Errors
    /// If it is not one `token68` (RFC 9110 §11.2).
    pub fn parse(token: &str) -> Result<Self, CredentialError> {
        let body = token.trim_end_matches('=');
        let is_token68 = !body.is_empty()
            && body
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'));
        if is_token68 { Ok(Self(Zeroizing::new(token.to_owned()))) } else { Err(CredentialError) }
    }

    /// The token itself, for verifying it or handing it to a service that decides again.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value of an `authorization` header with it, marked so that HTTP/2 does not index it and nothing prints it.
    #[must_use]
    pub fn to_header(&self) -> Option<HeaderValue> {
        let text = Zeroizing::new(format!("{SCHEME}{}", self.expose()));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// SHA-256 of the whole token: what caches are keyed by.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }

    /// The first 8 hex digits of the digest: enough to find a credential in logs, no help in guessing it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let [a, b, c, d, ..] = self.digest();
        format!("{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Credential(..)")
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Whether `text` (a URL, a cookie, a form) has one of our secrets in it, as it is or percent-encoded. It was exposed
/// then, and belongs into no log line.
#[must_use]
pub fn looks_like_token(text: &str) -> bool {
    let has_secret = |bytes: &[u8]| {
        HEADER_PREFIXES.iter().any(|prefix| contains(bytes, prefix.as_bytes())) || has_service_secret(bytes)
    };
    has_secret(text.as_bytes()) || (text.contains('%') && has_secret(&percent_decoded(text.as_bytes())))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// `pgs_{instance}_{43 or more letters and digits}`
fn has_service_secret(bytes: &[u8]) -> bool {
    let prefix = SERVICE_SECRET_PREFIX.as_bytes();
    let starts = bytes.windows(prefix.len()).enumerate().filter(|(_, window)| *window == prefix);
    starts.filter_map(|(at, _)| bytes.get(at + prefix.len()..)).any(|rest| {
        let word = rest.split(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-')).next();
        word.and_then(|word| word.rsplit(|byte| *byte == b'_').next()).is_some_and(|secret| secret.len() >= 43)
    })
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        match (first, hex_pair(tail)) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    decoded
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::claims::{Claims, TokenKind, signing_input};
    use crate::keyset::Kid;

    fn headers(values: &[(&'static str, &str)]) -> HeaderMap {
        values
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value")))
            .collect()
    }

    fn take(values: &[(&'static str, &str)]) -> (Result<Option<String>, CredentialError>, HeaderMap) {
        let mut headers = headers(values);
        let taken = Credential::take(&mut headers).map(|taken| taken.map(|credential| credential.expose().to_owned()));
        (taken, headers)
    }

    #[test]
    fn one_bearer_token_is_taken_out() {
        for value in ["Bearer a.b-c_d", "bearer a.b-c_d", "BEARER a.b-c_d"] {
            let (taken, left) = take(&[("authorization", value), ("accept", "*/*")]);

            assert_eq!(taken, Ok(Some("a.b-c_d".to_owned())));
            assert_eq!(left, headers(&[("accept", "*/*")]));
        }
    }

    #[test]
    fn nothing_at_all_is_told_apart_from_something_wrong() {
        assert_eq!(take(&[("accept", "*/*"), ("x-token", "Bearer a")]).0, Ok(None));
    }

    #[test]
    fn bearer_missing_twice_basic_empty_two_spaces_or_trailing_comma_is_refused_and_gone() {
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer  a",
            " Bearer a",
            "a.b.c",
            "Basic dTpw",
            "Bearer a,",
            "Bearer a, Bearer b",
            "Bearer a b",
            "Bearer\ta",
            "Bearer a;x",
            "Bearer =",
            "Bearer ä",
            "Bearer a=b",
        ] {
            let (taken, left) = take(&[("authorization", wrong)]);
            assert_eq!(taken, Err(CredentialError), "{wrong:?}");
            assert!(left.is_empty(), "{wrong:?}");
        }
        let (taken, left) = take(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]);
        assert_eq!((taken, left.len()), (Err(CredentialError), 0));
    }

    #[test]
    fn two_authorization_comma_joined_or_authorization_bin_is_refused() {
        for wrong in [
            &[("authorization", "Bearer a"), ("authorization", "Bearer b")][..],
            &[("authorization", "Bearer a,Bearer b")],
            &[("authorization-bin", "QmVhcmVyIGE")],
            &[("authorization", "Bearer a"), ("authorization-bin", "QmVhcmVyIGE")],
        ] {
            let (taken, left) = take(wrong);
            assert_eq!((taken, left.len()), (Err(CredentialError), 0));
        }
    }

    #[test]
    fn a_credential_prints_nothing_of_itself() {
        let credential = Credential::parse("a.b.c").expect("a token");

        assert_eq!(format!("{credential:?}"), "Credential(..)");
        assert!(credential.to_header().expect("a header").is_sensitive());
        assert_eq!(credential.fingerprint().len(), 8);
        assert!(!credential.fingerprint().contains("a.b"));
    }

    #[test]
    fn a_token_in_a_query_userinfo_path_or_cookie_is_seen() {
        let secret = |kind| signing_input(&Claims::example(kind), &Kid::of(&[3; 32]), "urn:passgate:x");
        for kind in [TokenKind::Named, TokenKind::Session] {
            let token = secret(kind);
            let encoded: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
            for text in [
                format!("/endpoints/a?token={token}"),
                format!("/endpoints/a?x=1&access_token={token}.sig&y"),
                format!("https://u:{token}@host/"),
                format!("/endpoints/a/{token}/b"),
                format!("session={token}; other=1"),
                format!("/endpoints/a?api_key={encoded}"),
            ] {
                assert!(looks_like_token(&text), "{text}");
            }
        }
        assert!(looks_like_token(&format!("/?key=pgs_gateway-1_{}", "a".repeat(43))));
    }

    #[test]
    fn other_values_in_a_query_are_left_alone() {
        for text in [
            "",
            "/",
            "?token=abc",
            "?access_token=eyJhbGciOiJIUzI1NiJ9.e30.x",
            "?q=pgs_notes",
            "?q=100%",
            "?q=%zz%4",
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9",
        ] {
            assert!(!looks_like_token(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_guard_panic_and_none_stay(value: Vec<u8>, text: String) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.insert(AUTHORIZATION, value);
            }
            let _ = Credential::take(&mut headers);
            prop_assert!(headers.is_empty());
            let _ = looks_like_token(&text);
        }
    }
}
