//! The public keys that tokens are verified with.
//!
//! A key set maps the whole encoded header of a token to a key and a kind. That one look-up settles `typ`, `alg`, `kid`,
//! the order and number of members and their spelling: what is not exactly a header that we write is not in the map.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use crate::claims::{TokenKind, header_segment};
use crate::credential::sha256;

/// A key's id: its RFC 7638 thumbprint, with SHA-256, in base64url.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid(Box<str>);

impl Kid {
    /// The thumbprint of an Ed25519 public key (RFC 8037 §2 names the members that count).
    #[must_use]
    pub fn of(public_key: &[u8; 32]) -> Self {
        let x = BASE64URL.encode(public_key);
        Self(BASE64URL.encode(sha256(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes())).into())
    }

    /// Reads an id. `None` if it cannot be a thumbprint.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL.decode(text).ok()?;
        (bytes.len() == 32).then(|| Self(text.into()))
    }

    /// The 43 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a key is used for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Known, so that everybody can verify before the first signature.
    Published,
    /// Signs new tokens.
    Signing,
    /// Signs no more; its tokens are good.
    Retired,
    /// Its tokens are refused, all of them.
    Revoked,
}

/// Why 32 bytes are not taken as a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A point of order 1, 2, 4 or 8: with it, a signature can be made that holds for any message.
    #[error("the public key is of low order, so that anybody could sign for it")]
    LowOrder,
    /// A second spelling of a point (RFC 8032 §5.1.3 takes one).
    #[error("the public key is not in canonical form")]
    NotCanonical,
}

/// A key that tokens are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    kid: Kid,
    bytes: [u8; 32],
    state: KeyState,
}

impl PublicKey {
    /// Takes an Ed25519 public key (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// If it is of low order or not in canonical form: no honest key is, and the crypto library takes any 32 bytes.
    pub fn new(bytes: [u8; 32], state: KeyState) -> Result<Self, KeyError> {
        check_point(&bytes)?;
        Ok(Self { kid: Kid::of(&bytes), bytes, state })
    }

    /// Its id.
    #[must_use]
    pub fn kid(&self) -> &Kid {
        &self.kid
    }

    /// The 32 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// What it is used for.
    #[must_use]
    pub fn state(&self) -> KeyState {
        self.state
    }
}

/// y of the points whose order divides 8, little-endian and without the sign of x: 0, 1, −1, and the two of order 8.
/// With either sign they are the low-order points and the non-canonical spellings of (0, 1) and (0, −1).
const LOW_ORDER_Y: [[u8; 32]; 5] = [
    [0; 32],
    little_endian(1, 0, 0),
    little_endian(0xec, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// 2^255 − 19, the field's prime.
const PRIME: [u8; 32] = little_endian(0xed, 0xff, 0x7f);

const fn little_endian(lowest: u8, middle: u8, highest: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    let [first, .., last] = &mut bytes;
    *first = lowest;
    *last = highest;
    bytes
}

/// Refuses an encoded point that is of low order, or has a y that the prime should have reduced.
pub(crate) fn check_point(encoded: &[u8; 32]) -> Result<(), KeyError> {
    let mut y = *encoded;
    let [.., last] = &mut y;
    *last &= 0x7f; // the top bit is the sign of x
    if LOW_ORDER_Y.contains(&y) {
        return Err(KeyError::LowOrder);
    }
    if y.iter().rev().ge(PRIME.iter().rev()) {
        return Err(KeyError::NotCanonical);
    }
    Ok(())
}

/// The keys of one issuer, as they are at one time.
#[derive(Clone, Debug)]
pub struct KeySet {
    issuer: Box<str>,
    keys: Vec<Arc<PublicKey>>,
    headers: HashMap<String, (Arc<PublicKey>, TokenKind)>,
}

impl KeySet {
    /// The keys of `issuer`, revoked ones too: only with them can a genuine token of a revoked key be told from a forged one.
    pub fn new(issuer: impl Into<Box<str>>, keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let keys: Vec<_> = keys.into_iter().map(Arc::new).collect();
        let headers = keys
            .iter()
            .flat_map(|key| TokenKind::ALL.map(|kind| (header_segment(kind, key.kid()), (Arc::clone(key), kind))));
        Self { issuer: issuer.into(), headers: headers.collect(), keys }
    }

    /// `iss`
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter().map(|key| &**key)
    }

    pub(crate) fn by_header(&self, segment: &str) -> Option<(&PublicKey, TokenKind)> {
        self.headers.get(segment).map(|(key, kind)| (&**key, *kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> [u8; 32] {
        let byte = |at: usize| u8::from_str_radix(hex.get(2 * at..2 * at + 2).expect("64 digits"), 16).expect("hex");
        std::array::from_fn(byte)
    }

    #[test]
    fn a_kid_is_the_thumbprint_of_rfc_8037_appendix_a_3() {
        let key = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");

        assert_eq!(Kid::of(&key).as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(Kid::parse(Kid::of(&key).as_str()), Some(Kid::of(&key)));
        for wrong in ["", "kPrK", "../../etc/passwd", "' or 1=1 --", &"a".repeat(1024)] {
            assert_eq!(Kid::parse(wrong), None);
        }
    }

    #[test]
    fn the_eight_low_order_points_are_no_keys() {
        for point in [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        ] {
            assert_eq!(PublicKey::new(bytes(point), KeyState::Signing), Err(KeyError::LowOrder), "{point}");
        }
    }

    #[test]
    fn second_spellings_of_a_point_are_no_keys() {
        for point in [
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ] {
            assert_eq!(PublicKey::new(bytes(point), KeyState::Signing), Err(KeyError::LowOrder), "{point}");
        }
        for point in [
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ] {
            assert_eq!(PublicKey::new(bytes(point), KeyState::Signing), Err(KeyError::NotCanonical), "{point}");
        }
    }
}
