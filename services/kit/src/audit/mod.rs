//! The audit of one service: what was done, by whom, when and from where, as its `AuditService` tells it.
//!
//! Two tables feed it. **Changes** are the rows of the feed, written with what they tell of and chained by hashes.
//! **Occurrences** ([`occurrence`]) changed nothing: refused uses of genuine tokens, sign-ins that failed, secrets that were
//! shown. They are folded by subject, reason and minute, bounded in number and age, and written beside the requests.
//!
//! - [`Audit::list`] merges both, newest first. A page begins where the one before ended, along an index, so the hundred
//!   thousandth event costs what the first does.
//! - [`Audit::watch`] tells changes as they are committed, for as long as the token that asked is good for it.
//! - [`Audit::verify`] checks the chain, and says what no look at the database alone can show.

mod convert;
mod error;
mod list;
mod migration;
pub mod occurrence;
mod outbox;
mod query;
mod rpc;
mod verify;
mod watch;

use std::sync::Arc;

use passgate_client::source::DecisionSource;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::mark::Marks;
use crate::page::PageTokens;
use crate::store::Store;

pub use error::AuditError;
pub use migration::migration;
pub use occurrence::{Occurrence, OccurrenceWriter, Occurrences, occurrences};
pub use outbox::Events;

/// How many streams are open at once.
const MAX_WATCHERS: usize = 32;
/// How many chains are checked at once.
const MAX_CHECKS: usize = 2;

/// What an audit is made of.
#[derive(Clone, Debug)]
pub struct AuditParts {
    /// The service's database.
    pub store: Store,
    /// Seals its page tokens.
    pub pages: PageTokens,
    /// Says whether a token that opened a stream is still good for it.
    pub decisions: Arc<dyn DecisionSource>,
    /// Marks what a stream's token must be judged on at least.
    pub marks: Marks,
    /// Owns the streams.
    pub tasks: TaskTracker,
    /// Ends them.
    pub stop: CancellationToken,
}

/// A service's audit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Audit {
    parts: AuditParts,
    watchers: Arc<Semaphore>,
    checks: Arc<Semaphore>,
}

impl Audit {
    /// The audit of the service whose `parts` these are.
    #[must_use]
    pub fn new(parts: AuditParts) -> Self {
        let (watchers, checks) = (Arc::new(Semaphore::new(MAX_WATCHERS)), Arc::new(Semaphore::new(MAX_CHECKS)));
        Self { parts, watchers, checks }
    }
}
