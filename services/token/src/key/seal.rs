//! Private keys at rest: AES-256-GCM under the master key, a fresh nonce each time, bound to the key's id.
//!
//! What is stored is nonce (12 bytes) ‖ ciphertext ‖ tag. The id is the additional data: a ciphertext that was moved to
//! another key's row does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use passgate_kit::client::{Ambient, Kid};
use passgate_kit::keyfile::Key;
use zeroize::Zeroizing;

/// The key that seals keys.
pub struct MasterKey(LessSafeKey);

/// A sealed key that does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the signing key in the database does not open with this master key: put the master key file of this installation back"
)]
pub struct SealError;

impl MasterKey {
    /// Takes the bytes of the master key file.
    ///
    /// # Errors
    /// Never for 32 bytes; the library could refuse other lengths.
    pub fn new(key: &Key) -> Result<Self, SealError> {
        UnboundKey::new(&AES_256_GCM, key.as_slice()).map(|key| Self(LessSafeKey::new(key))).map_err(|_| SealError)
    }

    /// Seals a private key.
    ///
    /// # Errors
    /// If the library refuses, which it does not for messages of this size.
    pub fn seal(&self, kid: &Kid, private: &[u8], ambient: &Ambient) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        ambient.fill(&mut nonce);
        let mut body = private.to_vec();
        let aad = Aad::from(kid.as_str().as_bytes());
        self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body).map_err(|_| SealError)?;
        Ok([nonce.as_slice(), &body].concat())
    }

    /// Opens what [`Self::seal`] made for this very key.
    ///
    /// # Errors
    /// If it was sealed with another master key, for another key, or was changed.
    pub fn open(&self, kid: &Kid, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError)?;
        let mut body = Zeroizing::new(body.to_vec());
        let aad = Aad::from(kid.as_str().as_bytes());
        let length =
            self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut body).map_err(|_| SealError)?.len();
        body.truncate(length);
        Ok(body)
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("MasterKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(byte: u8) -> MasterKey {
        MasterKey::new(&Zeroizing::new([byte; 32])).expect("a key")
    }

    #[test]
    fn a_sealed_key_opens_with_its_master_key_and_for_its_own_id_only() {
        let (kid, other) = (Kid::of(&[1; 32]), Kid::of(&[2; 32]));
        let sealed = master(1).seal(&kid, b"private", &Ambient::system()).expect("sealed");

        assert_eq!(master(1).open(&kid, &sealed).expect("opened").as_slice(), b"private");
        assert_eq!(master(2).open(&kid, &sealed).err(), Some(SealError));
        assert_eq!(master(1).open(&other, &sealed).err(), Some(SealError));
        let mut changed = sealed;
        *changed.last_mut().expect("bytes") ^= 1;
        assert_eq!(master(1).open(&kid, &changed).err(), Some(SealError));
    }

    #[test]
    fn no_two_seals_are_alike() {
        let kid = Kid::of(&[1; 32]);
        let seal = || master(1).seal(&kid, b"private", &Ambient::system()).expect("sealed");

        assert_ne!(seal(), seal());
    }
}
