//! The keys at the edge: with them a forged, foreign or expired token is refused here, with no call to anybody.
//!
//! "This key is unknown" is a refusal only while the key set is current; without a current set nobody can know, and the
//! data plane says so. The set is fetched at start and every few seconds, and counts for a bounded time.

mod follower;

use std::time::Duration;

use passgate_kit::client::Ambient;
use passgate_kit::client::keyset::KeySet;

pub use follower::{KeyFollower, KeysError};

use crate::fresh::{FreshReader, FreshWriter, fresh};

/// The current key set. `current()` is `None` before the first was fetched, and once the newest is older than the bound.
pub type EdgeKeys = FreshReader<KeySet>;

/// Edge keys without a set yet, which count for `max_age` after they were fetched.
#[must_use]
pub fn edge_keys(max_age: Duration, ambient: &Ambient) -> (FreshWriter<KeySet>, EdgeKeys) {
    fresh(max_age, ambient)
}
