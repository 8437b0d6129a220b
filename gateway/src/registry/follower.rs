//! Keeps the snapshot at the head of the gateway's feed.
//!
//! A change is not replayed from its line in the feed: the registry is read anew, whole, in one snapshot of the database
//! that was taken after the line was seen, and so contains the change. It is small, and changes seldom.
//!
//! The snapshot counts while there is young evidence for it. Evidence comes with every read of the feed that reached its
//! head; it is handed on here only after the snapshot contains that head.

use std::sync::Arc;

use parking_lot::Mutex;
use passgate_kit::feed::{Applied, Break, FeedRow, Follower, Memory, head};
use passgate_kit::store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::{Registry, RegistryWriter};
use crate::store::{api, endpoint};

/// Follows the gateway's own feed.
#[derive(Debug)]
pub struct RegistryFollower {
    follower: Follower<Snapshots>,
    writer: Arc<Mutex<RegistryWriter>>,
}

impl RegistryFollower {
    /// Reads the registry for the first time, and is ready to follow its feed from there.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn start(store: Store, writer: RegistryWriter) -> Result<Self, StoreError> {
        let writer = Arc::new(Mutex::new(writer));
        let snapshots = Snapshots { store: store.clone(), writer: Arc::clone(&writer) };
        let position = snapshots.publish().await?;
        Ok(Self { follower: Follower::new(store, position, snapshots), writer })
    }

    /// Where the snapshot stands.
    #[must_use]
    pub fn applied(&self) -> Applied {
        self.follower.applied()
    }

    /// Follows until `stop`.
    ///
    /// # Errors
    /// If the feed went back: then there is no registry any more.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Break> {
        let applied = self.follower.applied();
        tokio::select! {
            // Losing this branch loses nothing: it only hands on what the other one found out.
            never = confirm(applied, self.writer) => match never {},
            ended = self.follower.run(stop) => ended,
        }
    }
}

/// Hands the evidence of the feed on to the snapshot.
async fn confirm(mut applied: Applied, writer: Arc<Mutex<RegistryWriter>>) -> std::convert::Infallible {
    loop {
        if let Some(evidence) = applied.evidence() {
            writer.lock().confirm(evidence.asked);
        }
        applied.changed().await;
    }
}

/// Puts snapshots of the database in place.
#[derive(Debug)]
struct Snapshots {
    store: Store,
    writer: Arc<Mutex<RegistryWriter>>,
}

impl Snapshots {
    async fn publish(&self) -> Result<passgate_kit::client::Position, StoreError> {
        let asked = self.store.ambient().moment(); // before asking: it may change while the answer is on its way
        let registry = self.store.snapshot(|txn| Box::pin(read(txn))).await?;
        let as_of = registry.as_of();
        self.writer.lock().publish(registry, asked);
        Ok(as_of)
    }
}

async fn read(txn: &sea_orm::DatabaseTransaction) -> Result<Registry, StoreError> {
    let as_of = head(txn).await?;
    Ok(Registry::new(endpoint::routes(txn).await?, api::routes(txn).await?, as_of))
}

impl Memory for Snapshots {
    type Error = StoreError;

    async fn apply(&mut self, _: &[FeedRow]) -> Result<(), StoreError> {
        self.publish().await.map(drop)
    }

    async fn forget(&mut self, _: &Break) {
        self.writer.lock().clear();
    }
}
