//! Change marks on the wire: what a write answers, and what a later request brings along.

use std::sync::Arc;

use passgate_client::headers::MARK_HEADER;
use passgate_client::mark::{ChangeMark, MarkError, MarkKey};
use passgate_client::{Position, Vector};
use tonic::Response;
use tonic::metadata::MetadataValue;

use crate::store::Committed;

/// Which service's feed a position is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedOf {
    /// The identity service.
    Identity,
    /// The token service.
    Token,
    /// The gateway.
    Gateway,
}

impl FeedOf {
    /// The vector that knows just this position.
    #[must_use]
    pub fn vector(self, position: Option<Position>) -> Vector {
        match self {
            Self::Identity => Vector { identity: position, ..Vector::default() },
            Self::Token => Vector { token: position, ..Vector::default() },
            Self::Gateway => Vector { gateway: position, ..Vector::default() },
        }
    }
}

/// Writes and reads the change marks of one service.
#[derive(Clone, Debug)]
pub struct Marks {
    key: Arc<MarkKey>,
    feed: FeedOf,
}

impl Marks {
    /// Marks for changes of the feed `feed`, authenticated with the installation's key.
    #[must_use]
    pub fn new(key: Arc<MarkKey>, feed: FeedOf) -> Self {
        Self { key, feed }
    }

    /// The answer with the mark of what was committed; without one where nothing changed.
    #[must_use]
    pub fn with_change<T, U>(&self, response: Response<T>, committed: &Committed<U>) -> Response<T> {
        self.with_changes(response, &self.feed.vector(committed.position))
    }

    /// The answer with a mark of several services' changes.
    #[must_use]
    pub fn with_changes<T>(&self, mut response: Response<T>, changes: &Vector) -> Response<T> {
        let text = ChangeMark::encode(changes, &self.key);
        if let Some(value) = MetadataValue::try_from(text).ok().filter(|_| !changes.is_empty()) {
            response.metadata_mut().insert(MARK_HEADER, value);
        }
        response
    }

    /// The mark of one position of this service's feed, for asking others on nothing older.
    #[must_use]
    pub fn of(&self, position: Position) -> String {
        ChangeMark::encode(&self.feed.vector(Some(position)), &self.key)
    }

    /// What a mark says.
    ///
    /// # Errors
    /// If it is none of this installation.
    pub fn read(&self, text: &str) -> Result<Vector, MarkError> {
        ChangeMark::decode(text, &self.key)
    }
}
