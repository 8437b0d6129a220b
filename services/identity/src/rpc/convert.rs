//! Rows as the contracts have them.

use std::collections::BTreeMap;

use passgate_kit::client::convert::timestamp;
use passgate_kit::etag::Etag;
use passgate_proto::identity::v1::{ApiUser, Grant, Group, User};
use passgate_proto::r#type::v1::PrincipalState;
use time::OffsetDateTime;

use crate::principal::View;
use crate::store::{grant_row, group_row, principal_row};

/// A user.
pub fn user(view: View) -> User {
    let View { row, groups } = view;
    User {
        id: plain_id(&row.principal),
        email: row.email.clone().unwrap_or_default(),
        display_name: row.name.clone(),
        state: state(&row).into(),
        description: row.description.clone(),
        labels: labels(&row.labels),
        groups,
        password_must_change: row.password_one_time,
        create_time: Some(time(row.create_us)),
        update_time: Some(time(row.update_us)),
        etag: etag(row.revision),
    }
}

/// An API user.
pub fn api_user(view: View) -> ApiUser {
    let View { row, groups } = view;
    ApiUser {
        id: plain_id(&row.principal),
        name: row.name.clone(),
        state: state(&row).into(),
        description: row.description.clone(),
        labels: labels(&row.labels),
        groups,
        create_time: Some(time(row.create_us)),
        update_time: Some(time(row.update_us)),
        etag: etag(row.revision),
    }
}

/// A group.
pub fn group(row: group_row::Model) -> Group {
    Group {
        id: plain_id(&row.group_name),
        name: row.name,
        description: row.description,
        labels: labels(&row.labels),
        built_in: row.built_in,
        create_time: Some(time(row.create_us)),
        update_time: Some(time(row.update_us)),
        etag: etag(row.revision),
    }
}

/// A grant.
pub fn grant(row: grant_row::Model) -> Grant {
    Grant {
        holder: row.holder,
        pattern: row.pattern,
        create_time: Some(time(row.create_us)),
        created_by: row.created_by,
    }
}

fn plain_id(name: &str) -> String {
    name.split_once('/').map_or(name, |(_, id)| id).to_owned()
}

fn state(row: &principal_row::Model) -> PrincipalState {
    if row.disabled { PrincipalState::Disabled } else { PrincipalState::Enabled }
}

fn labels<M: FromIterator<(String, String)>>(json: &str) -> M {
    let labels: BTreeMap<String, String> = serde_json::from_str(json).unwrap_or_default();
    labels.into_iter().collect()
}

fn time(micros: i64) -> prost_types::Timestamp {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000);
    timestamp(time.unwrap_or(OffsetDateTime::UNIX_EPOCH))
}

fn etag(revision: i64) -> String {
    Etag::of(revision.unsigned_abs()).to_string()
}
