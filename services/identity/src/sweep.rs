//! What is tidied in the background: creations that took too long, and rows that nobody can ask for any more.
//!
//! Each step is a transaction of at most so many rows, so that nobody waits long behind it. Every replica sweeps; that two
//! sweep at once does no harm.

use std::time::Duration;

use passgate_kit::idempotency::forget_old;
use passgate_kit::store::Store;
use tokio_util::sync::CancellationToken;

use crate::creation::Creations;
use crate::error::IdentityError;
use crate::sign_in::BackOff;

/// How often creations that took too long are given up.
const GIVE_UP_EVERY: Duration = Duration::from_secs(5);
/// How often rows that are past their time are taken away.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// Gives up creations that took too long, until the service is stopped.
pub async fn give_up(creations: Creations, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match creations.sweep().await {
            Ok(0) => {}
            Ok(given_up) => tracing::info!("{given_up} creations took too long and were given up"),
            Err(error) => tracing::warn!("creations that took too long are not given up yet: {error}"),
        }
        pause(&stop, GIVE_UP_EVERY).await;
    }
}

/// Takes away what is past its time, until the service is stopped.
pub async fn prune(creations: Creations, backoff: BackOff, store: Store, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = prune_once(&creations, &backoff, &store).await {
            tracing::warn!("rows that are past their time are still there, the next sweep tries again: {error}");
        }
        pause(&stop, PRUNE_EVERY).await;
    }
}

/// Takes away all that is past its time now: request ids, creations, failed sign-ins.
async fn prune_once(creations: &Creations, backoff: &BackOff, store: &Store) -> Result<(), IdentityError> {
    while store.write(|tx| Box::pin(async move { forget_old(tx).await })).await?.value > 0 {}
    creations.prune().await?;
    backoff.prune().await?;
    Ok(())
}

async fn pause(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
