//! The rules of evidence without the database that can be left out one at a time.

/// What one renewal of a registration reads, in its own transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The head, everything up to it, and the writers.
    Whole,
    /// Not the writers.
    WithoutWriters,
    /// The writers, not the head.
    WithoutHead,
}

/// The rules in force.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A joining writer waits before its first write.
    pub joining_wait: bool,
    /// The wait also holds in a feed identity that knows no writers yet (restore, lost commits).
    pub wait_in_new_feed: bool,
    /// R asks for words only within its registration.
    pub lapse: bool,
    /// R counts its registration from when it sent the renewal (off: from the answer).
    pub lapse_from_send: bool,
    /// What a renewal reads.
    pub renewal: Renewal,
    /// Registrations and renewals take one lock first, so that of two one sees the other.
    pub serial: bool,
    /// Writers acknowledged while a renewal was under way stay in R's set.
    pub keep_acknowledged: bool,
    /// R drops a writer only by a read of the database (off: also by the clock, when its registration lapsed).
    pub drop_by_read_only: bool,
    /// A writer's word covers what it saw or acknowledged, not its own commits alone.
    pub word_covers_seen: bool,
    /// A write commits only if its writer's registration still stands in the same transaction.
    pub fence: bool,
}

/// Every rule on.
pub const ALL: Rules = Rules {
    joining_wait: true,
    wait_in_new_feed: true,
    lapse: true,
    lapse_from_send: true,
    renewal: Renewal::Whole,
    serial: true,
    keep_acknowledged: true,
    drop_by_read_only: true,
    word_covers_seen: true,
    fence: true,
};
