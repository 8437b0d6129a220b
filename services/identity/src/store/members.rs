//! Memberships.

use passgate_kit::client::GroupId;
use passgate_kit::store::StoreError;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::entity::membership;

/// Whether a principal is in a group.
pub async fn is_member(conn: &impl ConnectionTrait, group: GroupId, principal: &str) -> Result<bool, StoreError> {
    let key = (group.resource_name(), principal.to_owned());
    Ok(membership::Entity::find_by_id(key).one(conn).await?.is_some())
}

/// Puts a principal, which is not a member yet, into a group.
pub async fn add(conn: &impl ConnectionTrait, group: GroupId, principal: &str, now: i64) -> Result<(), StoreError> {
    let row = membership::Model { group_name: group.resource_name(), principal: principal.to_owned(), create_us: now };
    membership::Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Takes a principal out of a group.
pub async fn remove(conn: &impl ConnectionTrait, group: GroupId, principal: &str) -> Result<(), StoreError> {
    membership::Entity::delete_by_id((group.resource_name(), principal.to_owned())).exec(conn).await?;
    Ok(())
}

/// Empties a group.
pub async fn remove_all_of_group(conn: &impl ConnectionTrait, group: GroupId) -> Result<(), StoreError> {
    let all = membership::Entity::delete_many().filter(membership::Column::GroupName.eq(group.resource_name()));
    all.exec(conn).await?;
    Ok(())
}

/// Takes a principal out of all its groups.
pub async fn remove_all_of_principal(conn: &impl ConnectionTrait, principal: &str) -> Result<(), StoreError> {
    membership::Entity::delete_many().filter(membership::Column::Principal.eq(principal)).exec(conn).await?;
    Ok(())
}

/// Members of a group after `after`, in the order of their names.
pub async fn page(
    conn: &impl ConnectionTrait,
    group: GroupId,
    after: Option<String>,
    limit: u64,
) -> Result<Vec<String>, StoreError> {
    let mut found = membership::Entity::find().filter(membership::Column::GroupName.eq(group.resource_name()));
    if let Some(after) = after {
        found = found.filter(membership::Column::Principal.gt(after));
    }
    let rows = found.order_by_asc(membership::Column::Principal).limit(limit).all(conn).await?;
    Ok(rows.into_iter().map(|row| row.principal).collect())
}
