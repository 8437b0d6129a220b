//! Fills the log at the start, so that a restart does not make every decider start over.

use passgate_kit::client::{ChangeNumber, Position};
use passgate_kit::feed::{FEED_SUBJECT, FeedRow, ReadError, newest_of, position_at, read_after};
use passgate_kit::store::{Store, StoreError};

use super::log::{ChangeLog, Place};
use crate::projection::PROJECTION_SUBJECT;
/// How many changes are loaded at most.
const LOADED: usize = 10_000;
/// How many are read in one statement.
const BATCH: u32 = 2_000;

/// The log of the newest changes up to `head`, at which the memory begins. It keeps `kept` of them.
///
/// # Errors
/// If the database does not answer.
pub async fn load(
    store: &Store,
    head: Position,
    identity: Option<Position>,
    kept: usize,
) -> Result<ChangeLog, StoreError> {
    let loaded = u64::try_from(kept.min(LOADED)).unwrap_or(u64::MAX);
    let read = store.snapshot(move |db| Box::pin(async move { newest(db, head, loaded).await })).await;
    match read {
        Ok(Newest { base, rows }) => {
            let log = ChangeLog::new(base, kept);
            log.append(&rows);
            Ok(log)
        }
        Err(ReadError::Store(error)) => Err(error),
        Err(ReadError::Break(broken)) => {
            tracing::error!("the newest changes cannot be told to deciders, which start over: {broken}");
            Ok(ChangeLog::new(Place { position: head, identity }, kept))
        }
    }
}

struct Newest {
    base: Place,
    rows: Vec<FeedRow>,
}

/// The newest rows of this very feed: those from before it was adopted count as another's.
async fn newest(db: &sea_orm::DatabaseTransaction, head: Position, loaded: u64) -> Result<Newest, ReadError> {
    let adopted = newest_of(db, FEED_SUBJECT, head.number).await?;
    let first = adopted.map_or(0, |row| row.number().0.saturating_sub(1));
    let from = ChangeNumber(head.number.0.saturating_sub(loaded).max(first));
    let carried = newest_of(db, PROJECTION_SUBJECT, from).await?;
    let identity = carried.and_then(|row| row.cause).and_then(|cause| cause.identity);
    let mut at = position_at(db, from).await?.unwrap_or(head);
    let base = Place { position: at, identity };
    let mut rows = Vec::new();
    while at.number < head.number {
        let page = read_after(db, &at, BATCH).await?;
        let Some(last) = page.rows.last() else { break };
        at = last.position;
        rows.extend(page.rows);
    }
    rows.retain(|row| row.number() <= head.number);
    Ok(Newest { base, rows })
}
