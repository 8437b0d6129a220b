//! What operators see of a decider: counters and gauges, read in one go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::position::Position;

/// How a decider does, at one time. Counters count from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// How long what is in memory may still be used; zero means that every request is asked about.
    pub lease_left: Duration,
    /// How old the evidence is that nothing is missing. Rises when the token service, its database or the identity service
    /// is away; `None` before the first lease.
    pub evidence_age: Option<Duration>,
    /// The last change that is applied.
    pub position: Option<Position>,
    /// Changes applied.
    pub changes: u64,
    /// Answers from memory.
    pub hits: u64,
    /// Questions that memory could not answer.
    pub misses: u64,
    /// Questions that the token service was asked. Fewer than misses where equal ones were asked once.
    pub asks: u64,
    /// Answers that were overtaken on their way, and asked for again.
    pub asked_again: u64,
    /// Questions being asked.
    pub asks_in_flight: u64,
    /// Questions that ended without an answer.
    pub undecidable: u64,
    /// Tokens refused here, without asking, as they are not genuine or their time is over.
    pub refused_at_the_edge: u64,
    /// Bytes in memory.
    pub bytes: u64,
    /// Decisions in memory.
    pub entries: u64,
    /// Decisions pushed out for lack of room.
    pub evictions: u64,
    /// Replicas of the token service that are watched now.
    pub streams: u64,
    /// Streams opened after one had ended.
    pub reconnects: u64,
    /// Times that the memory was emptied, as a stream did not go on where it was. The first beginning counts.
    pub started_over: u64,
    /// Open streams that are held to their tokens.
    pub held: u64,
    /// Times that an open stream stalled.
    pub stalls: u64,
    /// Open streams that were ended, as their token stopped being good or that could not be known.
    pub ended: u64,
}

/// What is counted on the way.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) changes: AtomicU64,
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) asks: AtomicU64,
    pub(super) asked_again: AtomicU64,
    pub(super) undecidable: AtomicU64,
    pub(super) refused_at_the_edge: AtomicU64,
    pub(super) reconnects: AtomicU64,
    pub(super) started_over: AtomicU64,
    pub(super) stalls: AtomicU64,
    pub(super) ended: AtomicU64,
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What was counted.
pub(super) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
