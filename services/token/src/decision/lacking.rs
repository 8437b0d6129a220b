//! What a token does not cover: for services that give power away, and must not give more than who asks for it holds.
//!
//! A token covers what its owner's grants and its own scopes have in common, now. Nothing here is remembered.

use std::time::Duration;

use passgate_kit::client::{Credential, Patterns, Reason, Vector};

use super::decider::{Decider, Genuine};
use crate::error::TokenError;

/// What a token does not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// Of what was asked about: pattern by pattern, action by action.
    pub patterns: Patterns,
    /// Why it covers nothing at all; `None` if it is good.
    pub reason: Option<Reason>,
    /// What that is true for.
    pub as_of: Vector,
    /// How old the evidence for it is.
    pub evidence_age: Duration,
}

impl Decider {
    /// What of `wanted` the holder of `token` does not cover now. By nothing older than `at_least`.
    ///
    /// # Errors
    /// If it cannot be known now.
    pub async fn lacking(
        &self,
        token: &Credential,
        wanted: &Patterns,
        at_least: Option<&Vector>,
    ) -> Result<Lacking, TokenError> {
        let Some(genuine) = self.examine(token, at_least).await? else {
            return Ok(self.stranger_lacks(wanted));
        };
        let reason = genuine.alive(self.now()).err().map(|denied| denied.reason);
        let held = if reason.is_none() { genuine.holds() } else { Patterns::default() };
        Ok(Lacking {
            patterns: held.lacking(wanted),
            reason,
            as_of: genuine.fresh.as_of,
            evidence_age: self.freshness().age(genuine.fresh)?,
        })
    }

    /// What is no token of ours covers nothing.
    #[must_use]
    pub fn stranger_lacks(&self, wanted: &Patterns) -> Lacking {
        let stranger = self.stranger();
        Lacking {
            patterns: wanted.clone(),
            reason: stranger.reason(),
            as_of: stranger.as_of,
            evidence_age: stranger.evidence_age,
        }
    }
}

impl Genuine {
    /// All that it may do, as far as grants and scopes go.
    fn holds(&self) -> Patterns {
        self.owner.as_ref().map(|owner| self.scopes().meet_with_grants(&owner.grants())).unwrap_or_default()
    }
}
