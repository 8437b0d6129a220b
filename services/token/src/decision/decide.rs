//! The decision: one pure function over what is known.
//!
//! What a token may do is grants ∩ scopes, at the time of use. The steps stand in one order, and the first that refuses
//! gives the reason. Signature, shape and time were the Verifier's; a revoked key is its finding too. What stands here
//! rests on rows: the token's or session's, its owner's, and those of the owner's groups.

use std::sync::Arc;

use passgate_kit::client::{
    Action, Denied, GroupId, Jti, Pattern, Patterns, Principal, Reason, Resource, Scopes, TokenId,
};
use time::OffsetDateTime;

use crate::projection::{GroupRecord, PrincipalRecord};
use crate::session::Session;
use crate::token::{Life, Token};

/// A token's or session's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Of a named token.
    Named(Box<Token>),
    /// Of a session.
    Session(Session),
}

/// An owner with its groups.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The owner itself.
    pub record: Arc<PrincipalRecord>,
    /// Its groups.
    pub groups: Vec<Arc<GroupRecord>>,
}

/// All that a decision looks at. `None` means that there is no such thing, never that nobody knows.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The row of the token.
    pub row: Option<&'a Row>,
    /// The secret that was presented; `None` if the token was named, not shown.
    pub jti: Option<Jti>,
    /// Its owner.
    pub owner: Option<&'a Owner>,
}

/// The steps, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is such a token, and it was neither taken away nor switched off.
    Token,
    /// Its time is not over.
    Expiry,
    /// Its owner is there and may act.
    Owner,
    /// Its scopes cover what is asked.
    Scope,
    /// Its owner's grants cover what is asked.
    Grant,
}

impl Step {
    /// All, in order.
    pub const ALL: [Self; 5] = [Self::Token, Self::Expiry, Self::Owner, Self::Scope, Self::Grant];

    /// As the contract names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Expiry => "expiry",
            Self::Owner => "owner",
            Self::Scope => "scope",
            Self::Grant => "grant",
        }
    }

    /// Whether this step lets the token through.
    ///
    /// # Errors
    /// Why not.
    pub fn check(
        self,
        facts: Facts<'_>,
        resource: &Resource,
        action: Action,
        now: OffsetDateTime,
    ) -> Result<(), Denied> {
        match self {
            Self::Token => check_token(facts),
            Self::Expiry => check_expiry(facts, now),
            Self::Owner => check_owner(facts),
            Self::Scope => check_scope(facts, resource, action),
            Self::Grant => check_grant(facts, resource, action),
        }
    }
}

/// May the token do `action` on `resource` at `now`?
///
/// # Errors
/// The first step's reason that refuses.
pub fn decide(facts: Facts<'_>, resource: &Resource, action: Action, now: OffsetDateTime) -> Result<(), Denied> {
    Step::ALL.into_iter().try_for_each(|step| step.check(facts, resource, action, now))
}

/// Is the token good at all at `now`, whatever it is for?
///
/// # Errors
/// The first step's reason that refuses.
pub fn alive(facts: Facts<'_>, now: OffsetDateTime) -> Result<(), Denied> {
    check_token(facts)?;
    check_expiry(facts, now)?;
    check_owner(facts)
}

fn denied(reason: Reason, detail: impl Into<String>) -> Denied {
    Denied { reason, detail: detail.into() }
}

/// Whether there is such a token, neither taken away nor switched off.
///
/// # Errors
/// Why not.
pub fn check_token(facts: Facts<'_>) -> Result<(), Denied> {
    let revoked = |detail: &str| Err(denied(Reason::TokenRevoked, detail));
    match facts.row {
        None => revoked("the token is not known any more"),
        Some(row) if facts.jti.is_some_and(|jti| !row.has_secret(jti)) => {
            revoked("this secret of the token is not good any more")
        }
        Some(Row::Session(session)) if session.end_time.is_some() => revoked("the session has ended: sign in again"),
        Some(Row::Session(_)) => Ok(()),
        Some(Row::Named(token)) => match &token.life {
            Life::Revoked { .. } => revoked("the token was revoked"),
            Life::Disabled { .. } => {
                Err(denied(Reason::TokenDisabled, "the token is switched off: it works again once it is enabled"))
            }
            Life::Active | Life::Provisional => Ok(()),
        },
    }
}

fn check_expiry(facts: Facts<'_>, now: OffsetDateTime) -> Result<(), Denied> {
    match facts.row.and_then(Row::expires_at) {
        Some(end) if now >= end => Err(expired()),
        Some(_) | None => Ok(()),
    }
}

