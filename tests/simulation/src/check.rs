//! Judges a history.
//!
//! (a) *Bounded*: no allow later than `max_staleness` after the reply that took the right away.
//! (b) *Delivered*: no allow by a gateway that had applied the change by then.
//! (c) *Heals*: once faults have ended and everything is in order, what is good is allowed, and what is not is refused.
//!
//! Between a call that mends and its answer, either is right; and a call that mends whose end is unknown may still happen at
//! any later time, so nothing is claimed about that factor any more.

use std::fmt;

use crate::cast::BOUND;
use crate::history::{Events, Factor, Kind, Operation, Outcome, Use, Verdict};
use crate::host::ticks;

/// Which property does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// (a)
    Bounded,
    /// (b)
    Delivered,
    /// (c)
    Heals,
}

/// What is wrong.
#[derive(Clone, Debug)]
pub struct Violation {
    /// With which property.
    pub property: Property,
    /// In words.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}: {}", self.property, self.what)
    }
}

/// Everything that is wrong. What happens from `healed` on is judged by (c) as well.
#[must_use]
pub fn judge(events: &Events, healed: u64) -> Vec<Violation> {
    let mut violations = Vec::new();
    for it in &events.uses {
        if it.verdict == Verdict::Allowed {
            violations.extend(Factor::ALL.into_iter().filter_map(|factor| wrong_allow(events, it, factor)));
        }
        if it.asked >= healed {
            violations.extend(not_healed(events, it));
        }
    }
    violations
}

/// The last call that broke the factor, if it is certain that it was broken from its reply until `now`.
fn broken_since(events: &Events, subject: usize, factor: Factor, now: u64) -> Option<(u64, &Operation)> {
    let of_factor = || events.operations.iter().filter(move |it| it.subject == subject && it.factor == factor);
    let (broke, replied) = of_factor()
        .filter_map(|it| match it.outcome {
            Outcome::Done(replied, _) if it.kind == Kind::Break && replied <= now => Some((it, replied)),
            Outcome::Done(..) | Outcome::UnderWay | Outcome::Unknown => None,
        })
        .next_back()?;
    let may_be_mended = of_factor().any(|it| {
        let later = it.sent > broke.sent && it.sent <= now;
        it.kind == Kind::Mend && (later || (it.sent < broke.sent && !matches!(it.outcome, Outcome::Done(..))))
    });
    (!may_be_mended).then_some((replied, broke))
}

fn wrong_allow(events: &Events, it: &Use, factor: Factor) -> Option<Violation> {
    let (replied, broke) = broken_since(events, it.subject, factor, it.used)?;
    let tell = |property, why: String| {
        let what = format!(
            "{} let token {} through at {} (asked at {}), though {factor:?} was broken: sent {}, replied {replied}; {why}",
            it.gateway, it.subject, it.used, it.asked, broke.sent
        );
        Some(Violation { property, what })
    };
    let Outcome::Done(_, mark) = broke.outcome else { return None };
    if mark.is_some_and(|mark| it.known.at_least(&mark)) {
        return tell(Property::Delivered, "and it had applied that".to_owned());
    }
    if it.used > replied + ticks(BOUND) {
        return tell(Property::Bounded, format!("{} ticks late", it.used - replied - ticks(BOUND)));
    }
    None
}

fn not_healed(events: &Events, it: &Use) -> Option<Violation> {
    let is_broken = Factor::ALL.into_iter().any(|factor| last(events, it.subject, factor) == Some(Kind::Break));
    let right = match &it.verdict {
        Verdict::Allowed => !is_broken,
        Verdict::Refused(_) => is_broken,
        Verdict::Undecided(_) => false,
    };
    let state = if is_broken { "not good" } else { "good" };
    let what = format!("{}: token {} is {state}, and at {}: {:?}", it.gateway, it.subject, it.used, it.verdict);
    (!right).then_some(Violation { property: Property::Heals, what })
}

/// What was done to a factor last.
fn last(events: &Events, subject: usize, factor: Factor) -> Option<Kind> {
    events.operations.iter().rev().find(|it| it.subject == subject && it.factor == factor).map(|it| it.kind)
}
