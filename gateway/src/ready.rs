//! Whether the gateway can serve.

use std::time::Duration;

use passgate_kit::client::CachedDecisions;
use passgate_kit::server::{Lifecycle, Readiness};
use tokio::sync::watch;

use crate::registry::RegistryReader;

/// How often it is looked at: what is current stops being so without anybody doing anything.
const EVERY: Duration = Duration::from_millis(100);

/// What the gateway needs to serve.
#[derive(Debug)]
pub struct Ready {
    /// What to route by.
    pub registry: RegistryReader,
    /// What to decide by.
    pub decisions: CachedDecisions,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    Nothing,
    Task,
    Registry,
    Lease,
}

impl Ready {
    /// Tells whether both are current and every task is alive, until the gateway is stopped: then it is not ready.
    pub async fn watch(self, told: watch::Sender<bool>, health: Readiness, lifecycle: Lifecycle) {
        let (died, stop) = (lifecycle.died(), lifecycle.stopping());
        let mut logged = None;
        while !stop.is_cancelled() {
            let missing = if died.borrow().is_some() { Missing::Task } else { self.missing() };
            if logged.replace(missing) != Some(missing) {
                missing.log();
            }
            let ready = missing == Missing::Nothing;
            if told.send_if_modified(|before| std::mem::replace(before, ready) != ready) {
                health.set(ready).await;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
        told.send_replace(false);
        health.set(false).await;
    }

    fn missing(&self) -> Missing {
        if self.registry.current().is_none() {
            Missing::Registry
        } else if !self.decisions.is_live() {
            Missing::Lease
        } else {
            Missing::Nothing
        }
    }
}

impl Missing {
    /// Once for each change, so that a fault of hours is a line and not a flood.
    fn log(self) {
        match self {
            Self::Nothing => tracing::info!("the gateway is ready"),
            Self::Task => tracing::warn!("the gateway is not ready: one of its tasks has died"),
            Self::Registry => {
                tracing::warn!("the gateway is not ready: it has not heard from its database for too long")
            }
            Self::Lease => tracing::warn!(
                "the gateway is not ready: no token service vouches that nothing has changed (no lease); requests are asked \
                 about one by one"
            ),
        }
    }
}
