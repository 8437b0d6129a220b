//! What a decider can be told.

use std::time::Duration;

use uuid::Uuid;

use super::rules::Rules;

/// How much memory, and how long things may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What this decider calls itself, for people: 1 to 100 characters, such as the host's name.
    pub name: String,
    /// Its own id, made when it started.
    pub id: Uuid,
    /// How old what is known may be, as long as the token service has not said it; and at most this afterwards.
    pub max_staleness: Duration,
    /// Most bytes in memory: decisions, their keys, and the table of what was touched.
    pub memory: u64,
    /// Most decisions about one token in memory. What is beyond is asked each time.
    pub share: u32,
    /// How long an open stream may stall while it cannot be known whether its token is still good.
    pub stall_limit: Duration,
    /// How long one question may take, whoever waits for it.
    pub ask_deadline: Duration,
    /// Most questions that are being asked at once. What is beyond is undecidable.
    pub most_asks: usize,
    /// Seeds the hashes of the memory, so that nobody outside can choose what falls together.
    pub seed: u64,
    /// Which rules are kept.
    pub rules: Rules,
}

/// 64 MiB
pub const MEMORY: u64 = 64 << 20;
/// 5 s
pub const MAX_STALENESS: Duration = Duration::from_secs(5);

impl Settings {
    /// The defaults, for a decider with this name and id.
    #[must_use]
    pub fn new(name: impl Into<String>, id: Uuid) -> Self {
        Self {
            name: name.into(),
            id,
            max_staleness: MAX_STALENESS,
            memory: MEMORY,
            share: 1024,
            stall_limit: Duration::from_secs(10),
            ask_deadline: Duration::from_secs(3),
            most_asks: 4096,
            // The id is random where nothing else decides it, and repeatable where a simulation does.
            seed: id.as_u64_pair().0 ^ id.as_u64_pair().1,
            rules: Rules::default(),
        }
    }
}
