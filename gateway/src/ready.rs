//! Whether the gateway can serve.

use std::time::Duration;

use passgate_kit::server::{Lifecycle, Readiness};
use tokio::sync::watch;

use crate::keys::EdgeKeys;
use crate::registry::RegistryReader;

/// How often it is looked at: what is current stops being so without anybody doing anything.
const EVERY: Duration = Duration::from_millis(100);

/// What the gateway needs to serve.
#[derive(Debug)]
pub struct Ready {
    /// What to route by.
    pub registry: RegistryReader,
    /// What to verify with.
    pub keys: EdgeKeys,
}

impl Ready {
    /// Tells whether both are current and every task is alive, until the gateway is stopped: then it is not ready.
    pub async fn watch(self, told: watch::Sender<bool>, health: Readiness, lifecycle: Lifecycle) {
        let (died, stop) = (lifecycle.died(), lifecycle.stopping());
        while !stop.is_cancelled() {
            let ready = died.borrow().is_none() && self.registry.current().is_some() && self.keys.current().is_some();
            if told.send_if_modified(|before| std::mem::replace(before, ready) != ready) {
                health.set(ready).await;
                match ready {
                    true => tracing::info!("the gateway is ready"),
                    false => tracing::warn!("the gateway is not ready: its registry or keys are not current"),
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
        told.send_replace(false);
        health.set(false).await;
    }
}
