//! Keeps a memory at the head of its service's own feed.
//!
//! The loop: take the moment, read rows and head in one snapshot, apply the rows, publish position and evidence. Evidence is
//! published only for a read whose rows reach its head, and only after they were applied; so what [`Applied`] says is at all
//! times true of the memory. It reads at once after a commit ([`Wake`]), soon after a read that failed (its wake is used up),
//! and every poll interval otherwise.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use passgate_client::{Moment, Position};
use sea_orm::ConnectionTrait as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::applied::{Applied, State};
use super::evidence::Evidence;
use super::read::{BREAK_CURE, Break, Page, ReadError, read_after};
use super::row::FeedRow;
use crate::store::{Store, Tx, Wake};

/// How often the database is read when nothing wakes the follower.
pub const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How soon a read that failed is tried again, if the poll interval is longer.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How many rows are read and applied at once.
const BATCH: u32 = 500;

/// What is built from a feed.
pub trait Memory: Send {
    /// Why changes could not be applied.
    type Error: Display + Send + Sync;

    /// Applies changes: in feed order, without holes, each at least once. If it fails they come again.
    fn apply(&mut self, rows: &[FeedRow]) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The feed is not the one that the memory was built from: forget everything.
    fn forget(&mut self, broken: &Break) -> impl Future<Output = ()> + Send;
}

/// Follows a service's own feed.
#[derive(Debug)]
pub struct Follower<M> {
    store: Store,
    memory: M,
    position: Position,
    poll: Duration,
    wake: Wake,
    applied: watch::Sender<State>,
    stumbled: bool,
}

impl<M: Memory> Follower<M> {
    /// Follows the feed from `position`, up to which `memory` contains it already: 0, what a snapshot was taken at, or,
    /// for a memory that is empty and fills itself later, the head.
    #[must_use]
    pub fn new(store: Store, position: Position, memory: M) -> Self {
        let wake = store.wake();
        let applied = watch::Sender::new(State { position, evidence: None, broken: None });
        Self { store, memory, position, poll: POLL_INTERVAL, wake, applied, stumbled: false }
    }

    /// With another poll interval than 200 ms.
    #[must_use]
    pub fn poll_every(mut self, interval: Duration) -> Self {
        self.poll = interval;
        self
    }

    /// Where the memory stands, now and later.
    #[must_use]
    pub fn applied(&self) -> Applied {
        Applied(self.applied.subscribe())
    }

    /// Follows until `stop`.
    ///
    /// # Errors
    /// If the feed went back or was edited. The memory was told to forget, and no evidence is given any more: the service
    /// must not be ready, and stays so until it is started on a feed that was adopted.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Break> {
        loop {
            // Stopping between a read and the next loses nothing: what was read is applied, or is read again.
            let step = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                step = self.step() => step,
            };
            if let Err(broken) = step {
                return Err(self.give_up(broken).await);
            }
        }
    }

    /// Reads and applies once, then waits if there was nothing more.
    async fn step(&mut self) -> Result<(), Break> {
        let asked = self.store.ambient().moment();
        let next = match read(&self.store, self.position).await {
            Ok(page) => self.take(page, asked).await,
            Err(ReadError::Break(broken)) => return Err(broken),
            Err(ReadError::Store(error)) => {
                self.stumble(&error);
                Next::TryAgain
            }
        };
        let pause = match next {
            Next::ReadOn => return Ok(()),
            Next::Wait => self.poll,
            // What woke this read is used up, and nothing need ring again for the same change.
            Next::TryAgain => self.poll.min(TRY_AGAIN_AFTER),
        };
        tokio::select! {
            biased;
            () = self.wake.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
        Ok(())
    }

    /// Applies a page.
    async fn take(&mut self, page: Page, asked: Moment) -> Next {
        if !page.rows.is_empty()
            && let Err(error) = self.memory.apply(&page.rows).await
        {
            self.stumble(&error);
            return Next::TryAgain;
        }
        let at_head = page.reaches_head(&self.position);
        self.position = page.rows.last().map_or(self.position, |row| row.position);
        let position = self.position;
        self.applied.send_modify(|state| {
            state.position = position;
            if at_head {
                state.evidence = Some(Evidence { position: page.head, asked });
            }
        });
        if self.stumbled {
            self.stumbled = false;
            tracing::info!(
                service = self.store.service(),
                "following the change feed again, now at {}",
                position.number
            );
        }
        if at_head { Next::Wait } else { Next::ReadOn }
    }

    /// Says once that following does not go on; the next success says that it does.
    fn stumble(&mut self, error: &(dyn Display + Send + Sync)) {
        if !std::mem::replace(&mut self.stumbled, true) {
            let service = self.store.service();
            tracing::warn!(
                service,
                "the change feed cannot be followed past {}; trying on: {error}",
                self.position.number
            );
        }
    }

    async fn give_up(&mut self, broken: Break) -> Break {
        tracing::error!(service = self.store.service(), "{broken}. Nothing is decided on it any more: {BREAK_CURE}");
        self.applied.send_modify(|state| {
            state.broken = Some(broken);
            state.evidence = None;
        });
        self.memory.forget(&broken).await;
        broken
    }
}

/// What to do after a read.
enum Next {
    /// There is more: read on at once.
    ReadOn,
    /// That was all: wait for news.
    Wait,
    /// It failed: the same again, soon.
    TryAgain,
}

/// Reads the rows after `after`, and the head.
///
/// Where a standby can take over, the same transaction writes, and what was read counts only once it has committed: a server
/// that was deposed still answers reads, but can no longer commit (rule 2 of the protocol).
pub async fn read(store: &Store, after: Position) -> Result<Page, ReadError> {
    if !store.has_standby() {
        return store.read(move |conn| Box::pin(async move { read_after(conn, &after, BATCH).await })).await;
    }
    let witnessed = store.write(move |tx: &mut Tx| {
        Box::pin(async move {
            tx.connection().execute_unprepared("UPDATE feed_witness SET beat = beat + 1 WHERE id = 1").await?;
            read_after(tx.connection(), &after, BATCH).await
        })
    });
    witnessed.await.map(|committed| committed.value)
}
