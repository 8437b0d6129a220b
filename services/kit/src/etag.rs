//! Etags (AIP-154): a resource's revision, as its readers send it back with a change.

use std::fmt;

use passgate_client::Reason;
use tonic::{Code, Status};

use crate::problem::{Problem, to_status};

/// The revision of a resource, as the caller sees it. Opaque to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Etag(u64);

impl Etag {
    /// The etag of a resource at this revision.
    #[must_use]
    pub const fn of(revision: u64) -> Self {
        Self(revision)
    }

    /// Whether the caller has seen this revision. Call it in the transaction that writes.
    ///
    /// # Errors
    /// If the caller names none, or another one: `ABORTED`.
    pub fn check(self, given: &str) -> Result<(), EtagError> {
        if given.is_empty() {
            return Err(EtagError::Missing);
        }
        if given == self.to_string() { Ok(()) } else { Err(EtagError::Stale) }
    }

    /// As [`Etag::check`], for methods where a caller may leave the etag out.
    ///
    /// # Errors
    /// If the caller names another one: `ABORTED`.
    pub fn check_if_given(self, given: &str) -> Result<(), EtagError> {
        if given.is_empty() { Ok(()) } else { self.check(given) }
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "r{}", self.0)
    }
}

/// A change that does not name the revision that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EtagError {
    /// No etag was sent.
    #[error("this change needs the etag of what is changed: read it first, and send its etag along")]
    Missing,
    /// It has changed since the caller read it.
    #[error("it has changed since you read it: read it again, and repeat the change with its new etag")]
    Stale,
}

impl Problem for EtagError {
    fn told_as(&self) -> (Code, Reason) {
        (Code::Aborted, Reason::EtagMismatch)
    }
}

impl From<EtagError> for Status {
    fn from(problem: EtagError) -> Self {
        to_status(&problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_etag_of_this_revision_is_taken() {
        let now = Etag::of(8);

        assert_eq!(now.check(&now.to_string()), Ok(()));
        assert_eq!(now.check(&Etag::of(7).to_string()), Err(EtagError::Stale));
        assert_eq!(now.check(""), Err(EtagError::Missing));
        assert_eq!(now.check_if_given(""), Ok(()));
        assert_eq!(now.check_if_given("r7"), Err(EtagError::Stale));
    }
}
