//! What the identity service tells of principals and groups, parsed.
//!
//! A record that does not parse is not skipped: a hole in the copy could be a missing "no". The stream ends and begins anew.

use passgate_kit::client::{GroupId, Patterns, Principal, TokenId};
use passgate_proto::identity::v1 as pb;
use passgate_proto::r#type::v1::PrincipalState;

/// A principal as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalRecord {
    /// Who.
    pub principal: Principal,
    /// For people.
    pub display_name: String,
    /// Whether it may act.
    pub enabled: bool,
    /// Whether it is no more. The rest is then empty.
    pub deleted: bool,
    /// What it holds itself.
    pub grants: Patterns,
    /// Its groups.
    pub groups: Vec<GroupId>,
    /// Sessions of an older epoch are over.
    pub session_epoch: u64,
    /// The one session that survived the last change of the epoch.
    pub kept_session: Option<TokenId>,
}

/// A group as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// Which.
    pub id: GroupId,
    /// For people.
    pub name: String,
    /// Whether it is no more.
    pub deleted: bool,
    /// What its members hold through it.
    pub grants: Patterns,
}

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the identity service sent a record of {subject} whose {field} cannot be read")]
pub struct RecordError {
    subject: String,
    field: &'static str,
}

impl TryFrom<&pb::PrincipalRecord> for PrincipalRecord {
    type Error = RecordError;

    fn try_from(record: &pb::PrincipalRecord) -> Result<Self, RecordError> {
        let wrong = |field| RecordError { subject: record.principal.clone(), field };
        let enabled = match record.state() {
            PrincipalState::Enabled => true,
            PrincipalState::Disabled => false,
            PrincipalState::Unspecified if record.deleted => false,
            PrincipalState::Unspecified => return Err(wrong("state")),
        };
        let groups = record.group_ids.iter().map(|id| GroupId::parse(id)).collect::<Result<_, _>>();
        let kept = Some(&record.kept_session).filter(|id| !id.is_empty()).map(|id| TokenId::parse(id)).transpose();
        Ok(Self {
            principal: Principal::parse(&record.principal).map_err(|_| wrong("principal"))?,
            display_name: record.display_name.clone(),
            enabled,
            deleted: record.deleted,
            grants: Patterns::parse_list(&record.patterns).map_err(|_| wrong("patterns"))?,
            groups: groups.map_err(|_| wrong("group_ids"))?,
            session_epoch: record.session_epoch,
            kept_session: kept.map_err(|_| wrong("kept_session"))?,
        })
    }
}

impl TryFrom<&pb::GroupRecord> for GroupRecord {
    type Error = RecordError;

    fn try_from(record: &pb::GroupRecord) -> Result<Self, RecordError> {
        let wrong = |field| RecordError { subject: format!("groups/{}", record.id), field };
        Ok(Self {
            id: GroupId::parse(&record.id).map_err(|_| wrong("id"))?,
            name: record.name.clone(),
            deleted: record.deleted,
            grants: Patterns::parse_list(&record.patterns).map_err(|_| wrong("patterns"))?,
        })
    }
}
