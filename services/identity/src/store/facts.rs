//! What the feed says about a principal or a group: enough for the token service's projection and for the audit, no secret.

use serde::{Deserialize, Serialize};

use super::{group_row, principal_row};

/// What a change of the feed carries as `before` and `after`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The principal that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalFacts>,
    /// The group that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupFacts>,
    /// The provisional token whose creation this change commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_token: Option<String>,
}

impl Recorded {
    /// As the feed stores it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// A principal as decisions need it, and what an auditor wants to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalFacts {
    /// `users/{id}` or `api-users/{id}`.
    pub principal: String,
    /// For people.
    pub display_name: String,
    /// Its tokens are refused.
    pub disabled: bool,
    /// It is gone.
    pub deleted: bool,
    /// The patterns given to it directly.
    pub patterns: Vec<String>,
    /// Its groups: `groups/{id}`.
    pub groups: Vec<String>,
    /// Counts up when its sessions end.
    pub session_epoch: u64,
    /// The session that survived the last count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_session: Option<String>,
    /// For the audit alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// For the audit alone.
    pub description: String,
    /// For the audit alone: JSON.
    pub labels: String,
}

impl PrincipalFacts {
    /// The facts of a row with its grants and groups.
    pub fn of(row: &principal_row::Model, patterns: Vec<String>, groups: Vec<String>) -> Self {
        Self {
            principal: row.principal.clone(),
            display_name: row.name.clone(),
            disabled: row.disabled,
            deleted: row.deleted,
            patterns,
            groups,
            session_epoch: row.session_epoch.unsigned_abs(),
            kept_session: row.kept_session.clone(),
            email: row.email.clone(),
            description: row.description.clone(),
            labels: row.labels.clone(),
        }
    }
}

/// A group as decisions need it, and what an auditor wants to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// `groups/{id}`.
    pub group: String,
    /// For people.
    pub name: String,
    /// It is gone.
    pub deleted: bool,
    /// The patterns given to it.
    pub patterns: Vec<String>,
    /// For the audit alone.
    pub description: String,
    /// For the audit alone: JSON.
    pub labels: String,
}

impl GroupFacts {
    /// The facts of a row with its grants.
    pub fn of(row: &group_row::Model, patterns: Vec<String>) -> Self {
        Self {
            group: row.group_name.clone(),
            name: row.name.clone(),
            deleted: row.deleted,
            patterns,
            description: row.description.clone(),
            labels: row.labels.clone(),
        }
    }
}
