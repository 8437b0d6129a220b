//! What somebody wants a new token to be.

use passgate_kit::client::{
    Description, Labels, MAX_PATTERNS, MAX_SCOPE_BYTES, Name, PatternError, Patterns, Principal,
};
use passgate_kit::idempotency::Claim;
use passgate_kit::request::{BodyDigest, RequestId};
use time::OffsetDateTime;

/// A new token, as it is asked for.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// For people.
    pub name: Name,
    /// Whose; `None` is whoever asks.
    pub owner: Option<Principal>,
    /// What it may do at most, if that was said.
    pub scopes: Option<Patterns>,
    /// When its time is over.
    pub expire_time: OffsetDateTime,
    /// For people, longer.
    pub description: Description,
    /// To find it by.
    pub labels: Labels,
    /// What the caller names this act by, and the digest of the whole request.
    pub request: Option<(RequestId, BodyDigest)>,
}

impl NewToken {
    /// What is claimed by the request id, if there is one.
    pub(super) fn claim(
        &self,
        principal: Principal,
        resource: String,
        caller: Option<passgate_kit::client::TokenId>,
    ) -> Option<Claim> {
        let (request_id, body) = self.request.clone()?;
        Some(Claim { principal: principal.to_string(), method: CREATE, request_id, body, resource, token_id: caller })
    }
}

const CREATE: &str = "/passgate.token.v1.TokenService/CreateToken";

/// The rule that a list of scopes breaks, in words that fit a field violation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopesError {
    /// An empty list would make a dead token.
    #[error("must name a pattern at least: leave the whole list out for all that the owner may")]
    Empty,
    /// More than allowed.
    #[error("must have at most {MAX_PATTERNS} patterns")]
    TooMany,
    /// The token would be too long for a header.
    #[error("must have at most {MAX_SCOPE_BYTES} bytes in all")]
    TooLong,
    /// One is no pattern.
    #[error("{0}")]
    Pattern(PatternError),
}

/// Reads a list of scopes. The error names the items that break a rule; `None` is the list as a whole.
///
/// # Errors
/// Every rule that it breaks, with the place in the list.
pub fn parse_scopes(items: &[String]) -> Result<Patterns, Vec<(Option<usize>, ScopesError)>> {
    if items.is_empty() {
        return Err(vec![(None, ScopesError::Empty)]);
    }
    if items.len() > MAX_PATTERNS {
        return Err(vec![(None, ScopesError::TooMany)]);
    }
    let patterns = Patterns::parse_list(items).map_err(|errors| {
        errors.into_iter().map(|(at, error)| (Some(at), ScopesError::Pattern(error))).collect::<Vec<_>>()
    })?;
    if patterns.to_string().len() > MAX_SCOPE_BYTES {
        return Err(vec![(None, ScopesError::TooLong)]);
    }
    Ok(patterns)
}
