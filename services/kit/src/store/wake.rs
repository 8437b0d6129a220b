//! "Something may have been committed": rung after each commit here, and on PostgreSQL after each commit elsewhere.
//!
//! It is a hint and never evidence: whoever hears it reads the database, and whoever hears nothing reads it after the poll
//! interval all the same.

use tokio::sync::watch;

/// What a replica notifies the others with when it calls for attention. Commits notify with nothing.
pub(crate) const ATTENTION: &str = "attention";

/// Rings for everyone who waits on a [`Wake`].
#[derive(Clone, Debug)]
pub(crate) struct Bell {
    commits: watch::Sender<u64>,
    attention: watch::Sender<u64>,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self { commits: watch::Sender::new(0), attention: watch::Sender::new(0) }
    }

    pub(crate) fn ring(&self) {
        self.commits.send_modify(|rings| *rings = rings.wrapping_add(1));
    }

    pub(crate) fn call_attention(&self) {
        self.attention.send_modify(|rings| *rings = rings.wrapping_add(1));
    }

    pub(crate) fn wake(&self) -> Wake {
        Wake(self.commits.subscribe())
    }

    pub(crate) fn attention(&self) -> Wake {
        Wake(self.attention.subscribe())
    }
}

/// Waits for commits, or for calls for attention.
#[derive(Clone, Debug)]
pub struct Wake(watch::Receiver<u64>);

impl Wake {
    /// Ends when it was rung since the last call: something may have been committed. Cancel safe. Never ends once the store is gone.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
