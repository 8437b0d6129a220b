//! Why the audit tells nothing, or nothing more.

use std::collections::HashMap;
use std::time::Duration;

use passgate_client::Reason;
use tonic::{Code, Status};

use crate::access::Refusal;
use crate::fields::{FieldViolation, FieldViolations};
use crate::problem::{Problem, to_status};
use crate::store::StoreError;

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Fields of the request break their rules.
    #[error(transparent)]
    Fields(#[from] FieldViolations),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever opened a stream may not have it any more.
    #[error(transparent)]
    NotAllowed(#[from] Refusal),
    /// As many of these run as may at once.
    #[error("{most} {what} at once are the most: try again when one of them has ended")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many may be.
        most: usize,
    },
    /// Nothing was read from a stream.
    #[error("nothing was read for {} s: the stream was cut off; go on after the last change that you have", .0.as_secs())]
    Slow(Duration),
    /// Nobody reads the stream any more. Nobody is told.
    #[error("the stream was closed")]
    Gone,
}

impl Problem for AuditError {
    fn told_as(&self) -> (Code, Reason) {
        match self {
            Self::Fields(cause) => cause.told_as(),
            Self::Store(cause) => cause.told_as(),
            Self::NotAllowed(cause) => cause.told_as(),
            Self::TooMany { .. } => (Code::ResourceExhausted, Reason::LimitReached),
            Self::Slow(_) | Self::Gone => (Code::Unavailable, Reason::NotNow),
        }
    }

    fn facts(&self) -> HashMap<String, String> {
        match self {
            Self::NotAllowed(cause) => cause.facts(),
            Self::TooMany { most, .. } => HashMap::from([("limit".to_owned(), most.to_string())]),
            Self::Fields(_) | Self::Store(_) | Self::Slow(_) | Self::Gone => HashMap::new(),
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::Fields(cause) => cause.fields(),
            Self::Store(_) | Self::NotAllowed(_) | Self::TooMany { .. } | Self::Slow(_) | Self::Gone => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Store(cause) => cause.retry_after(),
            Self::NotAllowed(cause) => cause.retry_after(),
            Self::Fields(_) | Self::TooMany { .. } | Self::Slow(_) | Self::Gone => None,
        }
    }

    fn is_orderly(&self) -> bool {
        match self {
            Self::Store(cause) => cause.is_orderly(),
            Self::Slow(_) | Self::Gone => true,
            Self::Fields(_) | Self::NotAllowed(_) | Self::TooMany { .. } => false,
        }
    }
}

impl From<AuditError> for Status {
    fn from(error: AuditError) -> Self {
        to_status(&error)
    }
}
