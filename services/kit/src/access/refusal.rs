//! How the access layer says no.

use std::collections::HashMap;
use std::time::Duration;

use passgate_client::decision::Denied;
use passgate_client::source::Undecidable;
use passgate_client::{Principal, Reason, TokenId};
use tonic::Code;

use crate::fields::FieldViolation;
use crate::problem::Problem;

/// When what cannot be decided now may be decidable again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Why a call is refused before its message is read.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No credential at all.
    #[error("this needs a token: send it as metadata \"authorization: Bearer <token>\"")]
    TokenMissing,
    /// Not exactly one credential, or one that is none of ours. One answer for every cause.
    #[error("the token is not valid")]
    TokenInvalid,
    /// A genuine token that may not do this now.
    #[error("{denied}")]
    Denied {
        /// Why not.
        denied: Denied,
        /// What was asked for.
        resource: String,
        /// Whose token it is.
        principal: Principal,
        /// Which one.
        token_id: TokenId,
    },
    /// Nobody can say now.
    #[error(transparent)]
    Undecidable(#[from] Undecidable),
    /// An internal method, and no service credential of the right role.
    #[error("this method is for Passgate's own services: it needs a service credential of the right role")]
    NotThatService {
        /// True if a good credential of another role came.
        known: bool,
    },
    /// There is no such method.
    #[error("there is no method {path} here")]
    Unimplemented {
        /// The path, as it was asked for.
        path: String,
    },
    /// Not a gRPC call.
    #[error("this port speaks gRPC: the content type must be application/grpc")]
    NotGrpc,
    /// The `passgate-at-least` that came is no mark.
    #[error("the metadata passgate-at-least must be the passgate-change of an earlier answer, unchanged")]
    BadMark,
    /// A handler panicked. The process goes on, and nothing was let through.
    #[error("the service failed on this request; the log says where")]
    Panicked,
}

impl Problem for Refusal {
    fn told_as(&self) -> (Code, Reason) {
        match self {
            Self::TokenMissing => (Code::Unauthenticated, Reason::TokenMissing),
            Self::TokenInvalid => (Code::Unauthenticated, Reason::TokenInvalid),
            Self::Denied { denied, .. } => match denied.reason {
                Reason::NoGrant | Reason::NoScope => (Code::PermissionDenied, denied.reason),
                Reason::Undecidable => (Code::Unavailable, denied.reason),
                reason => (Code::Unauthenticated, reason),
            },
            Self::Undecidable(Undecidable::BadQuestion(_)) | Self::BadMark => {
                (Code::InvalidArgument, Reason::InvalidField)
            }
            Self::Undecidable(_) => (Code::Unavailable, Reason::Undecidable),
            Self::NotThatService { known: false } => (Code::Unauthenticated, Reason::ServiceCredentialInvalid),
            Self::NotThatService { known: true } => (Code::PermissionDenied, Reason::ServiceCredentialInvalid),
            Self::Unimplemented { .. } => (Code::Unimplemented, Reason::Unimplemented),
            Self::NotGrpc => (Code::InvalidArgument, Reason::UnsupportedMediaType),
            Self::Panicked => (Code::Internal, Reason::Internal),
        }
    }

    fn facts(&self) -> HashMap<String, String> {
        match self {
            Self::Denied { resource, principal, .. } => HashMap::from([
                ("resource".to_owned(), resource.clone()),
                ("principal".to_owned(), principal.to_string()),
            ]),
            _ => HashMap::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        (self.told_as().0 == Code::Unavailable).then_some(TRY_AGAIN)
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::BadMark => vec![FieldViolation { path: "passgate-at-least".to_owned(), rule: self.to_string() }],
            _ => Vec::new(),
        }
    }
}
