//! The keys in memory: public ones to verify with, private ones to sign with.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use passgate_kit::client::verifier::Refusal;
use passgate_kit::client::{KeySet, KeyState, Kid, PublicKey, Verified, verify};
use passgate_kit::store::{Store, StoreError};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use time::OffsetDateTime;

use super::seal::{MasterKey, SealError};
use super::signer::{Signer, SignerError};
use crate::store::signing_key::{self, StoredKey};

/// Bytes of verified tokens that are kept. When full, what is used least is verified again.
const VERIFIED_BYTES: u64 = 32 * 1024 * 1024;
/// About how many those are.
const VERIFIED_ITEMS: usize = 50_000;

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFailure {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A private half does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A private half is none.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// A key as it is listed.
#[derive(Clone, Debug)]
pub struct ListedKey {
    /// Its public half, id and state.
    pub public: PublicKey,
    /// When it was made.
    pub create_time: OffsetDateTime,
}

/// All keys at one time.
struct Ring {
    generation: u64,
    set: KeySet,
    listed: Vec<ListedKey>,
    signers: Vec<(KeyState, Arc<Signer>)>,
}

/// The keys of the installation. Cheap to clone.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    store: Store,
    master: Arc<MasterKey>,
    issuer: Box<str>,
    ring: ArcSwap<Ring>,
    verified: Cache<[u8; 32], Arc<Known>, Weight>,
}

/// A token that was verified with the keys of a generation. It stands for the signature, not for the time.
struct Known {
    generation: u64,
    verified: Arc<Verified>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<[u8; 32], Arc<Known>> for Weight {
    fn weight(&self, _digest: &[u8; 32], known: &Arc<Known>) -> u64 {
        let scopes = known.verified.claims.scopes.as_ref().map_or(0, String::len);
        400_u64.saturating_add(u64::try_from(scopes).unwrap_or(u64::MAX))
    }
}

impl Keys {
    /// Loads the keys of `issuer`.
    ///
    /// # Errors
    /// If the database does not answer, or a key does not open.
    pub async fn load(store: Store, master: Arc<MasterKey>, issuer: impl Into<Box<str>>) -> Result<Self, KeyFailure> {
        let issuer = issuer.into();
        let ring = Ring::open(&master, &issuer, read(&store).await?, 0)?;
        let verified = Cache::with_weighter(VERIFIED_ITEMS, VERIFIED_BYTES, Weight);
        Ok(Self(Arc::new(Inner { store, master, issuer, ring: ArcSwap::from_pointee(ring), verified })))
    }

    /// Reads the keys again, after a change of one.
    ///
    /// # Errors
    /// If the database does not answer, or a key does not open. The old keys then stay.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let stored = read(&self.0.store).await?;
        let generation = self.0.ring.load().generation.wrapping_add(1);
        match Ring::open(&self.0.master, &self.0.issuer, stored, generation) {
            Ok(ring) => self.0.ring.store(Arc::new(ring)),
            Err(error) => return Err(StoreError::unreadable(error)),
        }
        self.0.verified.clear();
        Ok(())
    }

    /// Says whether `token`, whose SHA-256 is `digest`, is genuine and good at `now`.
    ///
    /// # Errors
    /// As [`verify`].
    pub fn verify(&self, token: &str, digest: [u8; 32], now: u64) -> Result<Arc<Verified>, Refusal> {
        let ring = self.0.ring.load();
        if let Some(known) = self.0.verified.get(&digest).filter(|known| known.generation == ring.generation) {
            // Expiry is checked on every use, and the key's state is part of the generation.
            if !known.verified.claims.is_expired(now) {
                return Ok(Arc::clone(&known.verified));
            }
        }
        let verified = Arc::new(verify(&ring.set, token.as_bytes(), now)?);
        let known = Known { generation: ring.generation, verified: Arc::clone(&verified) };
        self.0.verified.insert(verified.digest, Arc::new(known));
        Ok(verified)
    }

    /// The key that signs new tokens.
    #[must_use]
    pub fn signing(&self) -> Option<Arc<Signer>> {
        let ring = self.0.ring.load();
        ring.signers.iter().find(|(state, _)| *state == KeyState::Signing).map(|(_, signer)| Arc::clone(signer))
    }

    /// The key of this id, if it may still repeat what it signed: not once it is revoked.
    #[must_use]
    pub fn repeating(&self, kid: &Kid) -> Option<Arc<Signer>> {
        let ring = self.0.ring.load();
        let found = ring.signers.iter().find(|(_, signer)| signer.kid() == kid);
        found.filter(|(state, _)| *state != KeyState::Revoked).map(|(_, signer)| Arc::clone(signer))
    }

    /// All keys, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<ListedKey> {
        self.0.ring.load().listed.clone()
    }

    /// `iss` of every token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }
}

impl Ring {
    fn open(master: &MasterKey, issuer: &str, stored: Vec<StoredKey>, generation: u64) -> Result<Self, KeyFailure> {
        let mut signers = Vec::with_capacity(stored.len());
        for key in &stored {
            let seed = master.open(key.public.kid(), &key.sealed)?;
            let signer = Signer::from_seed(&seed)?;
            if signer.kid() != key.public.kid() {
                return Err(SignerError::OtherKey.into());
            }
            signers.push((key.public.state(), Arc::new(signer)));
        }
        let set = KeySet::new(issuer, stored.iter().map(|key| key.public.clone()));
        let listed =
            stored.into_iter().map(|key| ListedKey { public: key.public, create_time: key.create_time }).collect();
        Ok(Self { generation, set, listed, signers })
    }
}

async fn read(store: &Store) -> Result<Vec<StoredKey>, StoreError> {
    store.read(|db| Box::pin(async move { signing_key::all(db).await })).await
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Keys").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}
