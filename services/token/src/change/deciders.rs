//! Who watches here, how far they are, and until when their leases may run.
//!
//! **A decider is in the database before its first lease.** Whoever confirms a change reads the rows *after* the change was
//! committed. A decider whose row is written later gets no lease but on evidence that was asked for after its row was
//! written ([`Registered::may_lease`]); such evidence contains the change. So no lease is overlooked.
//!
//! **It stays there until its last lease has ended**, with a margin for clocks that run differently. A replica that cannot
//! write its rows any more gives no leases after [`UNWRITTEN`]; another one takes out the rows of a replica that has not
//! written for longer than that and a lease together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use passgate_kit::client::{Ambient, Moment, Position};
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

use crate::store::decider::{DeciderKey, SeenDecider};

/// How many deciders may be known here at a time.
const MOST: usize = 20_000;

/// How long a replica that cannot write its deciders down goes on giving leases.
pub const UNWRITTEN: Duration = Duration::from_secs(5);

/// The deciders of this replica. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct Deciders(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    replica: Uuid,
    bound: Duration,
    ambient: Ambient,
    known: Mutex<Known>,
    /// Rung when a decider came that is not in the database.
    came: watch::Sender<u64>,
    /// Rung when somebody acknowledged.
    acknowledged: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Known {
    deciders: HashMap<DeciderKey, Decider>,
    beat: u64,
    /// Just before the last write that succeeded was sent.
    saved: Option<Moment>,
}

#[derive(Clone, Debug)]
struct Decider {
    name: String,
    streams: u32,
    applied: Option<Position>,
    heard: OffsetDateTime,
    watching_since: OffsetDateTime,
    /// When the nonce arrived for which it was last given a lease: that lease ends a bound later, or sooner.
    leased: Option<(Moment, OffsetDateTime)>,
    /// When its row was surely in the database.
    written: Option<Moment>,
}

/// There are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// A decider as it stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which.
    pub key: DeciderKey,
    /// What it calls itself.
    pub name: String,
    /// Whether it has a stream here.
    pub watches: bool,
    /// The last position that it acknowledged.
    pub applied: Option<Position>,
    /// How long its lease from here may still hold.
    pub lease_left: Duration,
    /// Whether it ever got one here.
    pub was_leased: bool,
    /// When it was last heard from.
    pub heard: OffsetDateTime,
    /// When it began to watch.
    pub watching_since: OffsetDateTime,
}

impl Deciders {
    /// Nobody yet. Leases hold for `bound`.
    #[must_use]
    pub fn new(ambient: Ambient, bound: Duration) -> Self {
        let replica = ambient.uuid_v7();
        let bell = || watch::Sender::new(0);
        let (came, acknowledged) = (bell(), bell());
        Self(Arc::new(Inner { replica, bound, ambient, known: Mutex::default(), came, acknowledged }))
    }

    /// This run of this replica.
    #[must_use]
    pub fn replica(&self) -> Uuid {
        self.0.replica
    }

    /// A stream of a decider begins; it ends when what this gives is dropped.
    ///
    /// # Errors
    /// If there are too many deciders.
    pub fn register(&self, key: DeciderKey, name: &str) -> Result<Registered, TooMany> {
        let now = self.0.ambient.now();
        let mut known = self.0.known.lock();
        if known.deciders.len() >= MOST && !known.deciders.contains_key(&key) {
            return Err(TooMany);
        }
        let decider = known.deciders.entry(key.clone()).or_insert_with(|| Decider {
            name: name.to_owned(),
            streams: 0,
            applied: None,
            heard: now,
            watching_since: now,
            leased: None,
            written: None,
        });
        name.clone_into(&mut decider.name);
        decider.streams = decider.streams.saturating_add(1);
        decider.heard = now;
        let is_new = decider.written.is_none();
        drop(known);
        if is_new {
            ring(&self.0.came);
        }
        Ok(Registered { deciders: self.clone(), key })
    }

    /// All of them as they stand.
    #[must_use]
    pub fn standing(&self) -> Vec<Standing> {
        let now = self.0.ambient.moment();
        let known = self.0.known.lock();
        known.deciders.iter().map(|(key, decider)| decider.standing(key, self.lease_left(decider, now))).collect()
    }

    fn lease_left(&self, decider: &Decider, now: Moment) -> Duration {
        decider.leased.map_or(Duration::ZERO, |(since, _)| self.0.bound.saturating_sub(now.since(since)))
    }

