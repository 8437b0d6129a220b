//! What happened, as seen from outside: what administrators were told, and what gateways let through.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;
use passgate_client::{Reason, Vector};

use crate::host::Ticks;

/// What a token's good standing depends on. Each can be broken by itself; all but the last can be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Factor {
    /// Its owner is enabled.
    User,
    /// Its owner holds the grant.
    Grant,
    /// It is enabled.
    Enabled,
    /// It is not revoked.
    NotRevoked,
}

impl Factor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::User, Self::Grant, Self::Enabled, Self::NotRevoked];
}

/// What an administrator does to a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Disable, remove, revoke.
    Break,
    /// Enable, give again.
    Mend,
}

/// How an administrator's call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// Not yet.
    UnderWay,
    /// It was answered, at this tick, with this mark if it changed something.
    Done(u64, Option<Vector>),
    /// It failed, or was not answered: nobody knows, and it may still happen.
    Unknown,
}

/// An administrator's call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operation {
    /// Which token.
    pub subject: usize,
    /// What of it.
    pub factor: Factor,
    /// Which way.
    pub kind: Kind,
    /// When it was sent.
    pub sent: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// What a gateway did with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It let it through.
    Allowed,
    /// It refused it for this reason.
    Refused(Reason),
    /// It could not know, in these words.
    Undecided(String),
}

/// A request at a gateway.
#[derive(Clone, Debug)]
pub struct Use {
    /// Which gateway.
    pub gateway: &'static str,
    /// Which token.
    pub subject: usize,
    /// When it came.
    pub asked: u64,
    /// When it was let through or refused.
    pub used: u64,
    /// What the gateway had applied by then.
    pub known: Vector,
    /// What became of it.
    pub verdict: Verdict,
}

/// Everything that happened in a run. Clones are the same.
#[derive(Clone)]
pub struct History {
    events: Arc<Mutex<Events>>,
    ticks: Ticks,
}

/// What is in a history.
#[derive(Clone, Default)]
pub struct Events {
    /// The administrators' calls, in the order in which they were sent.
    pub operations: Vec<Operation>,
    /// The requests, in the order in which they were decided.
    pub uses: Vec<Use>,
    /// Everything, one line each.
    pub told: Vec<String>,
}

impl History {
    /// An empty one.
    #[must_use]
    pub fn new(ticks: Ticks) -> Self {
        Self { events: Arc::default(), ticks }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.ticks.now()
    }

    /// Notes something in words.
    pub fn tell(&self, what: impl fmt::Display) {
        let line = format!("{:>6} {what}", self.now());
        self.events.lock().told.push(line);
    }

    /// Notes that an administrator sends something. What it is called afterwards.
    #[must_use]
    pub fn sent(&self, subject: usize, factor: Factor, kind: Kind) -> usize {
        self.tell(format_args!("{kind:?} {factor:?} of token {subject} is sent"));
        let mut events = self.events.lock();
        let sent = self.ticks.now();
        events.operations.push(Operation { subject, factor, kind, sent, outcome: Outcome::UnderWay });
        events.operations.len() - 1
    }

    /// Notes how it ended: `Some` if it was answered, with the mark if it had one.
    pub fn ended(&self, operation: usize, answer: Result<Option<Vector>, &str>) {
        let number = answer.ok().flatten().map(|mark| (number(mark.identity), number(mark.token)));
        match answer {
            Ok(_) => self.tell(format_args!("operation {operation} is done: {number:?}")),
            Err(why) => self.tell(format_args!("operation {operation} is unknown: {why}")),
        }
        let outcome = answer.map_or(Outcome::Unknown, |mark| Outcome::Done(self.now(), mark));
        if let Some(noted) = self.events.lock().operations.get_mut(operation) {
            noted.outcome = outcome;
        }
    }

    /// Notes what a gateway did with a request.
    pub fn used(&self, it: Use) {
        let known = (number(it.known.identity), number(it.known.token));
        self.tell(format_args!(
            "{}: token {} asked at {}: {:?}, knowing {known:?}",
            it.gateway, it.subject, it.asked, it.verdict
        ));
        self.events.lock().uses.push(it);
    }

    /// Everything so far.
    #[must_use]
    pub fn events(&self) -> Events {
        self.events.lock().clone()
    }
}

impl Events {
    /// Stands for all of it: the same run has the same.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let sum = digest(&SHA256, self.told.join("\n").as_bytes());
        sum.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn number(position: Option<passgate_client::Position>) -> Option<u64> {
    position.map(|position| position.number.0)
}
