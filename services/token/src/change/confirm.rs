//! Says of a change who has acknowledged it, and who has not been heard from.
//!
//! **Why it is exact.** The deciders are looked up after the change was committed. One that gets its first lease later gets
//! it on evidence from after that ([`deciders`](super::deciders)). So every lease that does not contain the change belongs
//! to a decider that was found here, and has ended one bound after the commit.

use std::collections::HashMap;
use std::time::Duration;

use passgate_kit::client::{Ambient, Moment, Position, Vector};
use passgate_kit::store::{Store, StoreError};
use time::OffsetDateTime;

use super::deciders::{Deciders, Standing, with_margin};
use super::log::ChangeLog;
use crate::decision::Freshness;
use crate::store::decider::{DeciderKey, SeenDecider, of_others};

/// How often the rows of other replicas are read while one of their deciders is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Acknowledgements that come within this are looked at together.
const TOGETHER: Duration = Duration::from_millis(1);
/// How often the other replicas' attention is called for: less than it lasts.
const CALL_AGAIN: Duration = Duration::from_secs(1);

/// How far a change was known when the wait for it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Whether everybody who watches had acknowledged it.
    pub complete: bool,
    /// Who had, in the order in which it was known here, and how long after the commit.
    pub acknowledged: Vec<(String, Duration)>,
    /// Who had not.
    pub missing: Vec<Missing>,
    /// How long it took, from the commit.
    pub took: Duration,
    /// Nobody allows what was taken away later than this.
    pub cut_off_by: OffsetDateTime,
}

/// A decider that had not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The decider.
    pub decider: String,
    /// When it was last heard from.
    pub heard: OffsetDateTime,
    /// When its lease has ended, or had.
    pub lease_end: OffsetDateTime,
}

/// Confirms. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Confirmer {
    deciders: Deciders,
    store: Store,
    log: ChangeLog,
    ambient: Ambient,
    bound: Duration,
}

/// One wait.
struct Waiting {
    position: Option<Position>,
    committed: Moment,
    acknowledged: Vec<(String, Duration)>,
    known: HashMap<DeciderKey, Decider>,
}

/// A decider that is waited for, or was.
struct Decider {
    name: String,
    acknowledged: bool,
    heard: OffsetDateTime,
    lease_end: OffsetDateTime,
    /// Whether it may hold a lease that does not contain the change.
    may_allow: bool,
    elsewhere: bool,
}

impl Confirmer {
    /// Looks at `deciders` here, and at those that other replicas have written into `store`.
    #[must_use]
    pub const fn new(deciders: Deciders, store: Store, log: ChangeLog, ambient: Ambient, bound: Duration) -> Self {
        Self { deciders, store, log, ambient, bound }
    }

    /// Waits until everybody has acknowledged the change at `position`, for at most `within` from its commit at `committed`.
    /// This replica's memory contains it already. `None` for a change that has not arrived here: nobody can have it.
    pub async fn confirm(&self, position: Option<Position>, committed: Moment, within: Duration) -> Confirmed {
        let mut bell = self.deciders.acknowledged();
        let mut waiting = Waiting { position, committed, acknowledged: Vec::new(), known: HashMap::new() };
        let mut called: Option<Moment> = None;
        let deadline = tokio::time::Instant::now() + within;
        loop {
            if called.is_none_or(|at| self.ambient.moment().since(at) >= CALL_AGAIN) {
                called = Some(self.ambient.moment());
                self.call().await;
            }
            bell.mark_unchanged();
            let all_known = self.look(&mut waiting).await;
            let passed = self.ambient.moment().since(committed);
            if (waiting.is_over() && all_known) || passed >= within || tokio::time::Instant::now() >= deadline {
                return self.told(waiting, all_known);
            }
            let rest = within.saturating_sub(passed);
            let pause = if waiting.for_others() || !all_known { LOOK_AGAIN } else { CALL_AGAIN };
            tokio::select! {
                biased;
                _ = bell.changed() => tokio::time::sleep(TOGETHER).await,
                () = tokio::time::sleep(pause.min(rest)) => {}
            }
        }
    }

    /// Waits until everybody has acknowledged a change of the identity service, for at most `within`.
    pub async fn confirm_identity(&self, freshness: &Freshness, identity: Position, within: Duration) -> Confirmed {
        let arrived = self.ambient.moment();
        let mark = Vector { identity: Some(identity), ..Vector::default() };
        match freshness.wait_for_within(&mark, within).await {
            Ok(()) => self.confirm(Some(self.log.carrying(&identity)), arrived, within).await,
            Err(_) => self.confirm(None, arrived, Duration::ZERO).await,
        }
    }

    /// Asks every decider to acknowledge now, here and by the other replicas.
    async fn call(&self) {
        self.log.probe();
        if let Err(error) = self.store.call_attention().await {
            tracing::debug!("other replicas were not told of a confirmation, and write at leisure: {error}");
        }
    }

