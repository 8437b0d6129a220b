//! What code takes from its surroundings: time, randomness, and the ids made of both.
//!
//! All of it comes in through one value, so that a test or a simulation decides it. Nothing else in the workspace reads
//! a clock or asks the system for random bytes (`clippy.toml` holds that).

use std::fmt::Debug;
use std::sync::Arc;

use aws_lc_rs::digest;
use parking_lot::Mutex;
use time::OffsetDateTime;
use uuid::{Builder, Uuid};
use zeroize::Zeroizing;

use crate::clock::{Clock, Moment, SystemClock};
use crate::secret::SecretString;
use crate::world::World;

/// Where random bytes come from.
pub trait Random: Send + Sync + Debug {
    /// Fills `bytes`, all of it.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness, by the crypto library's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // Without randomness every secret made from here on would be guessable, and no caller could do better.
            std::process::abort();
        }
    }
}

/// Repeatable bytes for tests and simulation: the same seed gives the same sequence. Never for anything secret.
#[derive(Debug)]
pub struct SeededRandom(Mutex<(u64, u64)>);

impl SeededRandom {
    /// The sequence of `seed`, from its start.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new((seed, 0)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock();
        for chunk in bytes.chunks_mut(digest::SHA256_OUTPUT_LEN) {
            let (seed, block) = *state;
            state.1 = block.wrapping_add(1);
            let input = [seed.to_be_bytes(), block.to_be_bytes()].concat();
            for (byte, random) in chunk.iter_mut().zip(digest::digest(&digest::SHA256, &input).as_ref()) {
                *byte = *random;
            }
        }
    }
}

/// Time, randomness and ids. Clones share all three.
#[derive(Clone, Debug)]
pub struct Ambient {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of random bytes.
    pub random: Arc<dyn Random>,
    latest_id: Arc<Mutex<IdState>>,
    world: Option<Arc<dyn World>>,
}

/// The time and counter of the newest id, so that the next one sorts after it.
#[derive(Debug, Default)]
struct IdState {
    millis: u64,
    counter: u16,
}

/// The largest counter that fits into the 12 bits of `rand_a` (RFC 9562 §5.7).
const MAX_COUNTER: u16 = 0x0fff;
/// Where a fresh millisecond's counter starts at most: half the range stays free to count in.
const MAX_FRESH_COUNTER: u16 = 0x07ff;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Ambient {
    /// Surroundings made of `clock` and `random`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, latest_id: Arc::default(), world: None }
    }

    /// The same, for a process that lives in a simulated `world`.
    #[must_use]
    pub fn inside(self, world: Arc<dyn World>) -> Self {
        Self { world: Some(world), ..self }
    }

    /// The simulated world that this process lives in; `None` in the real one.
    #[must_use]
    pub fn world(&self) -> Option<&Arc<dyn World>> {
        self.world.as_ref()
    }

    /// The real ones.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemRandom))
    }

    /// The time of day, in UTC.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.clock.wall()
    }

    /// The time of day in whole seconds since 1970, as tokens have it; 0 before that.
    #[must_use]
    pub fn unix_now(&self) -> u64 {
        u64::try_from(self.now().unix_timestamp()).unwrap_or(0)
    }

    /// Now, for measuring durations on this machine.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.clock.moment()
    }

    /// Fills `bytes` with randomness.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }

    /// A new UUIDv7 (RFC 9562 §5.7). Those of one `Ambient` and its clones strictly increase, also within a millisecond
    /// and when the wall clock goes back (method 1 of §6.2: a counter in `rand_a`).
    #[must_use]
    pub fn uuid_v7(&self) -> Uuid {
        let mut random = [0; 10];
        self.random.fill(&mut random);
        let [first, second, tail @ ..] = random;
        let now = u64::try_from(self.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        let (millis, counter) = self.next_id(now, u16::from_be_bytes([first, second]) & MAX_FRESH_COUNTER);
        let [high, low] = counter.to_be_bytes();
        let mut bytes = [high, low, 0, 0, 0, 0, 0, 0, 0, 0];
        for (byte, random) in bytes.iter_mut().skip(2).zip(tail) {
            *byte = random;
        }
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    fn next_id(&self, now: u64, fresh: u16) -> (u64, u16) {
        let mut latest = self.latest_id.lock();
        if now > latest.millis {
            *latest = IdState { millis: now, counter: fresh };
        } else if latest.counter < MAX_COUNTER {
            latest.counter += 1;
        } else {
            *latest = IdState { millis: latest.millis.saturating_add(1), counter: fresh };
        }
        (latest.millis, latest.counter)
    }

    /// A secret of at least `bits` bits of randomness in the 62 letters and digits of ASCII, each equally likely.
    #[must_use]
    pub fn secret_base62(&self, bits: u16) -> SecretString {
        // A character carries log2(62) = 5.95419… bits.
        let length = (usize::from(bits) * 100_000).div_ceil(595_419);
        let mut text = String::with_capacity(length);
        let mut random = Zeroizing::new([0; 64]);
        while text.len() < length {
            self.random.fill(random.as_mut());
            let fair = random.iter().filter(|byte| **byte < 248); // 248 = 4 × 62: the rest would favour some letters
            let letters = fair.filter_map(|byte| BASE62.get(usize::from(byte % 62)));
            text.extend(letters.take(length - text.len()).map(|letter| char::from(*letter)));
        }
        SecretString::new(text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;

    use super::*;
    use crate::clock::ManualClock;

    fn fixed() -> (Arc<ManualClock>, Ambient) {
        let clock = Arc::new(ManualClock::new(datetime!(2026-01-01 0:00 UTC)));
        (clock.clone(), Ambient::new(clock, Arc::new(SeededRandom::new(7))))
    }

    #[test]
    fn ids_increase_within_a_millisecond_and_when_the_clock_goes_back() {
        let (clock, ambient) = fixed();

        let mut ids: Vec<Uuid> = (0..5_000).map(|_| ambient.uuid_v7()).collect();
        clock.set_wall(datetime!(2025-01-01 0:00 UTC));
        ids.push(ambient.uuid_v7());
        clock.advance(Duration::from_secs(1));
        ids.push(ambient.clone().uuid_v7());

        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn an_id_tells_its_millisecond() {
        let (_, ambient) = fixed();

        let (seconds, nanos) = ambient.uuid_v7().get_timestamp().expect("v7 has a time").to_unix();

        assert_eq!((seconds, nanos), (ambient.unix_now(), 0));
    }

    #[test]
    fn a_secret_of_256_bits_has_43_letters_and_digits_and_is_never_the_same() {
        let ambient = Ambient::system();

        let (one, other) = (ambient.secret_base62(256), ambient.secret_base62(256));

        assert_eq!(one.expose().len(), 43);
        assert!(one.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one.expose(), other.expose());
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let draw = |seed| {
            let mut bytes = [0; 40];
            SeededRandom::new(seed).fill(&mut bytes);
            bytes
        };

        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
