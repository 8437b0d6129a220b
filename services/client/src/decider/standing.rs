//! What a look-up reads: one consistent picture of how far this decider is.
//!
//! A reader takes the picture **first**, then the decision, then the cells. The writer goes the other way: cells, then a new
//! picture. So whoever sees a lease also sees every change that the lease speaks of.

use std::sync::Arc;
use std::time::Duration;

use super::cells::Cells;
use super::known::Known;
use super::lease::{Lease, passed};
use super::rules::{Rule, Rules};
use crate::clock::Moment;
use crate::keyset::KeySet;
use crate::position::{Position, Vector};

/// How far this decider is.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// Counts the beginnings: what belongs to an earlier one is nothing any more.
    pub(super) line: u64,
    /// What was touched since this beginning.
    pub(super) cells: Arc<Cells>,
    /// The token service's feed, up to here; `None` before the first beginning.
    pub(super) token: Option<Position>,
    /// What of the identity service's feed that contains.
    pub(super) identity: Option<Position>,
    /// What is older than this is not used: single changes before it are not remembered.
    pub(super) floor: u64,
    /// The newest evidence.
    pub(super) lease: Option<Lease>,
    /// The keys that tokens are verified with, if told yet.
    pub(super) keys: Option<Arc<KeySet>>,
    pub(super) rules: Rules,
}

impl Standing {
    /// The positions that everything kept and not touched is true for.
    pub(super) const fn vector(&self) -> Vector {
        Vector { identity: self.identity, token: self.token, gateway: None }
    }

    /// Whether a change mark is met by what is applied here. What a mark says about the gateway's own feed is the gateway's.
    pub(super) fn meets(&self, mark: &Vector) -> bool {
        self.vector().at_least(&Vector { gateway: None, ..*mark })
    }

    /// Whether nothing that was applied speaks against a decision: of this line, not below the floor, and nothing newer
    /// touched what it rests on (rules 3, 4 and 10).
    pub(super) fn is_untouched(&self, known: &Known, fill: Rule) -> bool {
        let counts = (known.verdict.is_ok() || self.rules.keep(Rule::DenialTouched)) && self.rules.keep(fill);
        let is_new_enough = !self.rules.keep(Rule::Floor) || known.number >= self.floor;
        // This picture was read before the cells, so they have all that it has applied.
        let applied = self.token.map_or(0, |position| position.number.0);
        known.line == self.line && is_new_enough && (!counts || known.is_untouched(&self.cells, applied))
    }

    /// Whether its token's time is not over (rule 10).
    pub(super) fn is_in_time(&self, known: &Known, now: Moment) -> bool {
        !self.rules.keep(Rule::Expiry) || known.until.is_none_or(|until| !now.is_at_or_after(until))
    }

    /// Whether there is evidence for a use at `now`: a live lease, or the answer's own, within the bound (rules 5, 7 and 9).
    pub(super) fn has_evidence(
        &self,
        known: &Known,
        own: Option<Moment>,
        now: Moment,
        bound: Option<Duration>,
        usual: Duration,
    ) -> bool {
        let by_lease = self.lease.is_some_and(|lease| lease.is_live(now, bound, self.rules));
        (by_lease && known.is_settled())
            || own.is_some_and(|own| passed(now, own, self.rules) <= self.bound(bound, usual))
    }

    /// How old evidence may be for a use with a bound of its own, if any.
    pub(super) fn bound(&self, own: Option<Duration>, usual: Duration) -> Duration {
        let installation = self.lease.map_or(usual, |lease| lease.bound.min(usual));
        own.map_or(installation, |own| own.min(installation))
    }

    /// How old the newest evidence is; as old as can be without any.
    pub(super) fn age(&self, now: Moment) -> Duration {
        self.lease.map_or(Duration::MAX, |lease| lease.age(now, self.rules))
    }
}
