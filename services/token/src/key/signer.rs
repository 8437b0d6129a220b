//! The one place that signs.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use passgate_kit::client::claims::{assemble, signing_input};
use passgate_kit::client::{Ambient, Claims, KeyError, Kid, SecretString};
use zeroize::Zeroizing;

/// A key pair in memory.
pub struct Signer {
    kid: Kid,
    public: [u8; 32],
    pair: Ed25519KeyPair,
}

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// Not the private half of an Ed25519 key.
    #[error("the signing key in the database is no Ed25519 key")]
    NotAKey,
    /// Not the one that the row names.
    #[error("the signing key in the database is not the one that its row names")]
    OtherKey,
    /// A public half that must not be used.
    #[error(transparent)]
    Public(#[from] KeyError),
}

/// The private half of an Ed25519 key (RFC 8032 §5.1.5): 32 random bytes.
pub type Seed = Zeroizing<[u8; 32]>;

impl Signer {
    /// A new key, and its private half, to be sealed.
    ///
    /// # Errors
    /// If the library refuses the seed, which it does not.
    pub fn generate(ambient: &Ambient) -> Result<(Self, Seed), SignerError> {
        let mut seed = Zeroizing::new([0; 32]);
        ambient.fill(seed.as_mut());
        let signer = Self::from_seed(seed.as_slice())?;
        Ok((signer, seed))
    }

    /// The key with this private half.
    ///
    /// # Errors
    /// If it has not 32 bytes.
    pub fn from_seed(seed: &[u8]) -> Result<Self, SignerError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SignerError::NotAKey)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| SignerError::NotAKey)?;
        Ok(Self { kid: Kid::of(&public), public, pair })
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &Kid {
        &self.kid
    }

    /// The public half.
    #[must_use]
    pub const fn public_key(&self) -> [u8; 32] {
        self.public
    }

    /// The exact bytes that say `claims`, to be kept for a repeat.
    #[must_use]
    pub fn input(&self, claims: &Claims, issuer: &str) -> String {
        signing_input(claims, &self.kid, issuer)
    }

    /// The token of this input. Ed25519 is deterministic: the same input gives the same token.
    #[must_use]
    pub fn sign(&self, input: &str) -> SecretString {
        assemble(input, self.pair.sign(input.as_bytes()).as_ref())
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Signer({})", self.kid)
    }
}
