//! What can go wrong here, and how each case is told to a caller.

use std::collections::HashMap;
use std::time::Duration;

use passgate_kit::caller::CallerError;
use passgate_kit::client::{Patterns, Reason};
use passgate_kit::etag::EtagError;
use passgate_kit::fields::{FieldViolation, FieldViolations};
use passgate_kit::idempotency::ClaimError;
use passgate_kit::problem::{Problem, to_status};
use passgate_kit::store::StoreError;
use tonic::{Code, Status};

/// What can go wrong with principals, groups, grants and sessions, as the caller is told.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no such thing, or none that the caller may see.
    #[error("there is no {0} that you may see")]
    NotFound(String),
    /// Fields break their rules.
    #[error(transparent)]
    Fields(#[from] FieldViolations),
    /// More power than the caller holds.
    #[error("this gives or rests on more than you hold; you lack: {}", .0.to_strings().join(", "))]
    NotHeld(Patterns),
    /// Somebody live has the name.
    #[error("\"{0}\" is the name of another one already: choose another name")]
    NameTaken(String),
    /// Somebody live has the e-mail address.
    #[error("another user has the e-mail address {0}")]
    EmailTaken(String),
    /// Nobody would hold `*` any more.
    #[error("this would leave no enabled user that holds `*`: make another administrator first")]
    LastAdministrator,
    /// The caller saw another revision.
    #[error(transparent)]
    Etag(#[from] EtagError),
    /// Part of Passgate.
    #[error("groups/{{administrators,auditors}} are part of Passgate: they can be neither changed nor deleted")]
    BuiltIn,
    /// Too many of something.
    #[error("there can be at most {limit} {what}")]
    LimitReached {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// Tokens would stop working.
    #[error(
        "{principal} still has {live} live tokens, which would stop working: say `delete_live_tokens` to end them too"
    )]
    HasLiveTokens {
        /// Whose.
        principal: String,
        /// How many.
        live: i32,
    },
    /// Why is not told.
    #[error("the e-mail address or the password is wrong, or signing in is not possible now")]
    SignInRefused,
    /// A machine does not sign in.
    #[error("API users have no password and do not sign in: use one of their tokens")]
    ApiUsersDoNotSignIn,
    /// A one-time password opens one door only.
    #[error("this password was set by somebody else: sign in with it and `new_password` in one call")]
    PasswordMustChange,
    /// The queue for password checks is full.
    #[error("too many passwords are being checked at this moment; try again in a second")]
    TooManySignIns,
    /// The new password holds, but there is no session yet.
    #[error(
        "the new password is set, but the token service did not make a session: sign in again with the new password"
    )]
    NoSessionYet(#[source] Option<Box<Status>>),
    /// The token service is away.
    #[error("the token service did not answer, so nothing was done; repeat this with the same request_id")]
    TokenServiceAway(#[source] Option<Box<Status>>),
    /// The token service refused, in words for the caller.
    #[error("{}", .0.message())]
    TokenRefused(Box<Status>),
    /// A `request_id` with another body.
    #[error("request_id: was used before with another body; take a new one for another request")]
    RequestIdReused,
    /// A `request_id` of another token of the same principal.
    #[error("{resource} was made by another of your tokens with this request_id; its secret is not repeated")]
    RequestIdOtherToken {
        /// What exists.
        resource: String,
    },
    /// The creation ran out of time, and neither came into being.
    #[error("the creation took too long and was given up; nothing was made: repeat it with the same request_id")]
    GivenUp,
    /// A caller who may not do this.
    #[error(transparent)]
    Caller(#[from] CallerError),
    /// A `request_id` that cannot be used.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The task that hashes passwords broke off.
    #[error("checking the password broke off inside Passgate; the log says why")]
    Hashing(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<sea_orm::DbErr> for IdentityError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<crate::password::PasswordError> for IdentityError {
    fn from(rule: crate::password::PasswordError) -> Self {
        Self::Fields(FieldViolations::one("new_password", rule.to_string()))
    }
}

impl Problem for IdentityError {
    fn told_as(&self) -> (Code, Reason) {
        match self {
            Self::NotFound(_) => (Code::NotFound, Reason::NotFound),
            Self::Fields(cause) => cause.told_as(),
            Self::NotHeld(_) => (Code::PermissionDenied, Reason::NotHeld),
            Self::NameTaken(_) => (Code::AlreadyExists, Reason::NameTaken),
            Self::EmailTaken(_) => (Code::AlreadyExists, Reason::EmailTaken),
            Self::LastAdministrator => (Code::FailedPrecondition, Reason::LastAdministrator),
            Self::Etag(cause) => cause.told_as(),
            Self::BuiltIn => (Code::FailedPrecondition, Reason::BuiltIn),
            Self::LimitReached { .. } => (Code::FailedPrecondition, Reason::LimitReached),
            Self::HasLiveTokens { .. } => (Code::FailedPrecondition, Reason::HasLiveTokens),
            Self::SignInRefused => (Code::Unauthenticated, Reason::SignInRefused),
            Self::ApiUsersDoNotSignIn => (Code::FailedPrecondition, Reason::ApiUsersDoNotSignIn),
            Self::PasswordMustChange => (Code::FailedPrecondition, Reason::PasswordMustChange),
            Self::TooManySignIns => (Code::ResourceExhausted, Reason::TooManySignIns),
            Self::NoSessionYet(_) | Self::TokenServiceAway(_) => (Code::Unavailable, Reason::NotNow),
            Self::TokenRefused(status) => (status.code(), Reason::Internal),
            Self::RequestIdReused => (Code::InvalidArgument, Reason::RequestIdReused),
            Self::RequestIdOtherToken { .. } => (Code::AlreadyExists, Reason::RequestIdOtherToken),
            Self::GivenUp => (Code::Aborted, Reason::Conflict),
            Self::Caller(cause) => cause.told_as(),
            Self::Claim(cause) => cause.told_as(),
            Self::Store(cause) => cause.told_as(),
            Self::Hashing(_) => (Code::Internal, Reason::Internal),
        }
    }

    fn facts(&self) -> HashMap<String, String> {
        let fact = |key: &str, value: String| HashMap::from([(key.to_owned(), value)]);
        match self {
            Self::NotHeld(lacking) => fact("lacking", lacking.to_string()),
            Self::LimitReached { limit, .. } => fact("limit", limit.to_string()),
            Self::HasLiveTokens { live, .. } => fact("live_tokens", live.to_string()),
            Self::RequestIdOtherToken { resource } => fact("resource", resource.clone()),
            Self::Caller(cause) => cause.facts(),
            Self::Claim(cause) => cause.facts(),
            Self::Store(cause) => cause.facts(),
            Self::NotFound(_)
            | Self::Fields(_)
            | Self::NameTaken(_)
            | Self::EmailTaken(_)
            | Self::LastAdministrator
            | Self::Etag(_)
            | Self::BuiltIn
            | Self::SignInRefused
            | Self::ApiUsersDoNotSignIn
            | Self::PasswordMustChange
            | Self::TooManySignIns
            | Self::NoSessionYet(_)
            | Self::TokenServiceAway(_)
            | Self::TokenRefused(_)
            | Self::RequestIdReused
            | Self::GivenUp
            | Self::Hashing(_) => HashMap::new(),
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::Fields(cause) => cause.fields(),
            Self::Claim(cause) => cause.fields(),
            Self::RequestIdReused => {
                let rule = "was used before with another body; take a new one for another request".to_owned();
                vec![FieldViolation { path: "request_id".to_owned(), rule }]
            }
            Self::NotFound(_)
            | Self::NotHeld(_)
            | Self::NameTaken(_)
            | Self::EmailTaken(_)
            | Self::LastAdministrator
            | Self::Etag(_)
            | Self::BuiltIn
            | Self::LimitReached { .. }
            | Self::HasLiveTokens { .. }
            | Self::SignInRefused
            | Self::ApiUsersDoNotSignIn
            | Self::PasswordMustChange
            | Self::TooManySignIns
            | Self::NoSessionYet(_)
            | Self::TokenServiceAway(_)
            | Self::TokenRefused(_)
            | Self::RequestIdOtherToken { .. }
            | Self::GivenUp
            | Self::Caller(_)
            | Self::Store(_)
            | Self::Hashing(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Store(cause) => cause.retry_after(),
            Self::Claim(cause) => cause.retry_after(),
            Self::TooManySignIns | Self::NoSessionYet(_) | Self::TokenServiceAway(_) => Some(Duration::from_secs(1)),
            Self::NotFound(_)
            | Self::Fields(_)
            | Self::NotHeld(_)
            | Self::NameTaken(_)
            | Self::EmailTaken(_)
            | Self::LastAdministrator
            | Self::Etag(_)
            | Self::BuiltIn
            | Self::LimitReached { .. }
            | Self::HasLiveTokens { .. }
            | Self::SignInRefused
            | Self::ApiUsersDoNotSignIn
            | Self::PasswordMustChange
            | Self::TokenRefused(_)
            | Self::RequestIdReused
            | Self::RequestIdOtherToken { .. }
            | Self::GivenUp
            | Self::Caller(_)
            | Self::Hashing(_) => None,
        }
    }
}

impl From<IdentityError> for Status {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::TokenRefused(status) => *status,
            other => to_status(&other),
        }
    }
}
