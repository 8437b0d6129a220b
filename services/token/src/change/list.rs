//! Who watches, at all replicas.

use std::collections::BTreeMap;
use std::time::Duration;

use passgate_kit::client::{Ambient, Position};
use passgate_kit::store::{Store, StoreError};
use time::OffsetDateTime;

use super::deciders::{Deciders, Standing};
use super::log::ChangeLog;
use crate::store::decider::{DeciderKey, SeenDecider, of_others};

/// A decider, as all replicas together see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub key: DeciderKey,
    /// What it calls itself.
    pub name: String,
    /// The furthest position that it acknowledged.
    pub applied: Option<Position>,
    /// How many changes it is behind.
    pub behind: u64,
    /// How long its lease may still hold.
    pub lease_left: Duration,
    /// When it was last heard from.
    pub heard: OffsetDateTime,
    /// When it began to watch.
    pub watching_since: OffsetDateTime,
    /// How many replicas it watches.
    pub streams: u32,
}

/// Lists them.
#[derive(Clone, Debug)]
pub struct DeciderList {
    deciders: Deciders,
    store: Store,
    log: ChangeLog,
    ambient: Ambient,
    bound: Duration,
}

impl DeciderList {
    /// Those of `deciders`, and those that other replicas have written into `store`.
    #[must_use]
    pub const fn new(deciders: Deciders, store: Store, log: ChangeLog, ambient: Ambient, bound: Duration) -> Self {
        Self { deciders, store, log, ambient, bound }
    }

    /// All of them, in no particular order.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn all(&self) -> Result<Vec<Listed>, StoreError> {
        let replica = self.deciders.replica();
        let others = self.store.read(move |db| Box::pin(async move { of_others(db, replica).await })).await?;
        let mut listed = BTreeMap::new();
        let own = self.deciders.standing().into_iter().map(Listed::from);
        for seen in own.chain(others.into_iter().map(|row| self.seen_elsewhere(row))) {
            let seen = match listed.remove(&seen.key) {
                None => seen,
                Some(before) => merged(before, seen),
            };
            listed.insert(seen.key.clone(), seen);
        }
        let head = self.log.head().position;
        let behind = |at: Option<Position>| match at.filter(|at| at.feed == head.feed) {
            Some(at) => head.number.0.saturating_sub(at.number.0),
            None => head.number.0,
        };
        Ok(listed.into_values().map(|seen| Listed { behind: behind(seen.applied), ..seen }).collect())
    }

    /// What another replica sees. How long that lease holds is told by that replica's clock, and never longer than a lease.
    fn seen_elsewhere(&self, row: SeenDecider) -> Listed {
        let passed = row.leased.map(|since| Duration::try_from(self.ambient.now() - since).unwrap_or_default());
        Listed {
            key: row.key,
            name: row.name,
            applied: row.applied,
            behind: 0,
            lease_left: passed.map_or(Duration::ZERO, |passed| self.bound.saturating_sub(passed)),
            heard: row.heard,
            watching_since: row.watching_since,
            streams: u32::from(row.streams > 0),
        }
    }
}

impl From<Standing> for Listed {
    fn from(standing: Standing) -> Self {
        Self {
            key: standing.key,
            name: standing.name,
            applied: standing.applied,
            behind: 0,
            lease_left: standing.lease_left,
            heard: standing.heard,
            watching_since: standing.watching_since,
            streams: u32::from(standing.watches),
        }
    }
}

/// One decider, seen by two replicas: what it said to either holds.
fn merged(one: Listed, other: Listed) -> Listed {
    let further = match (one.applied, other.applied) {
        (Some(one), Some(other)) if one.at_least(&other) => Some(one),
        (one, other) => other.or(one),
    };
    Listed {
        applied: further,
        lease_left: one.lease_left.max(other.lease_left),
        heard: one.heard.max(other.heard),
        watching_since: one.watching_since.min(other.watching_since),
        streams: one.streams.saturating_add(other.streams),
        ..one
    }
}
