//! Questions, decisions and positions as the contract `passgate.token.v1` has them, both ways.
//!
//! Reading is strict: an answer that cannot be read in full is no answer.

use std::time::Duration;

use passgate_proto::token::v1 as proto;
use passgate_proto::r#type::v1 as shared;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::action::Action;
use crate::claims::TokenKind;
use crate::decision::{Decision, Denied, Holder, Question, RestsOn};
use crate::id::{GroupId, Jti, Principal, TokenId};
use crate::keyset::Kid;
use crate::patterns::Patterns;
use crate::position::{ChangeNumber, FeedId, Position, Vector};
use crate::reason::Reason;
use crate::resource::Resource;
use crate::scopes::Scopes;

/// A message of another service that cannot be read: which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field {0} is missing or cannot be read")]
pub struct Unreadable(pub &'static str);

impl From<Action> for shared::Action {
    fn from(action: Action) -> Self {
        match action {
            Action::Read => Self::Read,
            Action::Write => Self::Write,
        }
    }
}

/// The action that a message names; `None` if it names none.
#[must_use]
pub fn action(number: i32) -> Option<Action> {
    match shared::Action::try_from(number) {
        Ok(shared::Action::Read) => Some(Action::Read),
        Ok(shared::Action::Write) => Some(Action::Write),
        Ok(shared::Action::Unspecified) | Err(_) => None,
    }
}

impl From<Position> for shared::Position {
    fn from(position: Position) -> Self {
        Self { feed_id: position.feed.to_string(), number: position.number.0, hash: position.hash.to_vec() }
    }
}

impl TryFrom<&shared::Position> for Position {
    type Error = Unreadable;

    fn try_from(message: &shared::Position) -> Result<Self, Unreadable> {
        let feed = Uuid::try_parse(&message.feed_id).map_err(|_| Unreadable("feed_id"))?;
        let hash = <[u8; 32]>::try_from(&message.hash[..]).map_err(|_| Unreadable("hash"))?;
        Ok(Self { feed: FeedId(feed), number: ChangeNumber(message.number), hash })
    }
}

impl From<Vector> for shared::Positions {
    fn from(vector: Vector) -> Self {
        Self {
            identity: vector.identity.map(Into::into),
            token: vector.token.map(Into::into),
            gateway: vector.gateway.map(Into::into),
        }
    }
}

impl TryFrom<&shared::Positions> for Vector {
    type Error = Unreadable;

    fn try_from(message: &shared::Positions) -> Result<Self, Unreadable> {
        let read = |position: &Option<shared::Position>| position.as_ref().map(Position::try_from).transpose();
        Ok(Self { identity: read(&message.identity)?, token: read(&message.token)?, gateway: read(&message.gateway)? })
    }
}

impl From<&Scopes> for Option<shared::PatternList> {
    fn from(scopes: &Scopes) -> Self {
        scopes.patterns().map(|patterns| shared::PatternList { patterns: patterns.to_strings() })
    }
}

impl From<&Question> for proto::AuthorizeRequest {
    fn from(question: &Question) -> Self {
        Self {
            token: question.token.expose().to_owned(),
            resource: question.resource.to_string(),
            action: shared::Action::from(question.action).into(),
            at_least: question.at_least.clone().unwrap_or_default(),
            applied: None,
        }
    }
}

impl From<&RestsOn> for proto::RestsOn {
    fn from(rests_on: &RestsOn) -> Self {
        Self {
            token_id: rests_on.token_id.to_string(),
            jti: rests_on.jti.to_string(),
            kid: rests_on.kid.to_string(),
            principal: rests_on.principal.to_string(),
            group_ids: rests_on.groups.iter().map(GroupId::to_string).collect(),
            resource: rests_on.resource.to_string(),
            action: shared::Action::from(rests_on.action).into(),
        }
    }
}

impl TryFrom<&proto::RestsOn> for RestsOn {
    type Error = Unreadable;

    fn try_from(message: &proto::RestsOn) -> Result<Self, Unreadable> {
        let groups = message.group_ids.iter().map(|id| GroupId::parse(id).map_err(|_| Unreadable("group_ids")));
        Ok(Self {
            token_id: TokenId::parse(&message.token_id).map_err(|_| Unreadable("token_id"))?,
            jti: Jti::parse(&message.jti).map_err(|_| Unreadable("jti"))?,
            kid: Kid::parse(&message.kid).ok_or(Unreadable("kid"))?,
            principal: Principal::parse(&message.principal).map_err(|_| Unreadable("principal"))?,
            groups: groups.collect::<Result<_, _>>()?,
            resource: Resource::parse(&message.resource).map_err(|_| Unreadable("resource"))?,
            action: action(message.action).ok_or(Unreadable("action"))?,
        })
    }
}

impl From<&Holder> for proto::Holder {
    fn from(holder: &Holder) -> Self {
        Self {
            principal: holder.principal.to_string(),
            token_id: holder.token_id.to_string(),
            jti: holder.jti.to_string(),
            session: holder.kind == TokenKind::Session,
            scopes: (&holder.scopes).into(),
            expire_time: holder.expires_at.map(timestamp),
            auth_time: holder.auth_time.map(timestamp),
        }
    }
}

impl TryFrom<&proto::Holder> for Holder {
    type Error = Unreadable;

    fn try_from(message: &proto::Holder) -> Result<Self, Unreadable> {
        let scopes = message.scopes.as_ref().map(|list| Patterns::parse_list(&list.patterns)).transpose();
        Ok(Self {
            principal: Principal::parse(&message.principal).map_err(|_| Unreadable("principal"))?,
            token_id: TokenId::parse(&message.token_id).map_err(|_| Unreadable("token_id"))?,
            jti: Jti::parse(&message.jti).map_err(|_| Unreadable("jti"))?,
            kind: if message.session { TokenKind::Session } else { TokenKind::Named },
            scopes: scopes.map_err(|_| Unreadable("scopes"))?.into(),
            auth_time: instant(message.auth_time.as_ref(), "auth_time")?,
            expires_at: instant(message.expire_time.as_ref(), "expire_time")?,
        })
    }
}

impl From<&Decision> for proto::Decision {
    fn from(decision: &Decision) -> Self {
        let denied = decision.verdict.as_ref().err();
        Self {
            allowed: denied.is_none(),
            reason: denied.map(|denied| denied.reason.to_string()).unwrap_or_default(),
            message: denied.map(|denied| denied.detail.clone()).unwrap_or_default(),
            as_of: Some(decision.as_of.into()),
            rests_on: decision.rests_on.as_ref().map(Into::into),
            holder: decision.holder.as_ref().map(Into::into),
        }
    }
}

impl From<&Decision> for proto::AuthorizeResponse {
    fn from(decision: &Decision) -> Self {
        Self { decision: Some(decision.into()), evidence_age: Some(age(decision.evidence_age)) }
    }
}

impl TryFrom<&proto::AuthorizeResponse> for Decision {
    type Error = Unreadable;

    fn try_from(message: &proto::AuthorizeResponse) -> Result<Self, Unreadable> {
        let decision = message.decision.as_ref().ok_or(Unreadable("decision"))?;
        let read = Self {
            verdict: verdict(decision)?,
            as_of: decision.as_of.as_ref().ok_or(Unreadable("as_of"))?.try_into()?,
            rests_on: decision.rests_on.as_ref().map(RestsOn::try_from).transpose()?,
            holder: decision.holder.as_ref().map(Holder::try_from).transpose()?,
            evidence_age: read_age(message.evidence_age)?,
        };
        match (read.is_allowed(), &read.rests_on, &read.holder) {
            (true, None, _) => Err(Unreadable("rests_on")),
            (true, _, None) => Err(Unreadable("holder")),
            (true, Some(_), Some(_)) | (false, ..) => Ok(read),
        }
    }
}

fn verdict(decision: &proto::Decision) -> Result<Result<(), Denied>, Unreadable> {
    if decision.allowed {
        return if decision.reason.is_empty() { Ok(Ok(())) } else { Err(Unreadable("reason")) };
    }
    let reason = Reason::parse(&decision.reason).ok_or(Unreadable("reason"))?;
    Ok(Err(Denied { reason, detail: decision.message.clone() }))
}

/// The age of evidence as messages have it. One that does not fit is as good as none, and no bound lets it pass.
#[must_use]
pub fn age(age: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(age).unwrap_or(prost_types::Duration { seconds: i64::MAX, nanos: 0 })
}

/// The age of evidence that a message tells.
///
/// # Errors
/// If it tells none, or one below nothing.
pub fn read_age(message: Option<prost_types::Duration>) -> Result<Duration, Unreadable> {
    let age = message.ok_or(Unreadable("evidence_age"))?;
    Duration::try_from(age).map_err(|_| Unreadable("evidence_age"))
}

/// The time as messages have it.
#[must_use]
pub fn timestamp(time: OffsetDateTime) -> prost_types::Timestamp {
    // Below 10^9, so it fits.
    let nanos = i32::try_from(time.nanosecond()).unwrap_or(0);
    prost_types::Timestamp { seconds: time.unix_timestamp(), nanos }
}

fn instant(
    message: Option<&prost_types::Timestamp>,
    field: &'static str,
) -> Result<Option<OffsetDateTime>, Unreadable> {
    let Some(time) = message else { return Ok(None) };
    let nanos = u32::try_from(time.nanos).ok().filter(|nanos| *nanos < 1_000_000_000).ok_or(Unreadable(field))?;
    let seconds = OffsetDateTime::from_unix_timestamp(time.seconds).map_err(|_| Unreadable(field))?;
    seconds.replace_nanosecond(nanos).map(Some).map_err(|_| Unreadable(field))
}

#[cfg(test)]
pub(crate) mod tests {
    use time::macros::datetime;

    use super::*;

    pub(crate) fn allow() -> Decision {
        let (token_id, jti) = (TokenId::new(Uuid::from_u128(1)), Jti::new(Uuid::from_u128(2)));
        let principal = Principal::parse("users/00000000-0000-0000-0000-000000000003").expect("a user");
        let position = Position { feed: FeedId(Uuid::from_u128(9)), number: ChangeNumber(7), hash: [5; 32] };
        Decision {
            verdict: Ok(()),
            as_of: Vector { identity: Some(position), token: Some(position), gateway: None },
            rests_on: Some(RestsOn {
                token_id,
                jti,
                kid: Kid::of(&[3; 32]),
                principal,
                groups: vec![GroupId::new(Uuid::from_u128(4))],
                resource: Resource::parse("endpoints/sales").expect("a resource"),
                action: Action::Read,
            }),
            holder: Some(Holder {
                principal,
                token_id,
                jti,
                kind: TokenKind::Session,
                scopes: Scopes::Only(Patterns::parse_list(["endpoints/*:read"]).expect("patterns")),
                auth_time: Some(datetime!(2026-01-01 0:00 UTC)),
                expires_at: Some(datetime!(2026-01-01 8:00:00.000_000_001 UTC)),
            }),
            evidence_age: Duration::from_nanos(1_500_000_001),
        }
    }

    pub(crate) fn denial() -> Decision {
        let denied = Denied { reason: Reason::TokenInvalid, detail: "the token is not valid".to_owned() };
        Decision { verdict: Err(denied), rests_on: None, holder: None, ..allow() }
    }

    #[test]
    fn decisions_round_trip() {
        let unrestricted = {
            let mut decision = allow();
            decision.holder.as_mut().expect("a holder").scopes = Scopes::Unrestricted;
            decision
        };
        for decision in [allow(), denial(), unrestricted] {
            assert_eq!(Decision::try_from(&proto::AuthorizeResponse::from(&decision)), Ok(decision));
        }
    }

    #[test]
    fn an_answer_that_lacks_something_is_no_answer() {
        type Break = fn(&mut proto::AuthorizeResponse, &mut proto::Decision);
        let breaks: [(&str, Break); 8] = [
            ("evidence_age", |answer, _| answer.evidence_age = None),
            ("evidence_age", |answer, _| answer.evidence_age = Some(prost_types::Duration { seconds: -1, nanos: 0 })),
            ("as_of", |_, decision| decision.as_of = None),
            ("rests_on", |_, decision| decision.rests_on = None),
            ("holder", |_, decision| decision.holder = None),
            ("reason", |_, decision| decision.reason = "NO_GRANT".to_owned()),
            ("reason", |_, decision| decision.allowed = false),
            ("expire_time", |_, decision| {
                let late = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
                decision.holder.as_mut().expect("a holder").expire_time = Some(late);
            }),
        ];
        for (field, spoil) in breaks {
            let mut answer = proto::AuthorizeResponse::from(&allow());
            let mut decision = answer.decision.take().expect("a decision");
            spoil(&mut answer, &mut decision);
            answer.decision = Some(decision);
            assert_eq!(Decision::try_from(&answer), Err(Unreadable(field)));
        }
        assert_eq!(Decision::try_from(&proto::AuthorizeResponse::default()), Err(Unreadable("decision")));
    }

    #[test]
    fn only_an_allow_gives_a_permission() {
        let allowed = allow().permit().expect("allowed");
        assert_eq!(Some(allowed.holder()), allow().holder.as_ref());

        assert_eq!(denial().permit().expect_err("denied").reason, Reason::TokenInvalid);
        let nobody = Decision { holder: None, ..allow() };
        assert_eq!(nobody.permit().expect_err("for nobody").reason, Reason::Undecidable);
    }
}
