//! What the token service copies: principals and groups, as of a position, then every change.
//!
//! **Order.** The stream of [`watch()`] is the feed itself, read after the position that was sent last; so it has no holes.
//! A snapshot is read in one database snapshot together with the head, so the changes after that head are what it lacks.
//!
//! **Evidence.** A nonce is answered by the first read that was *begun* after it arrived and whose rows reach the head it
//! saw; those rows are on the stream before the echo. While the database does not answer there is no such read, and no echo.

mod records;
mod watch;

pub use records::{change, group_record, principal_record};
pub use watch::watch;

/// What the directory reads from.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The database.
    pub store: passgate_kit::store::Store,
    /// Knows whether who reads is still accepted.
    pub accepted: std::sync::Arc<passgate_kit::credentials::Accepted>,
    /// Told when streams are to end.
    pub stop: tokio_util::sync::CancellationToken,
    /// Owns the streams' tasks.
    pub streams: tokio_util::task::TaskTracker,
}