/// The denial of a token whose time is over, also when the Verifier finds it.
#[must_use]
pub fn expired() -> Denied {
    denied(Reason::TokenExpired, "the token's time is over: make a new one")
}

/// The denial of a token whose key was revoked, which the Verifier finds.
#[must_use]
pub fn key_revoked() -> Denied {
    denied(Reason::KeyRevoked, "the key that signed the token was revoked: make a new token")
}

/// The denial of what is no token of ours. Nothing more is told.
#[must_use]
pub fn not_genuine() -> Denied {
    denied(Reason::TokenInvalid, "this is no valid token")
}

fn check_owner(facts: Facts<'_>) -> Result<(), Denied> {
    let Some(owner) = facts.owner.filter(|owner| !owner.record.deleted) else {
        return Err(denied(Reason::OwnerDeleted, "the token's owner does not exist"));
    };
    if !owner.record.enabled {
        return Err(denied(Reason::OwnerDisabled, format!("{} is disabled", owner.record.principal)));
    }
    match facts.row {
        Some(Row::Session(session)) if !owner.record.has_session(session) => {
            Err(denied(Reason::TokenRevoked, "the session has ended: sign in again"))
        }
        Some(Row::Session(_) | Row::Named(_)) | None => Ok(()),
    }
}

fn check_scope(facts: Facts<'_>, resource: &Resource, action: Action) -> Result<(), Denied> {
    let covers = facts.row.is_some_and(|row| match row {
        Row::Named(token) => token.scopes.covers(resource, action),
        Row::Session(_) => true,
    });
    if covers {
        Ok(())
    } else {
        Err(denied(Reason::NoScope, format!("the token's scopes do not cover {resource}:{action}")))
    }
}

fn check_grant(facts: Facts<'_>, resource: &Resource, action: Action) -> Result<(), Denied> {
    let granted = facts.owner.is_some_and(|owner| owner.grant_for(resource, action).is_some());
    if granted {
        return Ok(());
    }
    let who = facts.owner.map(|owner| owner.record.principal.to_string()).unwrap_or_default();
    Err(denied(Reason::NoGrant, format!("{who} holds no grant for {resource}:{action}")))
}

/// Where a grant comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Given to the principal itself.
    Own,
    /// Given to one of its groups.
    Group(GroupId),
}

impl Owner {
    /// All that it holds, by itself and by its groups.
    #[must_use]
    pub fn grants(&self) -> Patterns {
        self.groups.iter().fold(self.record.grants.clone(), |held, group| held.union(&group.grants))
    }

    /// A grant that covers `resource` with `action`, and where it comes from.
    #[must_use]
    pub fn grant_for(&self, resource: &Resource, action: Action) -> Option<(&Pattern, Source)> {
        if let Some(pattern) = first_covering(&self.record.grants, resource, action) {
            return Some((pattern, Source::Own));
        }
        self.groups.iter().find_map(|group| {
            first_covering(&group.grants, resource, action).map(|pattern| (pattern, Source::Group(group.id)))
        })
    }
}

/// The first pattern that covers it.
#[must_use]
pub fn first_covering<'a>(patterns: &'a Patterns, resource: &Resource, action: Action) -> Option<&'a Pattern> {
    patterns.iter().find(|pattern| pattern.covers(resource, action))
}

impl PrincipalRecord {
    /// Whether the session is of the present epoch, or was kept when it changed.
    #[must_use]
    pub fn has_session(&self, session: &Session) -> bool {
        session.epoch >= self.session_epoch || self.kept_session == Some(session.id)
    }
}

impl Row {
    /// The token's id.
    #[must_use]
    pub fn id(&self) -> TokenId {
        match self {
            Self::Named(token) => token.id,
            Self::Session(session) => session.id,
        }
    }

    /// Who owns it.
    #[must_use]
    pub fn owner(&self) -> Principal {
        match self {
            Self::Named(token) => token.owner,
            Self::Session(session) => Principal::User(session.owner),
        }
    }

    /// What it may do at most. A session has all that its user may.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        match self {
            Self::Named(token) => token.scopes.clone(),
            Self::Session(_) => Scopes::Unrestricted,
        }
    }

    /// When its time is over; `None` is never.
    #[must_use]
    pub fn expires_at(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Named(token) => token.expire_time,
            Self::Session(session) => Some(session.expire_time),
        }
    }

    fn has_secret(&self, jti: Jti) -> bool {
        match self {
            Self::Named(token) => token.secrets.iter().any(|secret| secret.jti == jti),
            Self::Session(session) => session.jti == jti,
        }
    }
}

#[cfg(test)]
mod tests;
