//! Groups and their members.

use passgate_kit::client::{Description, GroupId, Labels, Name, Principal};
use passgate_kit::etag::Etag;
use passgate_kit::idempotency::{Claim, Claimed};
use uuid::Uuid;

use super::About;
use super::bundle::MAX_GROUPS;
use crate::acting::Acting;
use crate::error::IdentityError;
use crate::store::{grants, group_row, groups, members, query};

/// `groups/administrators`: holds `*`.
pub const ADMINISTRATORS: GroupId = GroupId::new(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));
/// `groups/auditors`: holds `apis/passgate.*:read`.
pub const AUDITORS: GroupId = GroupId::new(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0002));

/// The row of a new group.
pub fn new_row(id: GroupId, name: &Name, about: &About, built_in: bool, now: i64) -> group_row::Model {
    group_row::Model {
        group_name: id.resource_name(),
        name: name.as_str().to_owned(),
        unique_key: Some(name.folded().to_owned()),
        built_in,
        deleted: false,
        description: about.description.as_str().to_owned(),
        labels: About::labels_json(&about.labels),
        create_us: now,
        update_us: now,
        revision: 1,
    }
}

/// Makes an empty group, or finds the one that the same request made before.
pub async fn create(
    acting: &mut Acting<'_>,
    id: GroupId,
    name: Name,
    about: About,
    claim: Option<Claim>,
) -> Result<group_row::Model, IdentityError> {
    if let Some(claim) = claim
        && let Claimed::Before(earlier) = claim.take(acting.principals.tx()).await?
    {
        let there =
            GroupId::parse_resource_name(&earlier.resource).map_err(|_| IdentityError::NotFound(earlier.resource))?;
        return acting.principals.group(there).await;
    }
    refuse_taken(acting, &name).await?;
    let row = new_row(id, &name, &about, false, acting.principals.now());
    groups::insert(acting.principals.conn(), &row).await?;
    let facts = acting.principals.group_facts(&row).await?;
    acting.principals.record_group("group.created", None, facts);
    Ok(row)
}

/// What is to be changed about a group: what is `None` stays.
#[derive(Debug, Default)]
pub struct GroupEdit {
    /// For people, unique.
    pub name: Option<Name>,
    /// For people to read.
    pub description: Option<Description>,
    /// To filter by.
    pub labels: Option<Labels>,
}

/// Changes a group.
pub async fn update(
    acting: &mut Acting<'_>,
    id: GroupId,
    wanted: GroupEdit,
    etag: &str,
) -> Result<group_row::Model, IdentityError> {
    let row = changeable(acting, id, etag).await?;
    if let Some(name) = wanted.name.as_ref().filter(|name| row.unique_key.as_deref() != Some(name.folded())) {
        refuse_taken(acting, name).await?;
    }
    let before = acting.principals.group_facts(&row).await?;
    let mut after = row.clone();
    if let Some(name) = &wanted.name {
        after.name = name.as_str().to_owned();
        after.unique_key = Some(name.folded().to_owned());
    }
    if let Some(description) = &wanted.description {
        after.description = description.as_str().to_owned();
    }
    if let Some(labels) = &wanted.labels {
        after.labels = About::labels_json(labels);
    }
    if after != row {
        after.revision += 1;
        after.update_us = acting.principals.now();
        groups::save(acting.principals.conn(), &after).await?;
        let facts = acting.principals.group_facts(&after).await?;
        acting.principals.record_group("group.updated", Some(before), facts);
    }
    Ok(after)
}

/// Deletes a group: its members lose what it gave.
///
/// One change names the group alone, however many members it had: ids are never used again, so a membership in what is
/// gone gives nothing.
pub async fn delete(acting: &mut Acting<'_>, id: GroupId, etag: &str) -> Result<(), IdentityError> {
    let row = changeable(acting, id, etag).await?;
    let before = acting.principals.group_facts(&row).await?;
    members::remove_all_of_group(acting.principals.conn(), id).await?;
    grants::take_all(acting.principals.conn(), &row.group_name).await?;
    let mut after = row;
    after.deleted = true;
    after.unique_key = None;
    after.revision += 1;
    after.update_us = acting.principals.now();
    groups::save(acting.principals.conn(), &after).await?;
    let facts = acting.principals.group_facts(&after).await?;
    acting.principals.record_group("group.deleted", Some(before), facts);
    acting.principals.keep_an_administrator().await
}

/// Puts a principal into a group.
pub async fn add_member(acting: &mut Acting<'_>, id: GroupId, member: Principal) -> Result<(), IdentityError> {
    let row = acting.principals.principal(member).await?;
    cover_both(acting, id, &row.principal).await?;
    if members::is_member(acting.principals.conn(), id, &row.principal).await? {
        return Ok(());
    }
    if query::groups_of(acting.principals.conn(), &row.principal).await?.len() >= MAX_GROUPS {
        return Err(IdentityError::LimitReached { what: "groups for one principal", limit: MAX_GROUPS });
    }
    let before = acting.principals.facts(&row).await?;
    members::add(acting.principals.conn(), id, &row.principal, acting.principals.now()).await?;
    let after = acting.principals.facts(&row).await?;
    acting.principals.record("group.member_added", Some(before), after, None);
    Ok(())
}

/// Takes a principal out of a group.
pub async fn remove_member(acting: &mut Acting<'_>, id: GroupId, member: Principal) -> Result<(), IdentityError> {
    let row = acting.principals.principal(member).await?;
    cover_both(acting, id, &row.principal).await?;
    if !members::is_member(acting.principals.conn(), id, &row.principal).await? {
        return Ok(());
    }
    let before = acting.principals.facts(&row).await?;
    members::remove(acting.principals.conn(), id, &row.principal).await?;
    let after = acting.principals.facts(&row).await?;
    acting.principals.record("group.member_removed", Some(before), after, None);
    acting.principals.keep_an_administrator().await
}

async fn cover_both(acting: &Acting<'_>, id: GroupId, member: &str) -> Result<(), IdentityError> {
    let group = acting.principals.group(id).await?;
    let given = query::patterns_of(acting.principals.conn(), vec![group.group_name]).await?;
    acting.must_hold(&acting.principals.holds(member).await?.union(&given))
}

async fn changeable(acting: &Acting<'_>, id: GroupId, etag: &str) -> Result<group_row::Model, IdentityError> {
    let row = acting.principals.group(id).await?;
    if row.built_in {
        return Err(IdentityError::BuiltIn);
    }
    acting.must_hold(&query::patterns_of(acting.principals.conn(), vec![row.group_name.clone()]).await?)?;
    Etag::of(row.revision.unsigned_abs()).check_if_given(etag)?;
    Ok(row)
}

async fn refuse_taken(acting: &Acting<'_>, name: &Name) -> Result<(), IdentityError> {
    match groups::by_key(acting.principals.conn(), name.folded()).await? {
        Some(_) => Err(IdentityError::NameTaken(name.to_string())),
        None => Ok(()),
    }
}
