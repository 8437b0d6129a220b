//! Change marks: the text with which a write says how far the feeds are, and a later request says what it must not miss.
//!
//! A mark is opaque to callers and authenticated, so that nobody can make a service wait for a change that never comes.
//! Its form: base64url of version, which feeds, each feed's position, and the first 128 bits of an HMAC-SHA256 over it.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::position::{ChangeNumber, FeedId, Position, Vector};

const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;
/// Longer than any mark: three positions need 249 characters.
const MAX_MARK_BYTES: usize = 512;

/// The key that marks are authenticated with: one for the installation, so that each service reads the others' marks.
pub struct MarkKey(Zeroizing<[u8; 32]>);

impl MarkKey {
    /// Takes the 32 bytes of the key.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn tag(&self, body: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*self.0), body)
    }
}

impl fmt::Debug for MarkKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("MarkKey(..)")
    }
}

/// A text that is no mark of this installation. Why is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the passgate-change of an earlier answer of this installation, unchanged")]
pub struct MarkError;

/// Writing and reading of marks.
#[derive(Clone, Copy, Debug)]
pub struct ChangeMark;

impl ChangeMark {
    /// The text of a mark that names these positions.
    #[must_use]
    pub fn encode(vector: &Vector, key: &MarkKey) -> String {
        let feeds = [vector.identity, vector.token, vector.gateway];
        let present = feeds.iter().rev().fold(0, |bits, feed| (bits << 1) | u8::from(feed.is_some()));
        let mut body = vec![VERSION, present];
        for position in feeds.into_iter().flatten() {
            body.extend_from_slice(position.feed.0.as_bytes());
            body.extend_from_slice(&position.number.0.to_be_bytes());
            body.extend_from_slice(&position.hash);
        }
        let tag = key.tag(&body);
        body.extend(tag.as_ref().iter().take(TAG_BYTES));
        BASE64URL.encode(body)
    }

    /// Reads a mark back.
    ///
    /// # Errors
    /// If it was not written with `key`, or was changed since.
    pub fn decode(text: &str, key: &MarkKey) -> Result<Vector, MarkError> {
        if text.len() > MAX_MARK_BYTES {
            return Err(MarkError);
        }
        let bytes = BASE64URL.decode(text).map_err(|_| MarkError)?;
        let (body, tag) = bytes.split_last_chunk::<TAG_BYTES>().ok_or(MarkError)?;
        let expected = key.tag(body);
        let expected = expected.as_ref().first_chunk::<TAG_BYTES>().ok_or(MarkError)?;
        constant_time::verify_slices_are_equal(expected, tag).map_err(|_| MarkError)?;
        Self::read(body).ok_or(MarkError)
    }

    fn read(body: &[u8]) -> Option<Vector> {
        let ([version, present], mut rest) = body.split_first_chunk::<2>()?;
        if *version != VERSION || *present > 0b111 {
            return None;
        }
        let mut next = |bit: u8| -> Option<Option<Position>> {
            if present & bit == 0 {
                return Some(None);
            }
            let (feed, after) = rest.split_first_chunk::<16>()?;
            let (number, after) = after.split_first_chunk::<8>()?;
            let (hash, after) = after.split_first_chunk::<32>()?;
            rest = after;
            let number = ChangeNumber(u64::from_be_bytes(*number));
            Some(Some(Position { feed: FeedId(Uuid::from_bytes(*feed)), number, hash: *hash }))
        };
        let vector = Vector { identity: next(0b001)?, token: next(0b010)?, gateway: next(0b100)? };
        rest.is_empty().then_some(vector)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> MarkKey {
        MarkKey::new([7; 32])
    }

    fn some_position() -> impl Strategy<Value = Option<Position>> {
        proptest::option::of((any::<u128>(), any::<u64>(), any::<[u8; 32]>()).prop_map(|(feed, number, hash)| {
            Position { feed: FeedId(Uuid::from_u128(feed)), number: ChangeNumber(number), hash }
        }))
    }

    fn some_vector() -> impl Strategy<Value = Vector> {
        (some_position(), some_position(), some_position()).prop_map(|(identity, token, gateway)| Vector {
            identity,
            token,
            gateway,
        })
    }

    #[test]
    fn a_mark_of_another_installation_is_none() {
        let mark = ChangeMark::encode(&Vector::default(), &key());

        assert_eq!(ChangeMark::decode(&mark, &key()), Ok(Vector::default()));
        assert_eq!(ChangeMark::decode(&mark, &MarkKey::new([8; 32])), Err(MarkError));
        for wrong in ["", "x", " ", &"A".repeat(10_000), &format!("{mark}="), &format!("{mark}A")] {
            assert_eq!(ChangeMark::decode(wrong, &key()), Err(MarkError), "{wrong:?}");
        }
        assert_eq!(format!("{:?}", key()), "MarkKey(..)");
    }

    proptest! {
        #[test]
        fn marks_round_trip(vector in some_vector()) {
            let mark = ChangeMark::encode(&vector, &key());
            prop_assert!(mark.len() <= MAX_MARK_BYTES);
            prop_assert_eq!(ChangeMark::decode(&mark, &key()), Ok(vector));
        }

        #[test]
        fn no_changed_byte_passes(vector in some_vector(), at: prop::sample::Index, by in 1_u8..) {
            let mut bytes = BASE64URL.decode(ChangeMark::encode(&vector, &key())).expect("base64url");
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            prop_assert_eq!(ChangeMark::decode(&BASE64URL.encode(bytes), &key()), Err(MarkError));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String, body: Vec<u8>) {
            prop_assert!(ChangeMark::decode(&text, &key()).is_err());
            let _ = ChangeMark::read(&body);
        }
    }
}
