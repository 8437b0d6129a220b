//! "Something may have been committed": rung after each commit here, and on PostgreSQL after each commit elsewhere.
//!
//! It is a hint and never evidence: whoever hears it reads the database, and whoever hears nothing reads it after the poll
//! interval all the same.

use tokio::sync::watch;

/// Rings for everyone who waits on a [`Wake`].
#[derive(Clone, Debug)]
pub(crate) struct Bell(watch::Sender<u64>);

impl Bell {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    pub(crate) fn ring(&self) {
        self.0.send_modify(|rings| *rings = rings.wrapping_add(1));
    }

    pub(crate) fn wake(&self) -> Wake {
        Wake(self.0.subscribe())
    }
}

/// Waits for commits.
#[derive(Clone, Debug)]
pub struct Wake(watch::Receiver<u64>);

impl Wake {
    /// Ends when something may have been committed since the last call. Cancel safe. Never ends once the store is gone.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
