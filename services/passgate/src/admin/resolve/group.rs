//! Groups by id or name.

use passgate_proto::identity::v1::ListGroupsRequest;

use super::{is_id, only_one};
use crate::admin::connection::Connection;
use crate::admin::failure::Failure;

const GROUPS: &str = "groups/";

/// A group's id.
///
/// # Errors
/// If there is none or the list cannot be read.
pub async fn group(api: &Connection, text: &str) -> Result<String, Failure> {
    let text = text.strip_prefix(GROUPS).unwrap_or(text);
    if is_id(text) {
        return Ok(text.to_owned());
    }
    let request = ListGroupsRequest { name: text.to_owned(), ..ListGroupsRequest::default() };
    let found = api.call(api.groups().list_groups(request)).await?.groups;
    let found = found.into_iter().map(|group| (group.id, group.name)).collect();
    only_one("group", text, found, "`passgate group list` lists them")
}

/// A group as a field has it that may hold more than one kind: `groups/{id}`.
///
/// # Errors
/// As [`group`].
pub async fn group_name(api: &Connection, text: &str) -> Result<String, Failure> {
    group(api, text).await.map(|id| format!("{GROUPS}{id}"))
}

/// Several of them.
///
/// # Errors
/// As [`group`].
pub async fn groups(api: &Connection, texts: &[String]) -> Result<Vec<String>, Failure> {
    let mut names = Vec::with_capacity(texts.len());
    for text in texts {
        names.push(group_name(api, text).await?);
    }
    Ok(names)
}
