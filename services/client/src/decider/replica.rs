//! The replicas of the token service: which one is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::client::DecisionClient;
use crate::clock::Moment;
use crate::decision::{Decision, Question};
use crate::position::Position;
use crate::source::Undecidable;

/// One replica.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) client: DecisionClient,
    /// Whether its stream goes on.
    pub(super) is_watched: Arc<AtomicBool>,
}

/// All of them, in the order in which they were named.
#[derive(Clone, Debug)]
pub(super) struct Replicas(pub(super) Vec<Replica>);

impl Replicas {
    /// Asks one whose stream goes on, and the next one if that fails; within `limit` in all.
    pub(super) async fn ask(
        &self,
        question: &Question,
        applied: Option<Position>,
        limit: Duration,
    ) -> Result<(Decision, Moment), Undecidable> {
        let (watched, others): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|replica| replica.is_watched.load(Ordering::Relaxed));
        // One that hangs leaves time for the next.
        let each = limit / u32::try_from(self.0.len()).unwrap_or(1).max(1);
        let mut failed = Undecidable::Unreachable(None);
        for replica in watched.into_iter().chain(others) {
            match timeout(each, replica.client.ask(question, applied)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(refused @ Undecidable::BadQuestion(_))) => return Err(refused),
                Ok(Err(cause)) => failed = cause,
                Err(_) => failed = Undecidable::Unreachable(None),
            }
        }
        Err(failed)
    }
}
