//! What is left over: provisional tokens whose creation nobody reported, what was signed long ago, old request ids.
//!
//! A provisional token is asked about once it is a minute old; no answer keeps it. Every step is conditional, so all
//! replicas may sweep at once.

use std::time::Duration;

use passgate_kit::client::TokenId;
use passgate_kit::feed::Actor;
use passgate_kit::idempotency::forget_old;
use passgate_kit::store::{Store, StoreError, Tx};
use tokio_util::sync::CancellationToken;

use crate::projection::{Directory, Outcome};
use crate::store::{signing_input, token};
use crate::token::provisional;

/// How old a provisional token is before it is asked about.
const GRACE: time::Duration = time::Duration::minutes(1);
/// How many are asked about in one go.
const BATCH: u64 = 100;

/// Sweeps.
#[derive(Debug)]
pub struct Sweeper {
    store: Store,
    directory: Directory,
    every: Duration,
}

impl Sweeper {
    /// Sweeps `store` that often.
    #[must_use]
    pub const fn new(store: Store, directory: Directory, every: Duration) -> Self {
        Self { store, directory, every }
    }

    /// Sweeps until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.sweep().await {
                tracing::warn!("a sweep was not finished; the next one goes on: {error}");
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.store.ambient().now();
        let left = self
            .store
            .read(move |db| Box::pin(async move { token::provisional(db, now - GRACE, BATCH).await }))
            .await?;
        for id in left {
            self.resolve(id).await?;
        }
        let erase = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                signing_input::erase_old(tx.connection(), now).await?;
                forget_old(tx).await
            })
        });
        erase.await.map(|_| ())
    }

    async fn resolve(&self, id: TokenId) -> Result<(), StoreError> {
        let outcome = match self.directory.outcome(id).await {
            Ok(outcome) => outcome,
            Err(status) => {
                tracing::debug!("nobody says what became of {}: {}", id.resource_name(), status.message());
                return Ok(());
            }
        };
        if outcome == Outcome::Preparing {
            return Ok(());
        }
        let settle = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let actor = Actor::passgate("sweep");
                match outcome {
                    Outcome::Committed => provisional::commit(tx, id, &actor).await,
                    Outcome::Aborted => provisional::abort(tx, id, &actor).await,
                    Outcome::Preparing => Ok(false),
                }
            })
        });
        settle.await.map(|_| ())
    }
}
