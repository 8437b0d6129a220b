//! The decider without its surroundings: no task, no socket, no clock of its own. Moments come in with each call.
//!
//! Readers ([`Core::look_up`], [`Core::is_good`]) take no lock but that of one part of the cache, for one look-up. Writers
//! (the streams) take turns behind a lock of their own.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use foldhash::{fast, quality};
use parking_lot::Mutex;

use super::cache::Decisions;
use super::cells::{Cells, Layout};
use super::known::{Answer, Asked, Known};
use super::lease::passed;
use super::past::Place;
use super::rules::{Rule, Rules};
use super::settings::Settings;
use super::standing::Standing;
use super::streams::Streams;
use crate::clock::Moment;
use crate::decision::{Decision, Denied, Holder, RestsOn};
use crate::keyset::KeySet;
use crate::position::{Position, Vector};

/// Decisions in memory, and how far they can be trusted.
#[derive(Debug)]
pub struct Core {
    pub(super) standing: ArcSwap<Standing>,
    pub(super) decisions: Decisions,
    pub(super) streams: Mutex<Streams>,
    layout: Layout,
    usual_bound: Duration,
    hasher: quality::FixedState,
    pub(super) rules: Rules,
}

/// A question that memory could not answer, with how far this decider was when it was asked.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    line: u64,
    /// The decider's position, which the answer must not be below.
    pub applied: Option<Position>,
}

/// What came back for a question.
#[derive(Debug)]
pub struct Came {
    /// The answer.
    pub decision: Decision,
    /// When the question was sent.
    pub sent: Moment,
    /// Now.
    pub now: Moment,
}

/// What is in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes: decisions, their keys and links, and the table of what was touched.
    pub bytes: u64,
    /// Decisions.
    pub entries: u64,
    /// Decisions that were pushed out so far for lack of room.
    pub evictions: u64,
}

/// What became of an answer.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made once per question, and taken apart at once")]
pub enum Judged {
    /// It may be used, now.
    Use(Answer),
    /// Something newer than it is applied here already: ask again.
    AskAgain,
    /// It took too long to come.
    TooOld {
        /// How old what it rests on is.
        age: Duration,
        /// How old it may be.
        bound: Duration,
    },
}

