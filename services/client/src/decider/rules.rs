//! The rules, as switches that nobody can reach: in production all of them are on, and this compiles to nothing.
//!
//! A checker that never fails proves little. So behind the feature `mutations`, which only tests and the simulation turn on,
//! one rule can be left out, and the checkers have to notice.

/// A rule of the protocol, or the half of one that can be left out by itself. The numbers are those of the module's argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// 1: what has passed is the largest that any clock says. Left out: what the monotonic clock says.
    Clocks,
    /// 3: what is kept is not used once something newer touched it.
    FillKept,
    /// 3: nor is an answer that just came, by the request that waits for it.
    FillWaiting,
    /// 3: nor what is older than the floor.
    Floor,
    /// 4: where a stream does not go on, nothing is kept.
    StartOver,
    /// 4: no change is skipped.
    NoHoles,
    /// 5: the lease runs from when the nonce was sent. Left out: from when the echo came.
    LeaseFromSend,
    /// 5: the age in the echo is taken off.
    LeaseLessAge,
    /// 5: an echo counts once everything up to its position is applied.
    EchoApplied,
    /// 7: an answer is used only while the way and the age of its evidence are within the bound.
    AnswerAge,
    /// 8: a position of another feed, or of another past of the same feed, is another position.
    FeedIdentity,
    /// 9: what is kept is used only under a live lease.
    LeaseChecked,
    /// 9: each piece of an open stream is a use.
    PieceChecked,
    /// 10: expiry is checked at each use.
    Expiry,
    /// 10: a denial is invalidated like an allow.
    DenialTouched,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Clocks,
        Self::FillKept,
        Self::FillWaiting,
        Self::Floor,
        Self::StartOver,
        Self::NoHoles,
        Self::LeaseFromSend,
        Self::LeaseLessAge,
        Self::EchoApplied,
        Self::AnswerAge,
        Self::FeedIdentity,
        Self::LeaseChecked,
        Self::PieceChecked,
        Self::Expiry,
        Self::DenialTouched,
    ];
}

/// Which rules a decider keeps: all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    #[cfg(any(test, feature = "mutations"))]
    left_out: Option<Rule>,
}

impl Rules {
    /// All rules but one. For checking the checkers.
    #[cfg(any(test, feature = "mutations"))]
    #[must_use]
    pub const fn without(rule: Rule) -> Self {
        Self { left_out: Some(rule) }
    }

    #[cfg(any(test, feature = "mutations"))]
    pub(super) fn keep(self, rule: Rule) -> bool {
        self.left_out != Some(rule)
    }

    #[cfg(not(any(test, feature = "mutations")))]
    #[expect(clippy::unused_self, reason = "with the feature `mutations` it has something to say")]
    pub(super) const fn keep(self, _: Rule) -> bool {
        true
    }
}
