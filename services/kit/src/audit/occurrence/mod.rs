//! Occurrences: what changed nothing and is worth knowing all the same.
//!
//! **Never on the request's path.** [`Occurrences::note`] puts one into a bounded queue and returns; if the queue is full, it
//! is only counted. One task ([`OccurrenceWriter`]) takes them out, folds those that are alike (kind, subject, reason, minute)
//! and writes the folds every two seconds. What was lost is told once in the log, and is an event of the list itself
//! (`occurrence.lost`). A process that dies loses what it noted in the last two seconds.
//!
//! **Bounded.** By folding a token, an account or an address makes at most one row for each reason and minute, however often
//! it tries. Rows go after [`KEPT_FOR`], and the oldest before that once there are more than [`KEPT_ROWS`].

mod fold;
mod note;
pub(crate) mod table;
mod writer;

use std::time::Duration;

use passgate_client::decision::Holder;
use passgate_client::{Principal, Reason, TokenId};

use crate::feed::Actor;

pub use note::{Occurrences, occurrences};
pub use writer::OccurrenceWriter;

/// How long an occurrence is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How many rows of occurrences are kept.
pub const KEPT_ROWS: u64 = 100_000;

/// The subject of what was tried with something that does not exist.
pub const UNKNOWN: &str = "unknown";

/// One occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// What happened: `token.refused`. Never renamed.
    pub kind: &'static str,
    /// With what: `tokens/{id}`.
    pub subject: String,
    /// Why, in a stable word: of those that are alike in a minute, one row is written.
    pub reason: &'static str,
    /// Who did it, and how it came.
    pub actor: Actor,
    /// What was asked for, if something was.
    pub resource: Option<String>,
}

impl Occurrence {
    /// A genuine token was refused.
    #[must_use]
    pub fn token_refused(owner: Principal, token_id: TokenId, reason: Reason, peer: Option<String>) -> Self {
        Self {
            kind: "token.refused",
            subject: format!("tokens/{token_id}"),
            reason: reason.as_str(),
            actor: Actor::principal(owner, Some(token_id), peer),
            resource: None,
        }
    }

    /// The token of `holder` was refused, to a caller of service `via` that does not say from where he calls.
    #[must_use]
    pub fn refused_elsewhere(holder: &Holder, reason: Reason, via: String) -> Self {
        let mut refused = Self::token_refused(holder.principal, holder.token_id, reason, None);
        refused.actor.via = via;
        refused
    }

    /// Somebody failed to sign in: as `user`, or as nobody who exists.
    #[must_use]
    pub fn sign_in_failed(user: Option<String>, reason: &'static str, peer: String) -> Self {
        let actor =
            Actor { principal: "anonymous".to_owned(), token_id: None, peer: Some(peer), via: "api".to_owned() };
        let subject = user.unwrap_or_else(|| UNKNOWN.to_owned());
        Self { kind: "sign_in.failed", subject, reason, actor, resource: None }
    }

    /// The secret of `subject` was shown.
    #[must_use]
    pub fn secret_shown(subject: String, reason: &'static str, actor: Actor) -> Self {
        Self { kind: "secret.shown", subject, reason, actor, resource: None }
    }

    /// For this, in the words of grants and scopes.
    #[must_use]
    pub fn asking_for(mut self, resource: String) -> Self {
        self.resource = Some(resource);
        self
    }
}
