//! Answers to changes leave once this gateway serves what they say: whoever reads the answer and calls at once, finds it.

use std::time::Duration;

use passgate_kit::feed::Applied;
use passgate_kit::store::Committed;

use crate::error::RegistryError;

/// How long an answer waits. The follower is woken by the commit, so that this is for bad days.
const PATIENCE: Duration = Duration::from_secs(5);

/// Knows up to which change the snapshot is.
#[derive(Clone, Debug)]
pub struct Served(Applied);

impl Served {
    /// Knows it from `applied`.
    pub const fn new(applied: Applied) -> Self {
        Self(applied)
    }

    /// What was committed, once it is served.
    ///
    /// # Errors
    /// Why it was not committed; or that serving it takes too long, and then the change stays.
    pub async fn after<T>(
        &self,
        committed: Result<Committed<T>, RegistryError>,
    ) -> Result<Committed<T>, RegistryError> {
        let committed = committed?;
        if let Some(position) = &committed.position {
            self.0.wait_for(position.number, PATIENCE).await.map_err(|_| RegistryError::NotApplied)?;
        }
        Ok(committed)
    }
}
