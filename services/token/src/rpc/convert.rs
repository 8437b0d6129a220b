//! Tokens, keys, decisions and their steps as the contract has them.

use std::time::Duration;

use passgate_kit::client::convert::{age, timestamp};
use passgate_kit::client::{KeyState, Scopes, TokenId};
use passgate_kit::etag::Etag;
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::explain_decision_response::Step;
use passgate_proto::token::v1::list_callers_response as callers;
use passgate_proto::token::v1::token::{Secret, State as PbState};
use passgate_proto::r#type::v1::confirmation::{Acknowledgement, Missing as PbMissing};
use passgate_proto::r#type::v1::{Confirmation, PatternList, PrincipalState};
use time::OffsetDateTime;

use crate::change::{Confirmed, Missing};
use crate::decision::{CallerFound, Lacking, StepFound};
use crate::key::ListedKey;
use crate::session::Session;
use crate::token::{Life, State, Token};

/// The name that a session has where a token is expected.
const SESSION: &str = "session";

/// A token as it is at `now`.
pub fn token(token: &Token, now: OffsetDateTime) -> pb::Token {
    let (disable_time, revoked) = match &token.life {
        Life::Provisional | Life::Active => (None, None),
        Life::Disabled { at } => (Some(timestamp(*at)), None),
        Life::Revoked { at, by, reason } => (None, Some((timestamp(*at), by.clone(), reason.to_string()))),
    };
    let (revoke_time, revoked_by, revoke_reason) =
        revoked.map_or_else(Default::default, |(at, by, reason)| (Some(at), by, reason));
    pb::Token {
        id: token.id.to_string(),
        name: token.name.to_string(),
        owner: token.owner.to_string(),
        description: token.description.to_string(),
        labels: token.labels.as_map().clone(),
        scopes: scopes(&token.scopes),
        state: state(token.state(now)).into(),
        create_time: Some(timestamp(token.create_time)),
        expire_time: token.expire_time.map(timestamp),
        created_by: token.created_by.to_string(),
        created_with: token.created_with.map(TokenId::resource_name).unwrap_or_default(),
        update_time: Some(timestamp(token.update_time)),
        revoke_time,
        revoked_by,
        revoke_reason,
        disable_time,
        secrets: token.secrets.iter().map(secret).collect(),
        etag: Etag::of(token.revision).to_string(),
    }
}

fn secret(secret: &crate::token::Secret) -> Secret {
    Secret {
        jti: secret.jti.to_string(),
        kid: secret.kid.to_string(),
        create_time: Some(timestamp(secret.create_time)),
    }
}

fn scopes(scopes: &Scopes) -> Option<PatternList> {
    scopes.patterns().map(|patterns| PatternList { patterns: patterns.to_strings() })
}

const fn state(state: State) -> PbState {
    match state {
        State::Active => PbState::Active,
        State::Disabled => PbState::Disabled,
        State::Expired => PbState::Expired,
        State::Revoked => PbState::Revoked,
        State::OwnerDeleted => PbState::OwnerDeleted,
    }
}

/// The state that a list is limited to. The outer `None` is one that is not known.
pub fn read_state(number: i32) -> Option<Option<State>> {
    Some(match PbState::try_from(number).ok()? {
        PbState::Unspecified => None,
        PbState::Active => Some(State::Active),
        PbState::Disabled => Some(State::Disabled),
        PbState::Expired => Some(State::Expired),
        PbState::Revoked => Some(State::Revoked),
        PbState::OwnerDeleted => Some(State::OwnerDeleted),
    })
}

/// A session that shows itself as a token.
pub fn session(session: &Session) -> pb::Token {
    let secret = Secret {
        jti: session.jti.to_string(),
        kid: session.kid.to_string(),
        create_time: Some(timestamp(session.create_time)),
    };
    pb::Token {
        id: session.id.to_string(),
        name: SESSION.to_owned(),
        owner: session.owner.resource_name(),
        state: PbState::Active.into(),
        create_time: Some(timestamp(session.create_time)),
        update_time: Some(timestamp(session.create_time)),
        expire_time: Some(timestamp(session.expire_time)),
        created_by: session.owner.resource_name(),
        secrets: vec![secret],
        ..pb::Token::default()
    }
}

/// A key's public side.
pub fn key(key: &ListedKey) -> pb::Key {
    let state = match key.public.state() {
        KeyState::Published => pb::key::State::Published,
        KeyState::Signing => pb::key::State::Signing,
        KeyState::Retired => pb::key::State::Retired,
        KeyState::Revoked => pb::key::State::Revoked,
    };
    pb::Key {
        kid: key.public.kid().to_string(),
        algorithm: "EdDSA".to_owned(),
        public_key: key.public.bytes().to_vec(),
        state: state.into(),
        create_time: Some(timestamp(key.create_time)),
    }
}

/// How far a change was known.
pub fn confirmation(confirmed: &Confirmed) -> Confirmation {
    let length = |length: Duration| prost_types::Duration::try_from(length).ok();
    let acknowledged =
        |(decider, after): &(String, Duration)| Acknowledgement { decider: decider.clone(), after: length(*after) };
    let missing = |missing: &Missing| PbMissing {
        decider: missing.decider.clone(),
        last_heard_time: Some(timestamp(missing.heard)),
        lease_end_time: Some(timestamp(missing.lease_end)),
    };
    Confirmation {
        complete: confirmed.complete,
        acknowledged: confirmed.acknowledged.iter().map(acknowledged).collect(),
        missing: confirmed.missing.iter().map(missing).collect(),
        took: length(confirmed.took),
        cut_off_by: Some(timestamp(confirmed.cut_off_by)),
    }
}

/// A step of a decision.
pub fn step(step: StepFound) -> Step {
    let StepFound { name, passed, found, pattern, holder } = step;
    Step { name: name.to_owned(), passed, found, pattern, holder }
}

/// What a token does not cover.
pub fn lacking(lacking: &Lacking) -> pb::FindLackingResponse {
    pb::FindLackingResponse {
        lacking: lacking.patterns.to_strings(),
        reason: lacking.reason.map(|reason| reason.to_string()).unwrap_or_default(),
        as_of: Some(lacking.as_of.into()),
        evidence_age: Some(age(lacking.evidence_age)),
    }
}

/// Who can call.
pub fn caller(found: CallerFound) -> callers::Caller {
    let state = if found.enabled { PrincipalState::Enabled } else { PrincipalState::Disabled };
    callers::Caller {
        principal: found.principal.to_string(),
        display_name: found.display_name,
        state: state.into(),
        grants: found
            .grants
            .into_iter()
            .map(|source| callers::Source { pattern: source.pattern, holder: source.holder })
            .collect(),
        tokens: found
            .tokens
            .into_iter()
            .map(|token| callers::CallerToken { id: token.id.to_string(), name: token.name, scope: token.scope })
            .collect(),
    }
}
