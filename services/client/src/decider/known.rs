//! A decision in memory, with what is needed to tell whether it still holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

use super::cells::{Cells, Spots};
use super::shares::Charge;
use super::standing::Standing;
use crate::action::Action;
use crate::clock::Moment;
use crate::decision::{Allowed, Decision, Denied, Facts, Holder, Question, RestsOn};
use crate::position::Vector;
use crate::reason::Reason;
use crate::resource::Resource;
use crate::scopes::Scopes;

/// What is asked, borrowed: what a look-up in memory needs.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// SHA-256 of the whole token.
    pub digest: &'a [u8; 32],
    /// What it is presented for.
    pub resource: &'a Resource,
    /// What is to be done with it.
    pub action: Action,
    /// Decide on nothing older than this.
    pub at_least: Option<&'a Vector>,
}

impl<'a> Asked<'a> {
    /// The same as `question` asks, with the digest of its token and its change mark as read.
    #[must_use]
    pub fn of(question: &'a Question, digest: &'a [u8; 32], at_least: Option<&'a Vector>) -> Self {
        Self { digest, resource: &question.resource, action: question.action, at_least }
    }
}

/// A decision in memory. Whether it holds *now* only the core can say.
///
/// What a look-up reads stands first and together: with many tokens it is the memory's speed that counts.
#[derive(Debug)]
#[repr(C)]
pub struct Known {
    /// The token's digest.
    pub(super) digest: [u8; 32],
    /// What it is about.
    pub(super) resource: Arc<Resource>,
    action: Action,
    /// Which beginning of the stream its cells belong to.
    pub(super) line: u64,
    /// The number of the token service's change that it was computed from.
    pub(super) number: u64,
    /// One more than the last change of which it is known that neither it nor one before touched this; 0 is none.
    seen: AtomicU64,
    /// From when on it says nothing more, as the token has expired then.
    pub(super) until: Option<OffsetDateTime>,
    /// The cells of what it rests on.
    pub(super) spots: Spots,
    /// Whether the stream has been where it was computed from. Until then no lease speaks for it.
    is_settled: AtomicBool,
    pub(super) verdict: Result<(), Denied>,
    pub(super) facts: Option<Arc<Facts>>,
    /// Its place in the books, while it is kept.
    pub(super) charge: Option<Charge>,
}

impl Known {
    /// What `decision` says, with the cells of `standing`. An answer to something else, or one that allows nobody, allows
    /// nothing.
    pub(super) fn new(
        standing: &Standing,
        asked: &Asked<'_>,
        resource: Arc<Resource>,
        decision: Decision,
        now: Moment,
    ) -> Self {
        let Decision { verdict, as_of, rests_on, holder, .. } = decision;
        let is_to_the_point = |it: &RestsOn| it.resource == *asked.resource && it.action == asked.action;
        let facts = rests_on.filter(is_to_the_point).zip(holder).map(|(rests_on, holder)| Facts { holder, rests_on });
        let verdict = if facts.is_none() && verdict.is_ok() { Err(allows_nobody()) } else { verdict };
        let expiry = facts.as_ref().and_then(|facts| facts.holder.expires_at);
        // What was refused after its time was over was refused with that known.
        let until = expiry.filter(|end| verdict.is_ok() || !now.is_at_or_after(*end));
        Self {
            digest: *asked.digest,
            resource,
            action: asked.action,
            line: standing.line,
            number: as_of.token.map_or(0, |position| position.number.0),
            seen: AtomicU64::new(0),
            spots: facts.as_ref().map(|facts| standing.cells.of(&facts.rests_on)).unwrap_or_default(),
            verdict,
            facts: facts.map(Arc::new),
            until,
            is_settled: AtomicBool::new(false),
            charge: None,
        }
    }

    /// A refusal that rests on nothing.
    pub(super) fn aside(line: u64, asked: &Asked<'_>, denied: Denied, holder: Option<(Holder, RestsOn)>) -> Self {
        Self {
            digest: *asked.digest,
            resource: Arc::new(asked.resource.clone()),
            action: asked.action,
            line,
            number: 0,
            seen: AtomicU64::new(0),
            spots: Spots::default(),
            verdict: Err(denied),
            facts: holder.map(|(holder, rests_on)| Arc::new(Facts { holder, rests_on })),
            until: None,
            is_settled: AtomicBool::new(false),
            charge: None,
        }
    }

    /// Makes it the refusal of a token whose time is over. That is not kept: the token service has the better answer.
    pub(super) fn expire(&mut self) {
        self.verdict = Err(expired());
        self.spots = Spots::default();
    }

    /// Whether it is about a genuine token: only such decisions are kept.
    pub(super) fn is_to_be_kept(&self) -> bool {
        !self.spots.is_empty()
    }

