//! Writes this replica's deciders into the database, and takes out what others left behind.
//!
//! Rows are written once a second in one statement, at once when a decider came, and at once after each acknowledgement
//! while somebody waits for a confirmation, here or at another replica (which calls for attention).

use std::collections::HashMap;
use std::time::Duration;

use passgate_kit::client::{FeedId, Moment};
use passgate_kit::store::{Dialect, Store, StoreError, Tx, Wake};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::deciders::{Deciders, UNWRITTEN, with_margin};
use super::doubt::Doubt;
use super::log::ChangeLog;
use crate::store::decider::{self, DeciderKey, SeenDecider};
use crate::store::feed_doubt;

/// How often rows are written when nobody waits for them.
const EVERY: Duration = Duration::from_secs(1);
/// How long a call for attention lasts. Who goes on waiting calls again.
const ATTENTIVE: Duration = Duration::from_millis(1_500);
/// What comes within this is written together.
const TOGETHER: Duration = Duration::from_millis(5);

/// Writes them.
#[derive(Debug)]
pub struct Syncer {
    store: Store,
    deciders: Deciders,
    log: ChangeLog,
    doubt: Doubt,
    feed: FeedId,
    abandoned_after: Duration,
    gone: Vec<DeciderKey>,
    seen: HashMap<(DeciderKey, Uuid), (u64, Moment)>,
    attentive_until: Option<tokio::time::Instant>,
    stumbled: bool,
}

/// What it waits for.
struct Bells {
    attention: Wake,
    came: watch::Receiver<u64>,
    acknowledged: watch::Receiver<u64>,
}

impl Syncer {
    /// Writes `deciders` into `store`, under leases of `bound`.
    #[must_use]
    pub fn new(store: Store, deciders: Deciders, log: ChangeLog, doubt: Doubt, bound: Duration) -> Self {
        let feed = log.head().position.feed;
        // One process has an SQLite file: what others left behind is of processes that are no more.
        let gives_leases = if store.dialect() == Dialect::Sqlite { Duration::ZERO } else { UNWRITTEN };
        let abandoned_after = with_margin(gives_leases.saturating_add(bound));
        Self {
            store,
            deciders,
            log,
            doubt,
            feed,
            abandoned_after,
            gone: Vec::new(),
            seen: HashMap::new(),
            attentive_until: None,
            stumbled: false,
        }
    }

    /// Writes until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut bells = Bells {
            attention: self.store.attention(),
            came: self.deciders.came(),
            acknowledged: self.deciders.acknowledged(),
        };
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // Stopping between two writes loses nothing: what is written shows positions, and the next write shows newer ones.
            let at_leisure = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                at_leisure = self.wait(&mut bells, &mut ticks) => at_leisure,
            };
            let result = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                result = self.step(at_leisure) => result,
            };
            self.tell(result);
        }
    }

    /// True if it is time for what is done once a second.
    async fn wait(&mut self, bells: &mut Bells, ticks: &mut tokio::time::Interval) -> bool {
        let attentive = self.attentive_until.is_some_and(|until| until > tokio::time::Instant::now());
        tokio::select! {
            biased;
            _ = ticks.tick() => return true,
            () = bells.attention.changed() => {
                self.attentive_until = Some(tokio::time::Instant::now() + ATTENTIVE);
                self.log.probe();
                return false;
            }
            _ = bells.came.changed() => {}
            _ = bells.acknowledged.changed(), if attentive => {}
        }
        tokio::time::sleep(TOGETHER).await;
        bells.came.mark_unchanged();
        bells.acknowledged.mark_unchanged();
        false
    }

    async fn step(&mut self, at_leisure: bool) -> Result<(), StoreError> {
        self.write().await?;
        if at_leisure {
            self.take_out_gone().await?;
            self.take_out_abandoned().await?;
            self.share_doubt().await?;
        }
        Ok(())
    }

    async fn write(&self) -> Result<(), StoreError> {
        let rows = self.deciders.to_write();
        if rows.is_empty() {
            return Ok(());
        }
        let sent = self.store.ambient().moment();
        let write = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                decider::put(tx.connection(), &rows).await?;
                Ok::<_, StoreError>(rows)
            })
        });
        let rows = write.await?.value;
        if self.deciders.wrote(&rows, sent) {
            self.store.read_now(); // new ones get their first lease on evidence that is asked for after this
        }
        Ok(())
    }

    /// Takes out the rows of those that are forgotten here; what fails is tried again.
    async fn take_out_gone(&mut self) -> Result<(), StoreError> {
        self.gone.extend(self.deciders.take_gone());
        self.gone.retain(|key| !self.deciders.knows(key)); // it came back, and its row is written by this task alone
        if self.gone.is_empty() {
            return Ok(());
        }
        let (replica, gone) = (self.deciders.replica(), self.gone.clone());
        let write = self
            .store
            .write(move |tx: &mut Tx| Box::pin(async move { decider::remove(tx.connection(), replica, &gone).await }));
        let _ = write.await?;
        self.gone.clear();
        Ok(())
    }

    /// Takes out the rows of replicas that have not written for so long that no lease of theirs can hold any more.
    async fn take_out_abandoned(&mut self) -> Result<(), StoreError> {
        let replica = self.deciders.replica();
        let rows: Vec<SeenDecider> =
            self.store.read(move |db| Box::pin(async move { decider::of_others(db, replica).await })).await?;
        let now = self.store.ambient().moment();
        let mut seen = HashMap::with_capacity(rows.len());
        let mut abandoned = Vec::new();
        for row in rows {
            let name = (row.key.clone(), row.replica);
            let since = match self.seen.get(&name) {
                Some((beat, since)) if *beat == row.beat => *since,
                _ => now,
            };
            seen.insert(name, (row.beat, since));
            if now.since(since) > self.abandoned_after {
                abandoned.push(row);
            }
        }
        self.seen = seen;
        if abandoned.is_empty() {
            return Ok(());
        }
        let write = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                for row in &abandoned {
                    decider::remove_abandoned(tx.connection(), row).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        write.await.map(|_| ())
    }

    /// Writes a doubt about the feed down, or finds one that another replica, or an earlier run, wrote down.
    async fn share_doubt(&self) -> Result<(), StoreError> {
        if let Some(raised) = self.doubt.take_unwritten() {
            let put = raised.clone();
            let write = self.store.write(move |tx: &mut Tx| {
                Box::pin(
                    async move { feed_doubt::put(tx.connection(), &put.seen, &put.told_by, tx.ambient().now()).await },
                )
            });
            if let Err(error) = write.await {
                self.doubt.put_back(raised);
                return Err(error);
            }
        } else if !self.doubt.is_raised() {
            let feed = self.feed;
            let is_there = self.store.read(move |db| Box::pin(async move { feed_doubt::is_there(db, feed).await }));
            if is_there.await? {
                self.doubt.found();
            }
        }
        Ok(())
    }

    fn tell(&mut self, result: Result<(), StoreError>) {
        match result {
            Ok(()) if self.stumbled => {
                self.stumbled = false;
                tracing::info!("deciders are written down again");
            }
            Ok(()) => {}
            Err(error) => {
                if !std::mem::replace(&mut self.stumbled, true) {
                    tracing::warn!("deciders cannot be written down, and soon get no leases any more: {error}");
                }
            }
        }
    }
}
