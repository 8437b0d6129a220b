//! What can go wrong with tokens, as the caller is told.

use std::collections::HashMap;
use std::time::Duration;

use passgate_kit::caller::CallerError;
use passgate_kit::client::{Patterns, Principal, Reason};
use passgate_kit::etag::EtagError;
use passgate_kit::fields::{FieldViolation, FieldViolations};
use passgate_kit::idempotency::ClaimError;
use passgate_kit::problem::{Problem, to_status};
use passgate_kit::store::StoreError;
use sea_orm::DbErr;
use tonic::{Code, Status};

use crate::key::SealError;

/// Why a call is refused, or fails.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is none with this id, or none that the caller may see.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its name as it was sent.
        id: String,
    },
    /// A live token of this owner has the name.
    #[error("{owner} already has a live token named \"{name}\": choose another name, or revoke that one first")]
    NameTaken {
        /// Whose.
        owner: Principal,
        /// The name.
        name: String,
    },
    /// The scopes are wider than what the caller holds.
    #[error("the scopes ask for more than you hold: {lacking}")]
    ScopeNotHeld {
        /// What is missing.
        lacking: Patterns,
    },
    /// The owner has as many live tokens as it may.
    #[error("{owner} has {limit} live tokens, which is as many as there may be: revoke one first")]
    LimitReached {
        /// Whose.
        owner: Principal,
        /// How many there may be.
        limit: usize,
    },
    /// The owner is disabled.
    #[error("{owner} is disabled: enable it first")]
    OwnerDisabled {
        /// Whose.
        owner: Principal,
    },
    /// The owner is no more, and with it the token.
    #[error("{owner} was deleted, and its tokens work no more")]
    OwnerDeleted {
        /// Whose.
        owner: Principal,
    },
    /// The token, which was to be changed or used, is revoked.
    #[error("the token {id} was revoked: make a new one")]
    Revoked {
        /// Which.
        id: String,
    },
    /// The token's time is over.
    #[error("the token {id} has expired: make a new one")]
    Expired {
        /// Which.
        id: String,
    },
    /// The id was used for a token that was to be something else.
    #[error("the token id was used for another creation: take a new one")]
    RequestIdReused,
    /// The request id cannot be claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The request id was used with another token of the same principal.
    #[error(
        "this request_id was used with another of your tokens and made {resource}, whose secret is not shown again"
    )]
    RequestIdOtherToken {
        /// What it made.
        resource: String,
    },
    /// The token that calls was taken away while the call was under way.
    #[error("the token of this call was revoked")]
    CallerRevoked,
    /// The token of who asks the identity service does not pass.
    #[error("{detail}")]
    CallerDenied {
        /// Why.
        reason: Reason,
        /// Why, for people.
        detail: String,
    },
    /// The change is in the database, and this replica's memory has not got it yet.
    #[error("the change is stored, but not yet in force here; repeat it with the same request_id, or read it again")]
    NotApplied,
    /// It cannot be known now.
    #[error("it cannot be decided now: {why}; try again")]
    Undecidable {
        /// What is missing.
        why: &'static str,
    },
    /// The identity service does not answer.
    #[error("the identity service did not answer; try again")]
    IdentityAway(#[source] Box<Status>),
    /// Another call did something at the same time.
    #[error("another call changed the same thing at the same time: try again")]
    Race,
    /// There is no key to sign with.
    #[error("there is no key to sign with")]
    NoSigningKey,
    /// Fields that break their rules.
    #[error(transparent)]
    Fields(#[from] FieldViolations),
    /// The caller may not do this.
    #[error(transparent)]
    Caller(#[from] CallerError),
    /// The etag is of an older state.
    #[error(transparent)]
    Etag(#[from] EtagError),
    /// A key does not open.
    #[error("a signing key cannot be used; the log says why")]
    Seal(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TokenError {
    /// The answer for a token that there is not, and for one that the caller may not see.
    pub(crate) fn no_token(id: impl std::fmt::Display) -> Self {
        Self::NotFound { what: "token", id: id.to_string() }
    }

    /// The answer for a principal that there is not, and for one that the caller may not see.
    pub(crate) fn no_principal(principal: Principal) -> Self {
        Self::NotFound { what: "principal", id: principal.to_string() }
    }
}

impl From<DbErr> for TokenError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl Problem for TokenError {
    fn told_as(&self) -> (Code, Reason) {
        match self {
            Self::NotFound { .. } => (Code::NotFound, Reason::NotFound),
            Self::NameTaken { .. } => (Code::AlreadyExists, Reason::NameTaken),
            Self::ScopeNotHeld { .. } => (Code::PermissionDenied, Reason::ScopeNotHeld),
            Self::LimitReached { .. } => (Code::ResourceExhausted, Reason::LimitReached),
            Self::OwnerDisabled { .. } => (Code::FailedPrecondition, Reason::OwnerDisabled),
            Self::OwnerDeleted { .. } => (Code::FailedPrecondition, Reason::OwnerDeleted),
            Self::Revoked { .. } => (Code::FailedPrecondition, Reason::TokenRevoked),
            Self::Expired { .. } => (Code::FailedPrecondition, Reason::TokenExpired),
            Self::RequestIdReused => (Code::InvalidArgument, Reason::RequestIdReused),
            Self::RequestIdOtherToken { .. } => (Code::AlreadyExists, Reason::RequestIdOtherToken),
            Self::CallerRevoked => (Code::Unauthenticated, Reason::TokenRevoked),
            Self::CallerDenied { reason, .. } => (denial_code(*reason), *reason),
            Self::NotApplied | Self::IdentityAway(_) => (Code::Unavailable, Reason::NotNow),
            Self::Undecidable { .. } => (Code::Unavailable, Reason::Undecidable),
            Self::Race => (Code::Aborted, Reason::Conflict),
            Self::NoSigningKey | Self::Seal(_) => (Code::Internal, Reason::Internal),
            Self::Fields(cause) => cause.told_as(),
            Self::Caller(cause) => cause.told_as(),
            Self::Etag(cause) => cause.told_as(),
            Self::Claim(cause) => cause.told_as(),
            Self::Store(cause) => cause.told_as(),
        }
    }

    fn facts(&self) -> HashMap<String, String> {
        let fact = |key: &str, value: String| HashMap::from([(key.to_owned(), value)]);
        match self {
            Self::ScopeNotHeld { lacking } => fact("lacking", lacking.to_string()),
            Self::LimitReached { limit, .. } => fact("limit", limit.to_string()),
            Self::NameTaken { owner, .. } | Self::OwnerDisabled { owner } | Self::OwnerDeleted { owner } => {
                fact("owner", owner.to_string())
            }
            Self::RequestIdOtherToken { resource } => fact("resource", resource.clone()),
            Self::Caller(cause) => cause.facts(),
            Self::Store(cause) => cause.facts(),
            _ => HashMap::new(),
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::Fields(cause) => cause.fields(),
            Self::RequestIdReused => {
                vec![FieldViolation { path: "token_id".to_owned(), rule: "was used for another creation".to_owned() }]
            }
            Self::Claim(cause) => cause.fields(),
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotApplied | Self::IdentityAway(_) | Self::Undecidable { .. } => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

/// The code that goes with the reason of a denial.
fn denial_code(reason: Reason) -> Code {
    if matches!(reason, Reason::NoGrant | Reason::NoScope) { Code::PermissionDenied } else { Code::Unauthenticated }
}

impl From<TokenError> for Status {
    fn from(error: TokenError) -> Self {
        to_status(&error)
    }
}
