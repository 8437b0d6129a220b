//! Makes decisions out of what this replica knows: verifies, looks up, decides, and says how fresh that is.

use std::sync::Arc;

use passgate_kit::client::verifier::Refusal;
use passgate_kit::client::{
    Action, Ambient, Credential, Decision, DecisionSource, Denied, Holder, Question, Reason, Resource, RestsOn, Scopes,
    Undecidable, Vector, Verified,
};
use passgate_kit::mark::Marks;
use time::OffsetDateTime;

use super::decide::{Facts, Owner, Row, alive, check_token, decide, expired, key_revoked, not_genuine};
use super::evidence::{Fresh, Freshness};
use crate::error::TokenError;
use crate::key::Keys;
use crate::memory::{Memory, Unknown};

/// Decides. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Decider {
    memory: Memory,
    keys: Keys,
    freshness: Freshness,
    marks: Marks,
    ambient: Ambient,
}

/// A genuine token with what is known of it.
#[derive(Clone, Debug)]
pub struct Genuine {
    /// What it says.
    pub verified: Arc<Verified>,
    /// What the Verifier had against it nevertheless.
    pub refused: Option<Denied>,
    /// Its row; `None` if there is none.
    pub row: Option<Arc<Row>>,
    /// Its owner; `None` if there is none.
    pub owner: Option<Owner>,
    /// What this is true for.
    pub fresh: Fresh,
}

impl Decider {
    /// Decides by what `memory` and `keys` say, if that is fresh.
    #[must_use]
    pub const fn new(memory: Memory, keys: Keys, freshness: Freshness, marks: Marks, ambient: Ambient) -> Self {
        Self { memory, keys, freshness, marks, ambient }
    }

    /// May the holder of `token` do `action` on `resource` now? On nothing older than `at_least`.
    ///
    /// # Errors
    /// If it cannot be known now.
    pub async fn decide(
        &self,
        token: &Credential,
        resource: &Resource,
        action: Action,
        at_least: Option<&Vector>,
    ) -> Result<Decision, TokenError> {
        let Some(genuine) = self.examine(token, at_least).await? else {
            return Ok(self.stranger());
        };
        self.decided(&genuine, resource, action)
    }

    /// The decision about a genuine token.
    ///
    /// # Errors
    /// If what it rests on has become too old meanwhile.
    pub fn decided(&self, genuine: &Genuine, resource: &Resource, action: Action) -> Result<Decision, TokenError> {
        Ok(Decision {
            verdict: genuine.verdict(resource, action, self.ambient.now()),
            as_of: genuine.fresh.as_of,
            rests_on: Some(genuine.rests_on(resource, action)),
            holder: Some(genuine.holder()),
            evidence_age: self.freshness.age(genuine.fresh)?,
        })
    }

    /// The answer to what is no token of ours. It rests on nothing that can change, so it is as fresh as can be.
    #[must_use]
    pub fn stranger(&self) -> Decision {
        Decision {
            verdict: Err(not_genuine()),
            as_of: self.freshness.as_of(),
            rests_on: None,
            holder: None,
            evidence_age: std::time::Duration::ZERO,
        }
    }

    /// A token with what is known of it; `None` if it is not genuine.
    ///
    /// # Errors
    /// If it cannot be known now.
    pub async fn examine(&self, token: &Credential, at_least: Option<&Vector>) -> Result<Option<Genuine>, TokenError> {
        let (verified, refused) = match self.keys.verify(token.expose(), token.digest(), self.ambient.unix_now()) {
            Ok(verified) => (verified, None),
            Err(Refusal { genuine: Some(verified), reason, .. }) => (Arc::new(*verified), Some(told(reason))),
            Err(Refusal { genuine: None, rule, .. }) => {
                tracing::debug!(rule, fingerprint = token.fingerprint(), "not a token of ours: {rule}");
                return Ok(None);
            }
        };
        if let Some(mark) = at_least {
            self.freshness.wait_for(mark).await?;
        }
        let fresh = self.freshness.now()?; // before anything is looked at
        let claims = &verified.claims;
        let row = self.memory.row(claims.token_id, claims.kind).await?.filter(|row| row.owner() == claims.owner);
        let owner = self.memory.owner(claims.owner).await?;
        Ok(Some(Genuine { verified, refused, row, owner, fresh }))
    }

