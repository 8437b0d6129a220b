//! Applies the service's own feed to the memory.

use passgate_kit::feed::{Break, FeedRow, Memory as FeedMemory, Touch};
use passgate_kit::store::StoreError;

use super::caches::Memory;
use crate::change::ChangeLog;
use crate::key::Keys;

/// The memory as the feed's follower sees it.
#[derive(Debug)]
pub struct MemoryFollower {
    memory: Memory,
    keys: Keys,
    log: ChangeLog,
}

impl MemoryFollower {
    /// Applies to `memory` and `keys`, and then tells `log`.
    #[must_use]
    pub const fn new(memory: Memory, keys: Keys, log: ChangeLog) -> Self {
        Self { memory, keys, log }
    }
}

impl FeedMemory for MemoryFollower {
    type Error = StoreError;

    async fn apply(&mut self, rows: &[FeedRow]) -> Result<(), StoreError> {
        for row in rows {
            for touch in &row.touches {
                self.memory.drop_touched(touch, row.number());
            }
            if row.touches.iter().any(|touch| matches!(touch, Touch::Key(_) | Touch::Everything)) {
                self.keys.reload().await?;
            }
            self.memory.applied(row.number());
            self.log.append(std::slice::from_ref(row));
            // Last: evidence that waited for this counts from here on, and what it vouches for is in place.
            if let Some(position) = row.cause.and_then(|cause| cause.identity) {
                self.memory.identity().applied(position);
            }
        }
        Ok(())
    }

    async fn forget(&mut self, _broken: &Break) {
        self.log.give_up();
        self.memory.clear();
        self.memory.identity().forget();
    }
}