    /// The stream has been where this was computed from.
    pub(super) fn settle(&self) {
        self.is_settled.store(true, Ordering::Release);
    }

    /// Whether a lease speaks for it.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Acquire)
    }

    /// What it answers.
    pub(super) fn asked(&self) -> Asked<'_> {
        Asked { digest: &self.digest, resource: &self.resource, action: self.action, at_least: None }
    }

    /// Whether nothing up to change `applied` touched what this rests on since it was computed. What was found once is
    /// noted: what has happened does not change.
    pub(super) fn is_untouched(&self, cells: &Cells, applied: u64) -> bool {
        let seen = applied.saturating_add(1);
        if self.seen.load(Ordering::Relaxed) == seen {
            return true;
        }
        let is_untouched = self.number >= cells.newest(&self.spots);
        if is_untouched {
            self.seen.store(seen, Ordering::Relaxed);
        }
        is_untouched
    }

    /// Whether it answers this question: everything is compared, so a key that two questions share mixes nothing up.
    pub(super) fn answers(&self, asked: &Asked<'_>) -> bool {
        self.digest == *asked.digest && *self.resource == *asked.resource && self.action == asked.action
    }

    /// What it takes in memory, with its place in the cache's tables: counted, not measured, and rather too much.
    pub(super) fn bytes(&self) -> u64 {
        /// Per allocation: the allocator's own words and rounding.
        const ALLOCATION: usize = 16;
        /// The cache's key, pointer and links, with its tables half empty; and the token's line in the books.
        const TABLES: usize = 160;
        let facts = self.facts.as_ref().map_or(0, |facts| {
            let rests_on = &facts.rests_on;
            let resource = 2 * ALLOCATION + rests_on.resource.to_string().len();
            let kid = ALLOCATION + rests_on.kid.as_str().len();
            let groups = ALLOCATION + size_of_val(&rests_on.groups[..]);
            let scopes = match &facts.holder.scopes {
                Scopes::Unrestricted => 0,
                // A tree's nodes hold eleven patterns, and are half full at worst.
                Scopes::Only(list) => list.iter().map(|pattern| ALLOCATION + 64 + pattern.to_string().len()).sum(),
            };
            2 * ALLOCATION + size_of::<Facts>() + resource + kid + groups + scopes
        });
        let detail = self.verdict.as_ref().err().map_or(0, |denied| ALLOCATION + denied.detail.len());
        let spilled = if self.spots.spilled() { ALLOCATION + size_of_val(&self.spots[..]) } else { 0 };
        let own = 2 * ALLOCATION + size_of::<Self>() + spilled;
        u64::try_from(own + facts + detail + TABLES).unwrap_or(u64::MAX)
    }
}

fn allows_nobody() -> Denied {
    Denied { reason: Reason::Undecidable, detail: "the decision does not say whom it allows to do what".to_owned() }
}

/// The refusal of a token whose time is over.
pub(super) fn expired() -> Denied {
    Denied { reason: Reason::TokenExpired, detail: "the token has expired: make a new one".to_owned() }
}

/// What a request got: a decision, from memory or just made. To be used at once, or checked again after any wait.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) known: Arc<Known>,
    /// The evidence that it came with, for whoever asked; what comes from memory has the lease alone.
    pub(super) evidence: Option<Moment>,
    /// How far this decider was when it was given.
    pub(super) as_of: Vector,
    /// How old its evidence was then.
    pub(super) age: Duration,
}

impl Answer {
    /// Whether it is a yes.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.known.verdict.is_ok()
    }

    /// Why not; `None` if it is a yes.
    #[must_use]
    pub fn denied(&self) -> Option<&Denied> {
        self.known.verdict.as_ref().err()
    }

    /// Who holds the token; `None` if it is not genuine.
    #[must_use]
    pub fn holder(&self) -> Option<&Holder> {
        self.known.facts.as_ref().map(|facts| &facts.holder)
    }

    /// The permission, if it is a yes. Copies nothing.
    ///
    /// # Errors
    /// Why not.
    pub fn permit(&self) -> Result<Allowed, Denied> {
        self.known.verdict.clone()?;
        self.known.facts.clone().map(Allowed::new).ok_or_else(allows_nobody)
    }

    /// The whole decision, as a [`DecisionSource`](crate::source::DecisionSource) gives it.
    #[must_use]
    pub fn to_decision(&self) -> Decision {
        let facts = self.known.facts.as_ref();
        Decision {
            verdict: self.known.verdict.clone(),
            as_of: self.as_of,
            rests_on: facts.map(|facts| facts.rests_on.clone()).filter(|_| !self.known.spots.is_empty()),
            holder: facts.map(|facts| facts.holder.clone()),
            evidence_age: self.age,
        }
    }
}
