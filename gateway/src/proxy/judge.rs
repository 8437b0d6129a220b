//! Who may pass. A [`Permit`] comes from here and from nowhere else, and the forwarder takes nothing without one.

use std::sync::Arc;

use passgate_kit::client::credential::{Credential, CredentialError};
use passgate_kit::client::decision::{Allowed, Denied, Holder, Question};
use passgate_kit::client::source::{DecisionSource, Undecidable};
use passgate_kit::client::verifier::{self, verify};
use passgate_kit::client::{Action, Ambient, Principal, Reason, Resource, TokenId};

use super::refusal::Refusal;
use crate::keys::EdgeKeys;
use crate::registry::{Access, EndpointRoute};

/// What stood where the credential belongs.
pub(super) type Presented = Result<Option<Credential>, CredentialError>;

/// The permission to forward one request.
#[derive(Debug)]
pub(super) struct Permit(Option<Allowed>);

impl Permit {
    /// For whoever calls a PUBLIC endpoint; `None` if it is not PUBLIC.
    pub(super) fn of_public(route: &EndpointRoute) -> Option<Self> {
        (route.enabled && route.access == Access::Public).then_some(Self(None))
    }

    /// Who is permitted; `None` is anybody.
    pub(super) fn holder(&self) -> Option<&Holder> {
        self.0.as_ref().map(Allowed::holder)
    }
}

/// Judges credentials: by the keys at the edge, and then by the token service.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) keys: EdgeKeys,
    pub(super) decisions: Arc<dyn DecisionSource>,
    pub(super) ambient: Ambient,
}

impl Judge {
    /// The credential, if it is a genuine token as far as the keys can tell. Asks nobody.
    ///
    /// # Errors
    /// `TokenInvalid` for whatever is not one, all alike; the exact reason if it is one that is not good any more.
    pub(super) fn at_the_edge(&self, presented: Presented) -> Result<Credential, Refusal> {
        let credential = match presented {
            Ok(Some(credential)) => credential,
            Ok(None) => return Err(Refusal::TokenMissing),
            Err(CredentialError) => {
                tracing::info!(rule = "credential", "refused: there is not exactly one bearer token");
                return Err(Refusal::TokenInvalid);
            }
        };
        let keys = self.keys.current().ok_or(Refusal::NotCurrent)?;
        match verify(&keys, credential.expose().as_bytes(), self.ambient.unix_now()) {
            Ok(_) => Ok(credential),
            Err(refusal) => Err(refused_at_the_edge(&credential, &refusal)),
        }
    }

    /// Asks whether `credential` may do `action` on `resource` now.
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn decide(
        &self,
        credential: Arc<Credential>,
        resource: Resource,
        action: Action,
        at_least: Option<String>,
    ) -> Result<Permit, Refusal> {
        let question = Question { token: credential, resource, action, at_least };
        let decision = self.decisions.decide(&question).await.map_err(refused_undecided)?;
        let token = decision.holder.as_ref().map(|holder| (holder.principal, holder.token_id));
        match decision.permit() {
            Ok(allowed) => Ok(Permit(Some(allowed))),
            Err(denied) if denied.reason == Reason::TokenInvalid => Err(Refusal::TokenInvalid),
            Err(denied) if denied.reason == Reason::Undecidable => Err(Refusal::Undecidable(None)),
            Err(denied) => Err(refused_by_decision(denied, question, token)),
        }
    }
}

fn refused_at_the_edge(credential: &Credential, refusal: &verifier::Refusal) -> Refusal {
    let Some(genuine) = &refusal.genuine else {
        tracing::info!(rule = refusal.rule, credential = credential.fingerprint(), "refused: not a genuine token");
        return Refusal::TokenInvalid;
    };
    let (token, owner) = (genuine.claims.token_id, genuine.claims.owner);
    tracing::info!(passgate.token.id = %token, passgate.principal = %owner, reason = %refusal.reason, "refused: token {token}");
    let detail = match refusal.reason {
        Reason::TokenExpired => "the token has expired: make a new one",
        Reason::KeyRevoked => "the key that signed the token was revoked: make a new token",
        _ => "the token is not good any more: make a new one",
    };
    let denied = Denied { reason: refusal.reason, detail: detail.to_owned() };
    Refusal::Denied { denied, asked: None, token: Some((owner, token)) }
}

fn refused_by_decision(denied: Denied, question: Question, token: Option<(Principal, TokenId)>) -> Refusal {
    tracing::info!(reason = %denied.reason, passgate.resource = %question.resource, "refused: {}", denied.reason);
    Refusal::Denied { denied, asked: Some((question.resource, question.action)), token }
}

fn refused_undecided(cause: Undecidable) -> Refusal {
    match cause {
        Undecidable::BadQuestion(_) => Refusal::ChangeMark(cause),
        Undecidable::Unreachable(_)
        | Undecidable::NotUpToDate(_)
        | Undecidable::NotTrusted(_)
        | Undecidable::Busy
        | Undecidable::Stale { .. }
        | Undecidable::BadAnswer(_) => Refusal::Undecidable(Some(cause)),
    }
}
