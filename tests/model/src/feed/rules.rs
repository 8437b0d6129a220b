//! The rules of the protocol that can be left out one at a time.

/// How much of rule 3 (the fill rule) the decider keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// An answer older than the decider's position is neither stored nor used.
    Full,
    /// It is not stored, but the request that waits may still use it.
    StoreOnly,
    /// Only invalidations that came through the stream count, not the position at which the stream began.
    NoFloor,
    /// Every answer is stored.
    Off,
}

/// The rules in force.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Rule 3: what an answer must be at least as new as.
    pub fill: Fill,
    /// Rule 5: a lease runs from when the nonce was sent (off: from when an echo is received).
    pub lease_from_send: bool,
    /// Rule 5: an echo counts only once everything up to the head it names was applied.
    pub echo_names_head: bool,
    /// Rule 2: an age counts from when a read was sent (off: from its answer).
    pub read_from_send: bool,
    /// Rule 6: echoes carry the age of the evidence behind them (off: a live lease upstream is enough).
    pub ages_add: bool,
    /// Rule 6: evidence about identity counts only for a memory that holds the projection up to the head it names.
    pub projection_first: bool,
    /// Rule 7: `Authorize` answers only on evidence within the bound.
    pub server_evidence: bool,
    /// Rule 7: an answer carries its age, and the decider counts it from when it asked.
    pub answer_age: bool,
    /// Rule 8: a position is feed identity and number (off: the number alone).
    pub feed_identity: bool,
    /// Rule 8: revocations that a restore lost are written again before the restored feed opens.
    pub reapply: bool,
    /// Rule 1: elapsed time counts suspends.
    pub clock_counts_sleep: bool,
}

/// Every rule on.
pub const ALL: Rules = Rules {
    fill: Fill::Full,
    lease_from_send: true,
    echo_names_head: true,
    read_from_send: true,
    ages_add: true,
    projection_first: true,
    server_evidence: true,
    answer_age: true,
    feed_identity: true,
    reapply: true,
    clock_counts_sleep: true,
};
