//! The task that writes occurrences.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::fold::Folds;
use super::note::Lost;
use super::{KEPT_FOR, Occurrence, table};
use crate::feed::Actor;
use crate::store::{Store, StoreError, Tx};

/// How long occurrences are gathered before they are written.
const WRITE_AFTER: Duration = Duration::from_secs(2);
/// How often old rows are forgotten though nothing happens.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
/// After how many rows they are.
const PRUNE_AFTER_ROWS: usize = 5_000;

/// Writes what is noted. Spawn [`OccurrenceWriter::run`] as one of the service's tasks.
#[derive(Debug)]
pub struct OccurrenceWriter {
    store: Store,
    queue: mpsc::Receiver<(OffsetDateTime, Occurrence)>,
    lost: Lost,
    folds: Folds,
    unpruned: usize,
    stumbled: bool,
}

impl OccurrenceWriter {
    pub(super) fn new(store: Store, queue: mpsc::Receiver<(OffsetDateTime, Occurrence)>, lost: Lost) -> Self {
        Self { store, queue, lost, folds: Folds::default(), unpruned: PRUNE_AFTER_ROWS, stumbled: false }
    }

    /// What was noted, and is not yet written.
    #[cfg(test)]
    pub(crate) fn next_noted(&mut self) -> Option<Occurrence> {
        self.queue.try_recv().ok().map(|(_, occurrence)| occurrence)
    }

    /// Writes until `stop`, and then what was noted before it.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if self.folds.is_empty() {
                self.wait(&stop).await;
            }
            self.gather(&stop).await;
            self.write().await;
        }
        self.queue.close();
        while let Some((at, occurrence)) = self.queue.recv().await {
            self.fold(at, occurrence);
        }
        self.write().await;
    }

    /// Waits for the first occurrence, or until it is time to forget old ones. Losing a branch loses nothing.
    async fn wait(&mut self, stop: &CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            Some((at, occurrence)) = self.queue.recv() => self.fold(at, occurrence),
            () = tokio::time::sleep(PRUNE_EVERY) => self.unpruned = PRUNE_AFTER_ROWS,
        }
    }

    /// Folds what comes for two seconds.
    async fn gather(&mut self, stop: &CancellationToken) {
        let enough = tokio::time::sleep(WRITE_AFTER);
        tokio::pin!(enough);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = &mut enough => return,
                Some((at, occurrence)) = self.queue.recv() => self.fold(at, occurrence),
                else => return,
            }
        }
    }

    fn fold(&mut self, at: OffsetDateTime, occurrence: Occurrence) {
        if !self.folds.add(at, occurrence, 1, self.store.ambient()) {
            self.lost.one();
        }
    }

    /// Writes the folds. What cannot be written now is tried again with the next; where COMMIT got no answer it may so be
    /// counted twice, never lost.
    async fn write(&mut self) {
        let lost = self.lost.take();
        if lost > 0 {
            let told = Occurrence {
                kind: "occurrence.lost",
                subject: "occurrences".to_owned(),
                reason: "QUEUE_FULL",
                actor: Actor::passgate(self.store.service()),
                resource: None,
            };
            let count = i64::try_from(lost).unwrap_or(i64::MAX);
            // Without room for this row, the log's line has to do.
            let _ = self.folds.add(self.store.ambient().now(), told, count, self.store.ambient());
        }
        let rows = self.folds.rows();
        self.unpruned = self.unpruned.saturating_add(rows.len());
        let prune = self.unpruned >= PRUNE_AFTER_ROWS;
        if rows.is_empty() && !prune {
            return;
        }
        match self.commit(rows, prune).await {
            Ok(()) => {
                self.folds.clear();
                self.unpruned = if prune { 0 } else { self.unpruned };
                self.stumbled = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut self.stumbled, true) {
                    let service = self.store.service();
                    tracing::warn!(service, "occurrences cannot be written to the audit; trying on: {error}");
                }
            }
        }
    }

    async fn commit(&self, rows: Vec<table::Model>, prune: bool) -> Result<(), StoreError> {
        let oldest = self.store.ambient().now() - KEPT_FOR;
        let oldest_us = i64::try_from(oldest.unix_timestamp_nanos() / 1000).unwrap_or_default();
        let written = self.store.write(move |tx: &mut Tx| {
            Box::pin(async move {
                table::add(tx, rows).await?;
                if prune {
                    table::prune(tx, oldest_us).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        written.await.map(|_| ())
    }
}
