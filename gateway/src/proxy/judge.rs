//! Who may pass. A [`Permit`] comes from here and from nowhere else, and the forwarder takes nothing without one.

use std::sync::Arc;

use passgate_kit::client::credential::{Credential, CredentialError};
use passgate_kit::client::decider::{Answer, CachedDecisions};
use passgate_kit::client::decision::{Denied, Holder, Question};
use passgate_kit::client::source::Undecidable;
use passgate_kit::client::verifier::{self, verify};
use passgate_kit::client::{Action, Ambient, Reason, Resource};

use super::refusal::Refusal;
use crate::registry::{Access, EndpointRoute};

/// What stood where the credential belongs.
pub(super) type Presented = Result<Option<Credential>, CredentialError>;

/// The permission to forward one request.
#[derive(Debug)]
pub(super) struct Permit(Option<Answer>);

impl Permit {
    /// For whoever calls a PUBLIC endpoint; `None` if it is not PUBLIC.
    pub(super) fn of_public(route: &EndpointRoute) -> Option<Self> {
        (route.enabled && route.access == Access::Public).then_some(Self(None))
    }

    /// Who is permitted; `None` is anybody.
    pub(super) fn holder(&self) -> Option<&Holder> {
        self.0.as_ref().and_then(Answer::holder)
    }
}

/// Judges credentials: from memory, by the keys at the edge, and by the token service; in this order.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) decisions: CachedDecisions,
    pub(super) ambient: Ambient,
}

impl Judge {
    /// The credential, if there is exactly one. Nobody has looked yet whether it is genuine.
    ///
    /// # Errors
    /// If there is none, or something else.
    pub(super) fn only_one(presented: Presented) -> Result<Arc<Credential>, Refusal> {
        match presented {
            Ok(Some(credential)) => Ok(Arc::new(credential)),
            Ok(None) => Err(Refusal::TokenMissing),
            Err(CredentialError) => {
                tracing::info!(rule = "credential", "refused: there is not exactly one bearer token");
                Err(Refusal::TokenInvalid)
            }
        }
    }

    /// The credential, if it is a genuine token as far as the keys can tell. Asks nobody.
    ///
    /// # Errors
    /// `TokenInvalid` for whatever is not one, all alike; the exact reason if it is one that is not good any more.
    pub(super) fn at_the_edge(&self, presented: Presented) -> Result<Arc<Credential>, Refusal> {
        let credential = Self::only_one(presented)?;
        let now = self.ambient.moment();
        let (keys, is_current) = self.decisions.core().keys(now).ok_or(Refusal::NotCurrent)?;
        match verify(&keys, credential.expose().as_bytes(), now.unix_seconds()) {
            Ok(_) => Ok(credential),
            Err(refusal) if !is_current && refusal.may_be_of_another_key(credential.expose()) => {
                Err(Refusal::NotCurrent)
            }
            Err(refusal) => Err(refused_at_the_edge(&credential, &refusal)),
        }
    }

    /// Whether `credential` may do `action` on `resource` now.
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
        let answer = self.decisions.answer(&question, None).await.map_err(refused_undecided)?;
        match answer.denied() {
            None => Ok(Permit(Some(answer))),
            Some(denied) => Err(refused(denied.clone(), &answer, question)),
        }
    }
}

fn refused(denied: Denied, answer: &Answer, question: Question) -> Refusal {
    let token = answer.holder().map(|holder| (holder.principal, holder.token_id));
    match (denied.reason, token) {
        (Reason::TokenInvalid, _) => {
            tracing::info!(credential = question.token.fingerprint(), "refused: not a genuine token");
            return Refusal::TokenInvalid;
        }
        (Reason::Undecidable, _) => return Refusal::Undecidable(None),
        (reason, Some((owner, token))) => {
            let resource = &question.resource;
            tracing::info!(
                passgate.token.id = %token, passgate.principal = %owner, %reason, passgate.resource = %resource,
                "refused: {reason} for token {token}"
            );
        }
        (reason, None) => tracing::info!(%reason, passgate.resource = %question.resource, "refused: {reason}"),
    }
    Refusal::Denied { denied, asked: Some((question.resource, question.action)), token }
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