    /// Looks who has acknowledged by now. False if it is not known who watches other replicas.
    async fn look(&self, waiting: &mut Waiting) -> bool {
        let replica = self.deciders.replica();
        let others = self.store.read(move |db| Box::pin(async move { of_others(db, replica).await }));
        let others: Result<Vec<SeenDecider>, StoreError> = others.await;
        let (now, wall) = (self.ambient.moment(), self.ambient.now());
        let passed = now.since(waiting.committed);
        let cut_off = self.cut_off_by(waiting.committed);
        let over = passed > with_margin(self.bound);

        let mut known: HashMap<DeciderKey, Decider> = HashMap::new();
        let all_known = others.is_ok();
        for row in others.unwrap_or_default() {
            let seen = Decider {
                name: display(&row.key, &row.name),
                acknowledged: has(row.applied, waiting.position),
                heard: row.heard,
                lease_end: cut_off, // it may have got one after its row was written
                may_allow: !over,
                elsewhere: true,
            };
            if row.streams > 0 || !over {
                merge(&mut known, row.key, seen);
            }
        }
        for standing in self.deciders.standing() {
            let lease_end = (wall + standing.lease_left).min(cut_off);
            if let Some(seen) = own(&standing, waiting.position, lease_end, over) {
                merge(&mut known, standing.key, seen);
            }
        }
        waiting.take(known, passed);
        all_known
    }

    /// No lease without the change holds longer than that.
    fn cut_off_by(&self, committed: Moment) -> OffsetDateTime {
        self.ambient.now() - self.ambient.moment().since(committed) + self.bound
    }

    fn told(&self, waiting: Waiting, all_known: bool) -> Confirmed {
        let missing: Vec<Missing> = waiting
            .known
            .into_values()
            .filter(|decider| !decider.acknowledged)
            .map(|Decider { name, heard, lease_end, .. }| Missing { decider: name, heard, lease_end })
            .collect();
        Confirmed {
            complete: all_known && missing.is_empty(),
            acknowledged: waiting.acknowledged,
            missing,
            took: self.ambient.moment().since(waiting.committed),
            cut_off_by: self.cut_off_by(waiting.committed),
        }
    }
}

impl Waiting {
    /// Nobody who may still allow is waited for.
    fn is_over(&self) -> bool {
        self.known.values().all(|decider| decider.acknowledged || !decider.may_allow)
    }

    /// A decider of another replica is waited for.
    fn for_others(&self) -> bool {
        self.known.values().any(|decider| !decider.acknowledged && decider.elsewhere)
    }

    /// Takes what is known by now. Who acknowledged stays so, also when it goes.
    fn take(&mut self, known: HashMap<DeciderKey, Decider>, passed: Duration) {
        let before = std::mem::replace(&mut self.known, known);
        for (key, decider) in &mut self.known {
            let known_before = before.get(key).is_some_and(|before| before.acknowledged);
            decider.acknowledged |= known_before;
            if decider.acknowledged && !known_before {
                self.acknowledged.push((decider.name.clone(), passed));
            }
        }
        for (key, decider) in before {
            if decider.acknowledged {
                self.known.entry(key).or_insert(decider);
            }
        }
    }
}

/// A decider of this replica; `None` if it has no lease that could lack the change, and never had one.
fn own(standing: &Standing, position: Option<Position>, lease_end: OffsetDateTime, over: bool) -> Option<Decider> {
    let acknowledged = has(standing.applied, position);
    let may_allow = !over && !standing.lease_left.is_zero();
    let counts = acknowledged || may_allow || (standing.watches && standing.was_leased);
    counts.then(|| Decider {
        name: display(&standing.key, &standing.name),
        acknowledged,
        heard: standing.heard,
        lease_end,
        may_allow,
        elsewhere: false,
    })
}

/// Whether who has applied everything up to `applied` has the change at `position`.
fn has(applied: Option<Position>, position: Option<Position>) -> bool {
    applied.zip(position).is_some_and(|(applied, position)| applied.at_least(&position))
}

/// One decider may watch several replicas: what it said to one of them holds.
fn merge(known: &mut HashMap<DeciderKey, Decider>, key: DeciderKey, seen: Decider) {
    let merged = match known.remove(&key) {
        None => seen,
        Some(before) => Decider {
            name: before.name,
            acknowledged: before.acknowledged || seen.acknowledged,
            heard: before.heard.max(seen.heard),
            lease_end: before.lease_end.max(seen.lease_end),
            may_allow: before.may_allow || seen.may_allow,
            elsewhere: before.elsewhere && seen.elsewhere,
        },
    };
    known.insert(key, merged);
}

/// What people call it: the instance, with its name where that says more.
fn display(key: &DeciderKey, name: &str) -> String {
    let instance = key.principal.strip_prefix("services/").unwrap_or(&key.principal);
    if instance == name { name.to_owned() } else { format!("{instance}/{name}") }
}
