//! The lease: until when what is kept may be used.

use std::time::Duration;

use super::rules::{Rule, Rules};
use crate::clock::Moment;

/// Evidence that everything is applied whose reply left before `q`, and for how long the installation lets that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Every change whose reply left before this moment is applied here.
    pub(super) q: Moment,
    /// How old that may be: `max_staleness`, as the token service tells it.
    pub(super) bound: Duration,
}

impl Lease {
    /// How old it is.
    #[must_use]
    pub fn age(&self, now: Moment, rules: Rules) -> Duration {
        passed(now, self.q, rules)
    }

    /// Whether it covers a use at `now`: at most as old as the installation says, and as `bound`, if the use has one of its own.
    #[must_use]
    pub fn is_live(&self, now: Moment, bound: Option<Duration>, rules: Rules) -> bool {
        self.age(now, rules) <= self.within(bound)
    }

    /// How long it still lasts.
    #[must_use]
    pub fn left(&self, now: Moment, bound: Option<Duration>, rules: Rules) -> Duration {
        self.within(bound).saturating_sub(self.age(now, rules))
    }

    fn within(&self, bound: Option<Duration>) -> Duration {
        bound.map_or(self.bound, |bound| bound.min(self.bound))
    }
}

/// What has passed since `earlier` (rule 1).
pub(super) fn passed(now: Moment, earlier: Moment, rules: Rules) -> Duration {
    #[cfg(any(test, feature = "mutations"))]
    if !rules.keep(Rule::Clocks) {
        return now.since_by_monotonic_clock_alone(earlier);
    }
    debug_assert!(rules.keep(Rule::Clocks), "there is no other way without the feature");
    now.since(earlier)
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::clock::{Clock, ManualClock};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_lease_covers_what_is_within_the_installations_bound_and_the_uses_own() {
        let clock = ManualClock::new(OffsetDateTime::UNIX_EPOCH);
        let lease = Lease { q: clock.moment(), bound: 5 * SECOND };

        clock.advance(2 * SECOND);
        assert!(lease.is_live(clock.moment(), Some(2 * SECOND), Rules::default()));
        assert_eq!(lease.left(clock.moment(), Some(60 * SECOND), Rules::default()), 3 * SECOND);

        clock.advance(Duration::from_nanos(1));
        assert!(!lease.is_live(clock.moment(), Some(2 * SECOND), Rules::default()), "past its own bound");
        assert!(lease.is_live(clock.moment(), None, Rules::default()));

        clock.suspend(3 * SECOND);
        assert!(!lease.is_live(clock.moment(), Some(60 * SECOND), Rules::default()), "an own bound never widens it");
        assert_eq!(lease.left(clock.moment(), None, Rules::default()), Duration::ZERO);
    }
}
