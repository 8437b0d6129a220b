//! Hashing, off the async threads, at most so many at once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, Salt, SaltString};
use argon2::{Algorithm, Params};
use passgate_kit::client::{Ambient, SecretString};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::Password;
use super::argon::Argon;
use crate::error::IdentityError;

/// What hashing costs. A stored hash of other costs is renewed at its owner's next sign-in.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How passwords are hashed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HasherConfig {
    /// How many passwords are checked at once; each takes 19 MiB and about 20 ms.
    pub at_once: usize,
    /// How many more may wait for their turn. Whoever comes then is told to try again.
    pub queue: usize,
}

impl Default for HasherConfig {
    fn default() -> Self {
        Self { at_once: 2, queue: 100 }
    }
}

/// A hash in the PHC string format. It is stored, and never shown.
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// A hash that was stored.
    pub fn stored(text: String) -> Self {
        Self(SecretString::new(text))
    }

    /// The text to store.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PasswordHash(..)")
    }
}

/// Hashes and checks passwords: argon2id, 19 MiB, 2 passes, 1 lane (OWASP), 16 bytes of salt.
#[derive(Clone, Debug)]
pub struct Hasher {
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    places: usize,
    ambient: Ambient,
    nobody: Arc<PasswordHash>,
}

impl Hasher {
    /// A hasher with its own turns and queue.
    ///
    /// # Errors
    /// If the library refuses its own defaults.
    pub async fn start(config: &HasherConfig, ambient: &Ambient) -> Result<Self, IdentityError> {
        let mut hasher = Self {
            turns: Arc::new(Semaphore::new(config.at_once.max(1))),
            waiting: Arc::new(AtomicUsize::new(0)),
            places: config.at_once.max(1).saturating_add(config.queue),
            ambient: ambient.clone(),
            nobody: Arc::new(PasswordHash::stored(String::new())),
        };
        let unguessable = ambient.secret_base62(256);
        let password = Password::parse(unguessable.expose()).map_err(|error| IdentityError::Hashing(error.into()))?;
        hasher.nobody = Arc::new(hasher.hash(password).await?);
        Ok(hasher)
    }

    /// The hash of a password.
    ///
    /// # Errors
    /// If too many wait already.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, IdentityError> {
        let mut salt = [0_u8; 16];
        self.ambient.fill(&mut salt);
        self.in_turn(move || {
            let salt =
                SaltString::encode_b64(&salt).map_err(|error| IdentityError::Hashing(error.to_string().into()))?;
            let salt: Salt<'_> = salt.as_salt();
            let hashed = argon2id()?.hash_password(password.expose().as_bytes(), salt);
            let hashed = hashed.map_err(|error| IdentityError::Hashing(error.to_string().into()))?;
            Ok(PasswordHash::stored(hashed.to_string()))
        })
        .await
    }

    /// Whether the hash is this password's. Where there is no hash it costs the same, and the answer is no.
    ///
    /// # Errors
    /// If too many wait already.
    pub async fn check(&self, password: Password, hash: Option<String>) -> Result<bool, IdentityError> {
        let nobody = Arc::clone(&self.nobody);
        self.in_turn(move || {
            let (known, hash) = match hash {
                Some(hash) => (true, Arc::new(PasswordHash::stored(hash))),
                None => (false, nobody),
            };
            let parsed = argon2::PasswordHash::new(hash.expose());
            let parsed = parsed.map_err(|error| IdentityError::Hashing(error.to_string().into()))?;
            let same = argon2id()?.verify_password(password.expose().as_bytes(), &parsed).is_ok();
            Ok(same && known)
        })
        .await
    }

    /// Whether a stored hash was made by today's algorithm and costs.
    pub fn is_current(hash: &str) -> bool {
        let made = argon2::PasswordHash::new(hash).ok().and_then(|hash| {
            let params = Params::try_from(&hash).ok()?;
            Some((Algorithm::try_from(hash.algorithm).ok()?, params.m_cost(), params.t_cost(), params.p_cost()))
        });
        made == Some((Algorithm::Argon2id, MEMORY_KIB, PASSES, LANES))
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, IdentityError> + Send + 'static,
    ) -> Result<T, IdentityError> {
        let _place = Place::take(&self.waiting, self.places)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|error| IdentityError::Hashing(error.into()))?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn); // held to the end of the work, also if whoever asked has gone
            result
        });
        done.await.map_err(|error| IdentityError::Hashing(error.into()))?
    }
}

/// A place among those who wait or have their turn. It is given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>, places: usize) -> Result<Self, IdentityError> {
        let place = Self(Arc::clone(waiting));
        if waiting.fetch_add(1, Ordering::AcqRel) >= places { Err(IdentityError::TooManySignIns) } else { Ok(place) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn argon2id() -> Result<Argon, IdentityError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
    Ok(Argon::new(params.map_err(|error| IdentityError::Hashing(error.to_string().into()))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let hasher = Hasher::start(&HasherConfig::default(), &Ambient::system()).await.expect("a hasher");
        let password = |text: &str| Password::parse(text).expect("a password");
        let hash = hasher.hash(password("four words make a key")).await.expect("hashed").expose().to_owned();

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hasher.check(password("four words make a key"), Some(hash.clone())).await.expect("checked"));
        assert!(!hasher.check(password("four words make a keY"), Some(hash)).await.expect("checked"));
        assert!(!hasher.check(password("four words make a key"), None).await.expect("checked"));
    }

    #[tokio::test]
    async fn whoever_comes_when_the_queue_is_full_is_told_so_before_anything_is_hashed() {
        let mut hasher = Hasher::start(&HasherConfig::default(), &Ambient::system()).await.expect("a hasher");
        hasher.places = 0;

        let refused = hasher.hash(Password::parse("four words make a key").expect("a password")).await;

        assert!(matches!(refused, Err(IdentityError::TooManySignIns)));
        assert_eq!(hasher.waiting.load(Ordering::Acquire), 0, "the place is given back");
    }
}
