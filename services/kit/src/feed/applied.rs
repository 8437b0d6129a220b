//! How far a memory has applied its feed, for those who wait for it or judge its freshness.

use std::time::Duration;

use passgate_client::{ChangeNumber, Position};
use tokio::sync::watch;

use super::evidence::Evidence;
use super::read::Break;

#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub position: Position,
    pub evidence: Option<Evidence>,
    pub broken: Option<Break>,
}

/// Where a memory stands. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Applied(pub(super) watch::Receiver<State>);

impl Applied {
    /// Up to where the memory contains the feed; `None` if the feed broke and the memory is gone.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        let state = self.0.borrow();
        state.broken.is_none().then_some(state.position)
    }

    /// The newest evidence for the memory; `None` before the first, and once the feed broke.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        let state = self.0.borrow();
        if state.broken.is_none() { state.evidence } else { None }
    }

    /// How the feed broke, if it did.
    #[must_use]
    pub fn broken(&self) -> Option<Break> {
        self.0.borrow().broken
    }

    /// Waits until the memory contains change `number` of its feed, for at most `within`. Cancel safe.
    ///
    /// # Errors
    /// If it does not in that time, or the feed broke.
    pub async fn wait_for(&self, number: ChangeNumber, within: Duration) -> Result<(), NotApplied> {
        self.wait_until(within, |state| state.position.number >= number).await
    }

    /// Waits until the memory contains everything up to `position`, for at most `within`. Cancel safe.
    ///
    /// # Errors
    /// At once if it is a position of another feed.
    pub async fn wait_for_position(&self, position: &Position, within: Duration) -> Result<(), NotApplied> {
        if self.0.borrow().position.feed != position.feed {
            return Err(NotApplied::OtherFeed);
        }
        self.wait_for(position.number, within).await
    }

    /// Ends when anything of this changes. Cancel safe. Never ends once the follower is gone.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn wait_until(&self, within: Duration, mut reached: impl FnMut(&State) -> bool) -> Result<(), NotApplied> {
        let mut states = self.0.clone();
        let waited = states.wait_for(|state| state.broken.is_some() || reached(state));
        match tokio::time::timeout(within, waited).await {
            Ok(Ok(state)) if state.broken.is_none() => Ok(()),
            Ok(Ok(_)) => Err(NotApplied::Broken),
            Ok(Err(_)) => Err(NotApplied::Stopped),
            Err(_) => Err(NotApplied::NotYet),
        }
    }
}

/// Why a memory does not contain a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotApplied {
    /// It was not applied in time.
    #[error("the change was not seen here in time")]
    NotYet,
    /// It is of a feed that is not followed here.
    #[error("the change is of another feed than the one that is followed")]
    OtherFeed,
    /// The feed went back.
    #[error("the feed went back")]
    Broken,
    /// The follower has ended.
    #[error("the feed is not followed any more")]
    Stopped,
}
