//! Facts as the contract has them.

use passgate_kit::feed::FeedRow;
use passgate_proto::identity::v1::watch_principals_response::PrincipalChange;
use passgate_proto::identity::v1::{GroupRecord, PrincipalRecord};
use passgate_proto::r#type::v1::PrincipalState;

use crate::store::{GroupFacts, PrincipalFacts, Recorded};

/// A principal. Of a deleted one only that it is.
pub fn principal_record(facts: PrincipalFacts) -> PrincipalRecord {
    if facts.deleted {
        return PrincipalRecord { principal: facts.principal, deleted: true, ..PrincipalRecord::default() };
    }
    let state = if facts.disabled { PrincipalState::Disabled } else { PrincipalState::Enabled };
    PrincipalRecord {
        principal: facts.principal,
        display_name: facts.display_name,
        state: state.into(),
        deleted: false,
        patterns: facts.patterns,
        group_ids: facts.groups.iter().map(|group| plain_id(group)).collect(),
        session_epoch: facts.session_epoch,
        kept_session: facts.kept_session.unwrap_or_default(),
    }
}

/// A group. Of a deleted one only that it is.
pub fn group_record(facts: GroupFacts) -> GroupRecord {
    let id = plain_id(&facts.group);
    if facts.deleted {
        return GroupRecord { id, deleted: true, ..GroupRecord::default() };
    }
    GroupRecord { id, name: facts.name, deleted: false, patterns: facts.patterns }
}

/// A line of the feed. `Err` if a newer version wrote it.
pub fn change(row: FeedRow) -> Result<PrincipalChange, serde_json::Error> {
    let recorded: Recorded = match row.after {
        Some(after) => serde_json::from_value(after)?,
        None => Recorded::default(),
    };
    Ok(PrincipalChange {
        position: Some(row.position.into()),
        principals: recorded.principal.map(principal_record).into_iter().collect(),
        groups: recorded.group.map(group_record).into_iter().collect(),
        committed_token_ids: recorded.committed_token.into_iter().collect(),
        actor: if row.actor.principal == "passgate" { "system".to_owned() } else { row.actor.principal },
    })
}

fn plain_id(name: &str) -> String {
    name.strip_prefix("groups/").unwrap_or(name).to_owned()
}
