//! The way into the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use passgate_client::Ambient;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::{Occurrence, OccurrenceWriter};
use crate::store::Store;

/// How many occurrences wait to be folded.
const QUEUED: usize = 4096;

/// Notes occurrences. Cheap to clone; never waits.
#[derive(Clone, Debug)]
pub struct Occurrences {
    queue: mpsc::Sender<(OffsetDateTime, Occurrence)>,
    lost: Lost,
    ambient: Ambient,
}

/// What was not kept. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Lost(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    number: AtomicU64,
    told: AtomicBool,
}

impl Lost {
    /// One more. The first of a row of them is told in the log.
    pub(super) fn one(&self) {
        self.0.number.fetch_add(1, Ordering::Relaxed);
        if !self.0.told.swap(true, Ordering::Relaxed) {
            tracing::warn!("more happens than the audit keeps of refusals and the like: the rest is only counted");
        }
    }

    /// How many since the last time. None at all lets the next be told in the log again.
    pub(super) fn take(&self) -> u64 {
        let number = self.0.number.swap(0, Ordering::Relaxed);
        if number == 0 {
            self.0.told.store(false, Ordering::Relaxed);
        }
        number
    }
}

impl Occurrences {
    /// Notes that this happened, now.
    pub fn note(&self, occurrence: Occurrence) {
        match self.queue.try_send((self.ambient.now(), occurrence)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.lost.one(),
            Err(TrySendError::Closed(_)) => {} // the service ends, and nothing more is written
        }
    }
}

/// Where occurrences are noted, and the task that writes them to `store`.
#[must_use]
pub fn occurrences(store: &Store) -> (Occurrences, OccurrenceWriter) {
    let (sender, receiver) = mpsc::channel(QUEUED);
    let lost = Lost::default();
    let occurrences = Occurrences { queue: sender, lost: lost.clone(), ambient: store.ambient().clone() };
    (occurrences, OccurrenceWriter::new(store.clone(), receiver, lost))
}
