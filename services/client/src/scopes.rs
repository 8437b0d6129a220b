//! What a token may do at most.

use crate::action::Action;
use crate::pattern::{Pattern, PatternError};
use crate::patterns::Patterns;
use crate::resource::Resource;

/// The scopes of a token. Having none is not the same as having an empty list, which no token has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// None were given: all that its owner may do, whenever that is asked.
    Unrestricted,
    /// At most this.
    Only(Patterns),
}

/// Why a `scope` claim (RFC 8693 §4.2) cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeClaimError {
    /// A scope claim that is there is never empty.
    #[error("the scope claim is empty")]
    Empty,
    /// One of its words is no pattern.
    #[error("word {index} of the scope claim {error}")]
    Pattern {
        /// Which, from 0.
        index: usize,
        /// The rule that it breaks.
        error: PatternError,
    },
}

impl Scopes {
    /// Reads the `scope` claim of a token: patterns with one space between each two.
    ///
    /// # Errors
    /// If the claim is there and is empty or not made of patterns.
    pub fn from_claim(claim: Option<&str>) -> Result<Self, ScopeClaimError> {
        let Some(text) = claim else { return Ok(Self::Unrestricted) };
        if text.is_empty() {
            return Err(ScopeClaimError::Empty);
        }
        let words = text.split(' ').enumerate();
        let patterns =
            words.map(|(index, word)| Pattern::parse(word).map_err(|error| ScopeClaimError::Pattern { index, error }));
        patterns.collect::<Result<Patterns, _>>().map(Self::Only)
    }

    /// The `scope` claim that says this; `None` where there is to be none.
    #[must_use]
    pub fn to_claim(&self) -> Option<String> {
        match self {
            Self::Unrestricted => None,
            Self::Only(patterns) => Some(patterns.to_string()),
        }
    }

    /// Whether they let a request for `resource` with `action` through.
    #[must_use]
    pub fn covers(&self, resource: &Resource, action: Action) -> bool {
        match self {
            Self::Unrestricted => true,
            Self::Only(patterns) => patterns.covers(resource, action),
        }
    }

    /// What a token with these scopes may do, if its owner holds `grants`.
    #[must_use]
    pub fn meet_with_grants(&self, grants: &Patterns) -> Patterns {
        match self {
            Self::Unrestricted => grants.clone(),
            Self::Only(patterns) => patterns.meet(grants),
        }
    }

    /// The upper bound that they are, whatever the owner's grants become: no scopes bound nothing, and count as `*`.
    #[must_use]
    pub fn as_bound(&self) -> Patterns {
        match self {
            Self::Unrestricted => Patterns::all(),
            Self::Only(patterns) => patterns.clone(),
        }
    }

    /// The patterns, if there are any.
    #[must_use]
    pub fn patterns(&self) -> Option<&Patterns> {
        match self {
            Self::Unrestricted => None,
            Self::Only(patterns) => Some(patterns),
        }
    }
}

impl From<Option<Patterns>> for Scopes {
    fn from(patterns: Option<Patterns>) -> Self {
        patterns.map_or(Self::Unrestricted, Self::Only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_is_absent_restricts_nothing_and_an_empty_one_is_refused() {
        assert_eq!(Scopes::from_claim(None), Ok(Scopes::Unrestricted));
        assert_eq!(Scopes::from_claim(Some("")), Err(ScopeClaimError::Empty));
        assert!(Scopes::from_claim(Some(" ")).is_err());
        assert!(Scopes::from_claim(Some("endpoints/a  endpoints/b")).is_err());
    }

    #[test]
    fn a_claim_round_trips() {
        let claim = "apis/shop.v1.Orders/*:read endpoints/sales-*";

        let scopes = Scopes::from_claim(Some(claim)).expect("a claim");

        assert_eq!(scopes.to_claim().as_deref(), Some(claim));
        assert_eq!(Scopes::Unrestricted.to_claim(), None);
    }

    #[test]
    fn no_scopes_are_bounded_by_the_grants_alone_and_bound_nothing() {
        let grants = Patterns::parse_list(["endpoints/a"]).expect("patterns");

        assert_eq!(Scopes::Unrestricted.meet_with_grants(&grants), grants);
        assert_eq!(Scopes::Unrestricted.as_bound(), Patterns::all());
        assert_eq!(Scopes::Only(Patterns::all()).meet_with_grants(&grants), grants);
        assert!(Scopes::Only(grants).meet_with_grants(&Patterns::default()).is_empty());
    }
}
