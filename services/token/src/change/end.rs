//! Why a stream to a decider ends, as it is told.

use std::collections::HashMap;
use std::time::Duration;

use passgate_kit::access::Refusal;
use passgate_kit::client::Reason;
use passgate_kit::feed::BREAK_CURE;
use passgate_kit::fields::{FieldViolation, FieldViolations};
use passgate_kit::problem::{Problem, to_status};
use passgate_kit::store::StoreError;
use tonic::{Code, Status};

use crate::error::TokenError;

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// The decider went away. Nobody is told.
    #[error("the decider closed the stream")]
    Gone,
    /// It does not read.
    #[error("nothing was read for {} s: the stream was cut off; connect again and go on where you are", .0.as_secs())]
    Slow(Duration),
    /// It read too slowly: what comes next is not kept any more.
    #[error("the stream fell behind what is kept: connect again, and start over")]
    Behind,
    /// It has applied what this feed does not have.
    #[error("what was acknowledged is not in this feed: connect again with that position")]
    Diverged,
    /// The feed went back.
    #[error("the token service's feed went back, and nothing can be said of it; its operator must {BREAK_CURE}")]
    Broken,
    /// There are as many deciders as there may be.
    #[error("there are as many deciders as one token service takes: connect to another replica")]
    TooMany,
    /// It is not known yet whether the decider's position is in the feed.
    #[error(transparent)]
    NotYet(#[from] TokenError),
    /// Who opened it may not any more.
    #[error(transparent)]
    NotAllowed(#[from] Refusal),
    /// A message breaks its rule.
    #[error(transparent)]
    Fields(#[from] FieldViolations),
    /// The service stops.
    #[error(transparent)]
    Stopping(StoreError),
}

impl Problem for End {
    fn told_as(&self) -> (Code, Reason) {
        match self {
            Self::Gone | Self::Slow(_) | Self::Behind | Self::Diverged => (Code::Unavailable, Reason::NotNow),
            Self::Broken => (Code::Unavailable, Reason::Undecidable),
            Self::TooMany => (Code::ResourceExhausted, Reason::LimitReached),
            Self::NotYet(cause) => cause.told_as(),
            Self::NotAllowed(cause) => cause.told_as(),
            Self::Fields(cause) => cause.told_as(),
            Self::Stopping(cause) => cause.told_as(),
        }
    }

    fn facts(&self) -> HashMap<String, String> {
        match self {
            Self::NotYet(cause) => cause.facts(),
            Self::NotAllowed(cause) => cause.facts(),
            Self::Stopping(cause) => cause.facts(),
            _ => HashMap::new(),
        }
    }

    /// What a decider does to itself, or what is told elsewhere already, is no error in the log.
    fn is_orderly(&self) -> bool {
        match self {
            Self::Gone | Self::Slow(_) | Self::Behind | Self::Diverged | Self::Broken | Self::NotAllowed(_) => true,
            Self::Stopping(cause) => cause.is_orderly(),
            Self::TooMany | Self::NotYet(_) | Self::Fields(_) => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Slow(_) | Self::Behind | Self::Diverged | Self::Broken => Some(Duration::from_secs(1)),
            Self::NotYet(cause) => cause.retry_after(),
            Self::NotAllowed(cause) => cause.retry_after(),
            Self::Stopping(cause) => cause.retry_after(),
            Self::Gone | Self::TooMany | Self::Fields(_) => None,
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::Fields(cause) => cause.fields(),
            _ => Vec::new(),
        }
    }
}

impl From<End> for Status {
    fn from(end: End) -> Self {
        to_status(&end)
    }
}