    /// What is to be written now, with the beat that goes with it.
    #[must_use]
    pub fn to_write(&self) -> Vec<SeenDecider> {
        let mut known = self.0.known.lock();
        known.beat = known.beat.saturating_add(1);
        let beat = known.beat;
        known
            .deciders
            .iter()
            .map(|(key, decider)| SeenDecider {
                key: key.clone(),
                replica: self.0.replica,
                name: decider.name.clone(),
                applied: decider.applied,
                streams: decider.streams,
                beat,
                leased: decider.leased.map(|(_, wall)| wall),
                heard: decider.heard,
                watching_since: decider.watching_since,
            })
            .collect()
    }

    /// These are in the database; the write was sent after `sent`. True if some were not there before.
    pub fn wrote(&self, rows: &[SeenDecider], sent: Moment) -> bool {
        let now = self.0.ambient.moment();
        let mut known = self.0.known.lock();
        known.saved = Some(sent);
        let mut some_new = false;
        for row in rows {
            if let Some(decider) = known.deciders.get_mut(&row.key).filter(|decider| decider.written.is_none()) {
                decider.written = Some(now);
                some_new = true;
            }
        }
        some_new
    }

    /// Forgets those that went, and whose last lease has ended. Their rows are to be taken out after this: one that comes
    /// back meanwhile is new.
    #[must_use]
    pub fn take_gone(&self) -> Vec<DeciderKey> {
        let now = self.0.ambient.moment();
        let longest = with_margin(self.0.bound);
        let mut known = self.0.known.lock();
        let gone = |decider: &Decider| {
            decider.streams == 0 && decider.leased.is_none_or(|(since, _)| now.since(since) > longest)
        };
        let keys: Vec<DeciderKey> =
            known.deciders.iter().filter(|(_, decider)| gone(decider)).map(|(key, _)| key.clone()).collect();
        for key in &keys {
            known.deciders.remove(key);
        }
        keys
    }

    /// Whether it is known here.
    #[must_use]
    pub fn knows(&self, key: &DeciderKey) -> bool {
        self.0.known.lock().deciders.contains_key(key)
    }

    /// Rung when a decider came that is not in the database.
    #[must_use]
    pub fn came(&self) -> watch::Receiver<u64> {
        self.0.came.subscribe()
    }

    /// Rung when somebody acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> watch::Receiver<u64> {
        self.0.acknowledged.subscribe()
    }
}

impl Decider {
    fn standing(&self, key: &DeciderKey, lease_left: Duration) -> Standing {
        Standing {
            key: key.clone(),
            name: self.name.clone(),
            watches: self.streams > 0,
            applied: self.applied,
            lease_left,
            was_leased: self.leased.is_some(),
            heard: self.heard,
            watching_since: self.watching_since,
        }
    }
}

/// A stream of a decider.
#[derive(Debug)]
pub struct Registered {
    deciders: Deciders,
    key: DeciderKey,
}

impl Registered {
    /// Which decider.
    #[must_use]
    pub fn key(&self) -> &DeciderKey {
        &self.key
    }

    /// It says that it has applied everything up to `applied`, and decides on nothing older from now on.
    pub fn acknowledge(&self, applied: Option<Position>) {
        let now = self.deciders.0.ambient.now();
        self.change(|decider| {
            decider.heard = now;
            // Its streams to this replica share one position, which never goes back within a feed.
            let further = |old: Position| applied.is_some_and(|new| new.feed != old.feed || new.number >= old.number);
            if decider.applied.is_none_or(further) {
                decider.applied = applied;
            }
        });
        ring(&self.deciders.0.acknowledged);
    }

    /// Whether it may get a lease on evidence for this service's feed that was asked for at `asked`.
    #[must_use]
    pub fn may_lease(&self, asked: Moment) -> bool {
        let now = self.deciders.0.ambient.moment();
        let known = self.deciders.0.known.lock();
        let written = known.deciders.get(&self.key).and_then(|decider| decider.written);
        let saved = known.saved.is_some_and(|saved| now.since(saved) <= UNWRITTEN);
        saved && written.is_some_and(|written| written.since(asked).is_zero())
    }

    /// It is about to get a lease for a nonce that arrived at `arrived`.
    pub fn leased(&self, arrived: Moment) {
        let wall = self.deciders.0.ambient.now();
        self.change(|decider| decider.leased = Some((arrived, wall)));
    }

    fn change(&self, change: impl FnOnce(&mut Decider)) {
        if let Some(decider) = self.deciders.0.known.lock().deciders.get_mut(&self.key) {
            change(decider);
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.change(|decider| decider.streams = decider.streams.saturating_sub(1));
    }
}

/// A length of time, measured here, that is surely over where it was promised: clocks run differently by less than a percent.
#[must_use]
pub fn with_margin(length: Duration) -> Duration {
    length.saturating_add(length / 50).saturating_add(Duration::from_millis(100))
}

fn ring(bell: &watch::Sender<u64>) {
    bell.send_modify(|rings| *rings = rings.wrapping_add(1));
}
