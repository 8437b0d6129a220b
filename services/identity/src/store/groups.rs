//! Rows of groups.

use passgate_kit::filter::Listing;
use passgate_kit::store::StoreError;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _,
};

use super::entity::group;

/// Adds a row.
pub async fn insert(conn: &impl ConnectionTrait, row: &group::Model) -> Result<(), StoreError> {
    group::Entity::insert(row.clone().into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Writes a row as it is now.
pub async fn save(conn: &impl ConnectionTrait, row: &group::Model) -> Result<(), StoreError> {
    row.clone().into_active_model().reset_all().update(conn).await?;
    Ok(())
}

/// The live group with a folded name.
pub async fn by_key(conn: &impl ConnectionTrait, key: &str) -> Result<Option<group::Model>, StoreError> {
    Ok(group::Entity::find().filter(group::Column::UniqueKey.eq(key)).one(conn).await?)
}

/// Live groups after `after`, in the order that is asked for; only the one with a folded name if it is given.
pub async fn page(
    conn: &impl ConnectionTrait,
    key: Option<String>,
    listing: &Listing,
    after: Option<&str>,
    now: i64,
    limit: u64,
) -> Result<Vec<group::Model>, StoreError> {
    let mut found = group::Entity::find().filter(group::Column::Deleted.eq(false));
    if let Some(key) = key {
        found = found.filter(group::Column::UniqueKey.eq(key));
    }
    let found = listing.select(found, conn.get_database_backend(), now, after);
    Ok(found.limit(limit).all(conn).await?)
}