impl Core {
    /// A decider that knows nothing yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let layout = Layout::within(settings.memory / 16);
        let hasher = quality::FixedState::with_seed(settings.seed);
        let standing = Standing {
            line: 0,
            cells: Arc::new(Cells::new(layout, hasher.clone())),
            token: None,
            identity: None,
            floor: 0,
            lease: None,
            keys: None,
            rules: settings.rules,
        };
        let room = settings.memory.saturating_sub(layout.bytes());
        Self {
            standing: ArcSwap::from_pointee(standing),
            decisions: Decisions::new(room, settings.share, fast::FixedState::with_seed(settings.seed.rotate_left(17))),
            streams: Mutex::new(Streams::default()),
            layout,
            usual_bound: settings.max_staleness,
            hasher,
            rules: settings.rules,
        }
    }

    /// A table in which nothing was touched yet.
    pub(super) fn fresh_cells(&self) -> Arc<Cells> {
        Arc::new(Cells::new(self.layout, self.hasher.clone()))
    }

    /// The decision in memory, if it may be used at `now`; a lower bound than the installation's may be given. What comes
    /// back counts for this instant: check it again with [`is_good`](Self::is_good) after any wait.
    #[must_use]
    pub fn look_up(&self, asked: &Asked<'_>, now: Moment, bound: Option<Duration>) -> Option<Answer> {
        let standing = self.standing.load(); // before the decision and its cells
        if asked.at_least.is_some_and(|mark| !standing.meets(mark)) {
            return None;
        }
        let known = self.decisions.get(asked)?;
        self.holds(&standing, &known, None, now, bound).then(|| Answer {
            known,
            evidence: None,
            as_of: standing.vector(),
            age: standing.age(now),
        })
    }

    /// Whether an answer that is in hand may still be used at `now`.
    #[must_use]
    pub fn is_good(&self, answer: &Answer, now: Moment, bound: Option<Duration>) -> bool {
        let standing = self.standing.load(); // before the cells
        self.holds(&standing, &answer.known, answer.evidence, now, bound)
    }

    /// Whether anything that was applied speaks against an answer that is in hand, or its time is over; whatever the lease.
    #[must_use]
    pub fn is_overtaken(&self, answer: &Answer, now: Moment) -> bool {
        let standing = self.standing.load();
        !standing.is_untouched(&answer.known, Rule::FillKept) || !standing.is_in_time(&answer.known, now)
    }

    /// Whether an answer in hand may be told to who asked, now: a refusal that rests on nothing always, else as
    /// [`is_good`](Self::is_good).
    #[must_use]
    pub fn may_tell(&self, answer: &Answer, now: Moment, bound: Option<Duration>) -> bool {
        !answer.known.is_to_be_kept() || self.is_good(answer, now, bound)
    }

    fn holds(
        &self,
        standing: &Standing,
        known: &Known,
        own: Option<Moment>,
        now: Moment,
        bound: Option<Duration>,
    ) -> bool {
        let needs_evidence = known.verdict.is_ok() && self.rules.keep(Rule::LeaseChecked);
        standing.is_in_time(known, now)
            && (!needs_evidence || standing.has_evidence(known, own, now, bound, self.usual_bound))
            && standing.is_untouched(known, Rule::FillKept)
    }

    /// Notes how far this decider is, before the token service is asked.
    #[must_use]
    pub fn asking(&self) -> Asking {
        let standing = self.standing.load();
        Asking { line: standing.line, applied: standing.token }
    }

    /// Judges what the token service answered to a question that was sent at `sent`, and keeps it if it may be kept. Whoever
    /// waited for the answer may use it only if this says so.
    #[must_use]
    pub fn answer(&self, asking: Asking, asked: &Asked<'_>, came: Came, bound: Option<Duration>) -> Judged {
        let standing = self.standing.load_full(); // before the cells
        let Came { decision, sent, now } = came;
        let age = passed(now, sent, self.rules).saturating_add(decision.evidence_age);
        let evidence = if self.rules.keep(Rule::AnswerAge) { sent.before(decision.evidence_age) } else { now };
        let as_of = decision.as_of;
        let resource = self.decisions.resources.one(asked.resource);
        let mut known = Known::new(&standing, asked, resource, decision, now);
        if known.verdict.is_ok() && !standing.is_in_time(&known, now) {
            known.expire(); // by this machine's clock
        }
        if !known.is_to_be_kept() {
            return Judged::Use(Answer { known: Arc::new(known), evidence: None, as_of, age });
        }
        let Some(known) = self.settle(asking, &standing, known, as_of.token) else { return Judged::AskAgain };
        if known.verdict.is_ok() && !standing.has_evidence(&known, Some(evidence), now, bound, self.usual_bound) {
            return Judged::TooOld { age, bound: standing.bound(bound, self.usual_bound) };
        }
        Judged::Use(Answer { known, evidence: Some(evidence), as_of, age })
    }

    /// Keeps an answer, or lets it wait until the stream gets where it was computed. `None` if it is of no use: overtaken, or
    /// of another past.
    fn settle(&self, asking: Asking, before: &Standing, known: Known, as_of: Option<Position>) -> Option<Arc<Known>> {
        if before.token.is_none() {
            return Some(Arc::new(known)); // not kept: nothing would tell when it stops being true
        }
        let streams = &mut *self.streams.lock();
        let standing = self.standing.load();
        if asking.line != standing.line || known.line != standing.line {
            return None;
        }
        let position = as_of?;
        let place = if self.rules.keep(Rule::FeedIdentity) { streams.past.place(&position) } else { Place::Passed };
        if matches!(place, Place::Elsewhere | Place::Forgotten) || !standing.is_untouched(&known, Rule::FillWaiting) {
            return None;
        }
        let known = self.decisions.enter(known);
        if place == Place::Ahead {
            streams.past.wait(&position, Arc::clone(&known));
        } else {
            known.settle();
            self.decisions.keep(&known);
        }
        Some(known)
    }

    /// A refusal made here, of a token that fails at the edge. It is never kept.
    #[must_use]
    pub fn refuse(&self, asked: &Asked<'_>, denied: Denied, holder: Option<(Holder, RestsOn)>) -> Answer {
        let standing = self.standing.load();
        let known = Known::aside(standing.line, asked, denied, holder);
        Answer { known: Arc::new(known), evidence: None, as_of: standing.vector(), age: Duration::ZERO }
    }

    /// The keys that tokens are verified with, if told yet, and whether they are current at `now`: a key that is not among
    /// current ones does not exist.
    #[must_use]
    pub fn keys(&self, now: Moment) -> Option<(Arc<KeySet>, bool)> {
        let standing = self.standing.load();
        let is_current = standing.lease.is_some_and(|lease| lease.is_live(now, None, self.rules));
        standing.keys.as_ref().map(|keys| (Arc::clone(keys), is_current))
    }

    /// How far this decider is: what every decision in memory is true for, if it is used.
    #[must_use]
    pub fn position(&self) -> Vector {
        self.standing.load().vector()
    }

    /// How long the lease still lasts; nothing if there is none.
    #[must_use]
    pub fn lease_left(&self, now: Moment) -> Duration {
        self.standing.load().lease.map_or(Duration::ZERO, |lease| lease.left(now, None, self.rules))
    }

    /// How old the evidence is that nothing is missing here; `None` before the first lease.
    #[must_use]
    pub fn evidence_age(&self, now: Moment) -> Option<Duration> {
        self.standing.load().lease.map(|lease| lease.age(now, self.rules))
    }

    /// The bound that the installation has, as far as told; else the decider's own.
    #[must_use]
    pub fn bound(&self) -> Duration {
        self.standing.load().bound(None, self.usual_bound)
    }

    /// What the memory holds.
    #[must_use]
    pub fn memory(&self) -> MemoryUse {
        MemoryUse {
            bytes: self.decisions.bytes() + self.layout.bytes(),
            entries: self.decisions.entries(),
            evictions: self.decisions.evictions(),
        }
    }
}
