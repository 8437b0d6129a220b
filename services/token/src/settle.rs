//! Answers leave once this replica's memory contains what they say: who
//! reads one and calls at once finds the change in force. That holds too for an answer that merely found the change done.

use std::time::Duration;

use passgate_kit::client::{Moment, Position};
use passgate_kit::feed::head;
use passgate_kit::store::{Committed, StoreError, Tx};

use crate::decision::Freshness;
use crate::error::TokenError;

/// How long an answer waits. The follower is woken by the commit, so that this is for bad days.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a transaction gave, and what it merely found done by somebody else.
#[derive(Debug)]
pub struct Done<T> {
    value: T,
    found_at: Option<Position>,
}

impl<T> Done<T> {
    /// This transaction did it.
    pub const fn now(value: T) -> Self {
        Self { value, found_at: None }
    }

    /// It was done before: the head that this transaction sees contains it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn before(tx: &Tx, value: T) -> Result<Self, StoreError> {
        Ok(Self { value, found_at: Some(head(tx.connection()).await?) })
    }
}

/// A change that is in force here, and when it was committed: for who has it confirmed.
#[derive(Debug)]
pub struct Settled<T> {
    /// What was committed.
    pub committed: Committed<T>,
    /// When the commit was over. For a change that was found done, when it was found.
    pub at: Moment,
}

impl Freshness {
    /// What was committed or found, once the memory contains it.
    ///
    /// # Errors
    /// If that takes too long. The change stays.
    pub async fn settled<T>(&self, committed: Committed<Done<T>>) -> Result<Committed<T>, TokenError> {
        let Committed { value: Done { value, found_at }, position } = committed;
        let position = position.or(found_at);
        if let Some(position) = &position {
            self.wait_for_own(position.number, PATIENCE).await?;
        }
        Ok(Committed { value, position })
    }
}
