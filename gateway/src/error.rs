//! What can go wrong with the registry, as the caller is told.

use std::collections::HashMap;

use passgate_kit::client::source::Undecidable;
use passgate_kit::client::{Patterns, Reason};
use passgate_kit::etag::EtagError;
use passgate_kit::fields::{FieldViolation, FieldViolations};
use passgate_kit::idempotency::ClaimError;
use passgate_kit::problem::{Problem, to_status};
use passgate_kit::store::StoreError;
use sea_orm::DbErr;
use tonic::{Code, Status};

/// Why a call to the registry is refused, or fails.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is none of this name.
    #[error("there is no {resource}")]
    NotFound {
        /// `endpoints/{name}` or `apis/{name}`.
        resource: String,
    },
    /// One of this name exists.
    #[error("{resource} exists already: choose another name, or update that one")]
    NameTaken {
        /// `endpoints/{name}` or `apis/{name}`.
        resource: String,
    },
    /// One of this name existed, and grants for it may have outlived it.
    #[error(
        "{resource} existed before and was deleted; whoever still holds grants for it could call the new one: \
         choose another name, or say reuse_name (with validate_only first, to see who could)"
    )]
    NameWasUsed {
        /// `endpoints/{name}` or `apis/{name}`.
        resource: String,
    },
    /// Part of Passgate, or a name that only that may have.
    #[error(
        "{resource} is part of Passgate or of a protocol that it speaks, and can be neither registered nor changed"
    )]
    BuiltIn {
        /// `apis/{name}`.
        resource: String,
    },
    /// The call would give power that the caller does not hold.
    #[error("this gives power over what you do not hold yourself: {lacking}")]
    NotHeld {
        /// What the caller lacks.
        lacking: Patterns,
    },
    /// The etag is of an older state.
    #[error(transparent)]
    Etag(#[from] EtagError),
    /// Somebody else changed it between two looks.
    #[error("{resource} was changed by another call at the same time: try again")]
    Conflict {
        /// `endpoints/{name}` or `apis/{name}`.
        resource: String,
    },
    /// The change is in the database, and this gateway does not serve it yet.
    #[error(
        "the change is stored, but this gateway has not applied it in time; repeat with the same request_id, or read it again"
    )]
    NotApplied,
    /// Fields that break their rules.
    #[error(transparent)]
    Fields(#[from] FieldViolations),
    /// A `request_id` that cannot be used.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// Nobody can say what the caller holds.
    #[error(transparent)]
    Undecidable(#[from] Undecidable),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for RegistryError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl Problem for RegistryError {
    fn told_as(&self) -> (Code, Reason) {
        match self {
            Self::NotFound { .. } => (Code::NotFound, Reason::NotFound),
            Self::NameTaken { .. } => (Code::AlreadyExists, Reason::NameTaken),
            Self::NameWasUsed { .. } => (Code::FailedPrecondition, Reason::NameWasUsed),
            Self::BuiltIn { .. } => (Code::FailedPrecondition, Reason::BuiltIn),
            Self::NotHeld { .. } => (Code::PermissionDenied, Reason::NotHeld),
            Self::Etag(cause) => cause.told_as(),
            Self::Conflict { .. } => (Code::Aborted, Reason::Conflict),
            Self::NotApplied => (Code::Unavailable, Reason::NotNow),
            Self::Fields(cause) => cause.told_as(),
            Self::Claim(cause) => cause.told_as(),
            Self::Undecidable(_) => (Code::Unavailable, Reason::Undecidable),
            Self::Store(cause) => cause.told_as(),
        }
    }

    fn facts(&self) -> HashMap<String, String> {
        match self {
            Self::NotFound { resource }
            | Self::NameTaken { resource }
            | Self::NameWasUsed { resource }
            | Self::BuiltIn { resource }
            | Self::Conflict { resource } => HashMap::from([("resource".to_owned(), resource.clone())]),
            Self::NotHeld { lacking } => HashMap::from([("lacking".to_owned(), lacking.to_string())]),
            Self::NotApplied | Self::Undecidable(_) | Self::Etag(_) => HashMap::new(),
            Self::Fields(cause) => cause.facts(),
            Self::Claim(cause) => cause.facts(),
            Self::Store(cause) => cause.facts(),
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::Fields(cause) => cause.fields(),
            Self::Claim(cause) => cause.fields(),
            Self::NotFound { .. }
            | Self::NameTaken { .. }
            | Self::NameWasUsed { .. }
            | Self::BuiltIn { .. }
            | Self::NotHeld { .. }
            | Self::Etag(_)
            | Self::Conflict { .. }
            | Self::NotApplied
            | Self::Undecidable(_)
            | Self::Store(_) => Vec::new(),
        }
    }
}

impl From<RegistryError> for Status {
    fn from(error: RegistryError) -> Self {
        to_status(&error)
    }
}
