//! A create's `request_id` (AIP-155), and the digest that tells a repeat from another request with the same id.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use prost::Message;

use crate::fields::Fields;

/// The longest `request_id`, in characters.
pub const MAX_REQUEST_ID: usize = 64;

/// What a caller names one act by, so that a repeat of it gives the same result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// Reads the field; `None` if it is empty: such a request has no repeats.
    ///
    /// # Errors
    /// If it is too long or has something else than printable ASCII.
    pub fn parse(text: &str) -> Result<Option<Self>, RequestIdError> {
        if text.len() > MAX_REQUEST_ID || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RequestIdError);
        }
        Ok((!text.is_empty()).then(|| Self(text.into())))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Not a `request_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at most 64 printable ASCII characters and no spaces, like a UUID")]
pub struct RequestIdError;

/// The longest that a confirmation is waited for.
const LONGEST_CONFIRMATION: Duration = Duration::from_secs(30);

/// Reads how long to wait until a change is confirmed; `Some(None)` if that is not asked for. `None` after a violation was
/// noted at `path`.
pub fn confirm_within(
    fields: &mut Fields,
    path: &str,
    asked: Option<&prost_types::Duration>,
) -> Option<Option<Duration>> {
    let Some(asked) = asked else { return Some(None) };
    let well_formed = asked.seconds >= 0 && (0..1_000_000_000).contains(&asked.nanos);
    let read = Duration::try_from(*asked).ok().filter(|length| well_formed && *length <= LONGEST_CONFIRMATION);
    let read = fields.check(path, read.ok_or("must be at most 30 s, with 0 to 999,999,999 nanoseconds"))?;
    Some(Some(read).filter(|length| !length.is_zero()))
}

/// SHA-256 of a request as it was understood.
///
/// The message is encoded again: what two clients spell differently but mean alike has one digest. Maps are ordered in
/// our generated code, without which one message would have many encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    /// The digest of a request.
    #[must_use]
    pub fn of(request: &impl Message) -> Self {
        Self::of_bytes(&request.encode_to_vec())
    }

    /// The digest of a request that was encoded by other means.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(sum)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_short_printable_ascii_or_nothing() {
        assert_eq!(RequestId::parse(""), Ok(None));
        assert!(RequestId::parse(&"x".repeat(64)).is_ok_and(|id| id.is_some()));
        for wrong in ["a b", "ü", "tab\t", &"x".repeat(65)] {
            assert_eq!(RequestId::parse(wrong), Err(RequestIdError), "{wrong}");
        }
    }

    #[test]
    fn another_body_has_another_digest() {
        assert_ne!(BodyDigest::of(&"a".to_owned()), BodyDigest::of(&"b".to_owned()));
        assert_eq!(BodyDigest::of(&"a".to_owned()), BodyDigest::of(&"a".to_owned()));
    }
}
