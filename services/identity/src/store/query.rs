//! Reading principals, groups, grants and memberships, in a transaction or outside of one.

use passgate_kit::client::{GroupId, Pattern, Patterns, Principal};
use passgate_kit::store::StoreError;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _};

use super::entity::{grant, group, membership, principal};

/// A principal that is not deleted.
pub async fn principal(conn: &impl ConnectionTrait, name: Principal) -> Result<Option<principal::Model>, StoreError> {
    let row = any_principal(conn, name).await?;
    Ok(row.filter(|row| !row.deleted))
}

/// A principal, even a deleted one.
pub async fn any_principal(
    conn: &impl ConnectionTrait,
    name: Principal,
) -> Result<Option<principal::Model>, StoreError> {
    Ok(principal::Entity::find_by_id(name.to_string()).one(conn).await?)
}

/// The live principal of a kind with a unique key: a user's canonical e-mail, an API user's folded name.
pub async fn principal_by_key(
    conn: &impl ConnectionTrait,
    kind: &str,
    key: &str,
) -> Result<Option<principal::Model>, StoreError> {
    let found =
        principal::Entity::find().filter(principal::Column::Kind.eq(kind)).filter(principal::Column::UniqueKey.eq(key));
    Ok(found.one(conn).await?)
}

/// A group that is not deleted.
pub async fn group(conn: &impl ConnectionTrait, id: GroupId) -> Result<Option<group::Model>, StoreError> {
    let row = group::Entity::find_by_id(id.resource_name()).one(conn).await?;
    Ok(row.filter(|row| !row.deleted))
}

/// The names of a principal's groups, in order.
pub async fn groups_of(conn: &impl ConnectionTrait, principal: &str) -> Result<Vec<String>, StoreError> {
    let found = membership::Entity::find()
        .filter(membership::Column::Principal.eq(principal))
        .order_by_asc(membership::Column::GroupName);
    Ok(found.all(conn).await?.into_iter().map(|row| row.group_name).collect())
}

/// The grants given to just this holder, in the order of their patterns.
pub async fn grants_of(conn: &impl ConnectionTrait, holder: &str) -> Result<Vec<grant::Model>, StoreError> {
    let found = grant::Entity::find().filter(grant::Column::Holder.eq(holder)).order_by_asc(grant::Column::Pattern);
    Ok(found.all(conn).await?)
}

/// What these holders hold together.
pub async fn patterns_of(conn: &impl ConnectionTrait, holders: Vec<String>) -> Result<Patterns, StoreError> {
    let found = grant::Entity::find().filter(grant::Column::Holder.is_in(holders)).all(conn).await?;
    let parsed: Result<Vec<Pattern>, _> = found.iter().map(|row| Pattern::parse(&row.pattern)).collect();
    Ok(parsed.map_err(StoreError::unreadable)?.into_iter().collect())
}

/// All that a principal holds, directly and by its groups.
pub async fn holds(conn: &impl ConnectionTrait, principal: &str) -> Result<Patterns, StoreError> {
    let mut holders = groups_of(conn, principal).await?;
    holders.push(principal.to_owned());
    patterns_of(conn, holders).await
}