    /// What the memory knows.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// How fresh that is.
    #[must_use]
    pub const fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.ambient.now()
    }
}

/// The Verifier's finding about a genuine token.
fn told(reason: Reason) -> Denied {
    match reason {
        Reason::KeyRevoked => key_revoked(),
        Reason::TokenExpired => expired(),
        _ => not_genuine(),
    }
}

impl Genuine {
    /// The decision.
    ///
    /// # Errors
    /// Why not.
    pub fn verdict(&self, resource: &Resource, action: Action, now: OffsetDateTime) -> Result<(), Denied> {
        match &self.refused {
            // A token that was taken away says so, also once its time is over; a key that was revoked goes before all.
            Some(denied) if denied.reason == Reason::KeyRevoked => Err(denied.clone()),
            Some(denied) => check_token(self.facts()).and(Err(denied.clone())),
            None => decide(self.facts(), resource, action, now),
        }
    }

    /// Whether it is good at all at `now`, whatever it is for.
    ///
    /// # Errors
    /// Why not.
    pub fn alive(&self, now: OffsetDateTime) -> Result<(), Denied> {
        match &self.refused {
            Some(denied) => Err(denied.clone()),
            None => alive(self.facts(), now),
        }
    }

    /// What the steps look at.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts { row: self.row.as_deref(), jti: Some(self.verified.claims.jti), owner: self.owner.as_ref() }
    }

    /// Its live scopes: those of its row.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        let claimed = || Scopes::from_claim(self.verified.claims.scopes.as_deref()).unwrap_or(Scopes::Unrestricted);
        self.row.as_ref().map_or_else(claimed, |row| row.scopes())
    }

    /// Who holds it.
    #[must_use]
    pub fn holder(&self) -> Holder {
        let claims = &self.verified.claims;
        let time =
            |seconds: u64| i64::try_from(seconds).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        Holder {
            principal: claims.owner,
            token_id: claims.token_id,
            jti: claims.jti,
            kind: claims.kind,
            scopes: self.scopes(),
            auth_time: claims.auth_time.and_then(time),
            expires_at: self.row.as_ref().map_or_else(|| claims.expires_at.and_then(time), |row| row.expires_at()),
        }
    }

    fn rests_on(&self, resource: &Resource, action: Action) -> RestsOn {
        let claims = &self.verified.claims;
        RestsOn {
            token_id: claims.token_id,
            jti: claims.jti,
            kid: self.verified.kid.clone(),
            principal: claims.owner,
            groups: self.owner.as_ref().map(|owner| owner.record.groups.clone()).unwrap_or_default(),
            resource: resource.clone(),
            action,
        }
    }
}

impl From<Unknown> for TokenError {
    fn from(unknown: Unknown) -> Self {
        let why = match &unknown {
            Unknown::Store(_) => "the token service's database did not answer",
            Unknown::Identity(_) => "the identity service did not answer about a principal that is new here",
            Unknown::Restless => "it changes faster than it can be read",
        };
        tracing::warn!("undecidable: {unknown}");
        Self::Undecidable { why }
    }
}

#[tonic::async_trait]
impl DecisionSource for Decider {
    async fn decide(&self, question: &Question) -> Result<Decision, Undecidable> {
        let mark = match &question.at_least {
            None => None,
            Some(text) => Some(self.marks.read(text).map_err(|error| {
                Undecidable::BadQuestion(Box::new(tonic::Status::invalid_argument(error.to_string())))
            })?),
        };
        let decided = Self::decide(self, &question.token, &question.resource, question.action, mark.as_ref()).await;
        decided.map_err(|error| Undecidable::NotUpToDate(Some(Box::new(error.into()))))
    }
}
