//! Why a token may or may not do something: the steps, each with what was found, up to the one that refuses.

use std::sync::Arc;

use passgate_kit::client::{Action, Credential, Decision, Principal, Resource};
use uuid::Uuid;

use super::decide::{Facts, Owner, Row, Source, Step, decide, first_covering};
use super::decider::Decider;
use crate::error::TokenError;

/// A decision with its steps.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The decision.
    pub decision: Decision,
    /// The steps, in order.
    pub steps: Vec<StepFound>,
    /// Whose token it is; `None` if it is not genuine.
    pub owner: Option<Principal>,
}

/// What one step found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFound {
    /// What was looked at.
    pub name: &'static str,
    /// Whether it lets the token through.
    pub passed: bool,
    /// What was found, for people.
    pub found: String,
    /// The pattern that covers the resource.
    pub pattern: String,
    /// Who holds it.
    pub holder: String,
}

impl Decider {
    /// Explains the decision about a token that was shown; `None` is a text that no token can have.
    ///
    /// # Errors
    /// If it cannot be known now.
    pub async fn explain_shown(
        &self,
        token: Option<&Credential>,
        resource: &Resource,
        action: Action,
    ) -> Result<Explained, TokenError> {
        let genuine = match token {
            Some(token) => self.examine(token, None).await?,
            None => None,
        };
        let Some(genuine) = genuine else {
            let found = "this is no valid token of this installation".to_owned();
            let steps = vec![plain("signature", false, found)];
            return Ok(Explained { decision: self.stranger(), steps, owner: None });
        };
        let decision = self.decided(&genuine, resource, action)?;
        let signature = match &genuine.refused {
            Some(denied) => plain("signature", false, denied.detail.clone()),
            None => plain("signature", true, format!("signed by the key {}", genuine.verified.kid)),
        };
        let mut steps = vec![signature];
        if genuine.refused.is_none() {
            steps.extend(self.steps(genuine.facts(), resource, action));
        }
        Ok(Explained { decision, steps, owner: Some(genuine.verified.claims.owner) })
    }

    /// Explains the decision about the token that has this id, or a secret with it; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be known now.
    pub async fn explain_named(
        &self,
        row: &Arc<Row>,
        resource: &Resource,
        action: Action,
    ) -> Result<Explained, TokenError> {
        let fresh = self.freshness().now()?;
        let owner = self.memory().owner(row.owner()).await?;
        let facts = Facts { row: Some(row), jti: None, owner: owner.as_ref() };
        let decision = Decision {
            verdict: decide(facts, resource, action, self.now()),
            as_of: fresh.as_of,
            rests_on: None,
            holder: None,
            evidence_age: self.freshness().age(fresh)?,
        };
        Ok(Explained { decision, steps: self.steps(facts, resource, action), owner: Some(row.owner()) })
    }

    /// The row of a token by its id, or by the id of one of its secrets.
    ///
    /// # Errors
    /// If it cannot be known now.
    pub async fn row_named(&self, id: Uuid) -> Result<Option<Arc<Row>>, TokenError> {
        Ok(self.memory().row_of_any(id).await?)
    }

    fn steps(&self, facts: Facts<'_>, resource: &Resource, action: Action) -> Vec<StepFound> {
        let mut steps = Vec::with_capacity(Step::ALL.len());
        for step in Step::ALL {
            let refused = step.check(facts, resource, action, self.now()).err();
            let passed = refused.is_none();
            steps.push(match refused {
                Some(denied) => plain(step.as_str(), false, denied.detail),
                None => found(step, facts, resource, action),
            });
            if !passed {
                break;
            }
        }
        steps
    }
}

fn plain(name: &'static str, passed: bool, found: String) -> StepFound {
    StepFound { name, passed, found, pattern: String::new(), holder: String::new() }
}

fn found(step: Step, facts: Facts<'_>, resource: &Resource, action: Action) -> StepFound {
    let text = match step {
        Step::Token => "it is known, and neither revoked nor disabled".to_owned(),
        Step::Expiry => match facts.row.and_then(Row::expires_at) {
            Some(end) => format!("it expires at {end}"),
            None => "it does not expire".to_owned(),
        },
        Step::Owner => facts.owner.map(|owner| format!("{} is enabled", owner.record.principal)).unwrap_or_default(),
        Step::Scope => return scope(facts, resource, action),
        Step::Grant => return grant(facts.owner, resource, action),
    };
    plain(step.as_str(), true, text)
}

fn scope(facts: Facts<'_>, resource: &Resource, action: Action) -> StepFound {
    let scopes = facts.row.map(Row::scopes);
    let covering =
        scopes.as_ref().and_then(|scopes| scopes.patterns()).and_then(|all| first_covering(all, resource, action));
    match covering {
        Some(pattern) => StepFound {
            pattern: pattern.to_string(),
            ..plain(Step::Scope.as_str(), true, format!("the scope {pattern} covers {resource}:{action}"))
        },
        None => plain(Step::Scope.as_str(), true, "it has no scopes: it may all that its owner may".to_owned()),
    }
}

fn grant(owner: Option<&Owner>, resource: &Resource, action: Action) -> StepFound {
    let granted =
        owner.and_then(|owner| owner.grant_for(resource, action).map(|(pattern, source)| (owner, pattern, source)));
    let Some((owner, pattern, source)) = granted else {
        return plain(Step::Grant.as_str(), false, String::new());
    };
    let holder = match source {
        Source::Own => owner.record.principal.to_string(),
        Source::Group(id) => id.resource_name(),
    };
    StepFound {
        pattern: pattern.to_string(),
        ..plain_with_holder(format!("the grant {pattern} of {holder} covers {resource}:{action}"), holder)
    }
}

fn plain_with_holder(found: String, holder: String) -> StepFound {
    StepFound { holder, ..plain(Step::Grant.as_str(), true, found) }
}
