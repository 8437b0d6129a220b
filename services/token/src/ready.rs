//! Whether the token service can decide.

use std::time::Duration;

use passgate_kit::server::{Lifecycle, Readiness};
use tokio::sync::watch;

use crate::decision::Freshness;

/// How often it is looked at: what is fresh stops being so without anybody doing anything.
const EVERY: Duration = Duration::from_millis(100);

/// Knows it.
#[derive(Debug)]
pub struct Ready(pub Freshness);

impl Ready {
    /// Tells whether decisions can be made and every task is alive, until the service is stopped: then it is not ready.
    pub async fn watch(self, told: watch::Sender<bool>, health: Readiness, lifecycle: Lifecycle) {
        let (died, stop) = (lifecycle.died(), lifecycle.stopping());
        while !stop.is_cancelled() {
            let fresh = self.0.now();
            let ready = died.borrow().is_none() && fresh.is_ok();
            if told.send_if_modified(|before| std::mem::replace(before, ready) != ready) {
                health.set(ready).await;
                if ready {
                    tracing::info!("the token service is ready");
                } else {
                    let why =
                        fresh.err().map_or_else(|| "one of its tasks has ended".to_owned(), |why| why.to_string());
                    tracing::warn!("the token service is not ready: {why}");
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
        told.send_replace(false);
        health.set(false).await;
    }
}
