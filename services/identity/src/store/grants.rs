//! Grants.

use passgate_kit::client::Pattern;
use passgate_kit::store::StoreError;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::entity::grant;

/// Gives a pattern that the holder does not have yet.
pub async fn give(
    conn: &impl ConnectionTrait,
    holder: &str,
    pattern: &Pattern,
    by: &str,
    now: i64,
) -> Result<(), StoreError> {
    let row = grant::Model {
        holder: holder.to_owned(),
        pattern: pattern.to_string(),
        create_us: now,
        created_by: by.to_owned(),
    };
    grant::Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Takes a pattern away. True if it was there.
pub async fn take(conn: &impl ConnectionTrait, holder: &str, pattern: &Pattern) -> Result<bool, StoreError> {
    let taken = grant::Entity::delete_by_id((holder.to_owned(), pattern.to_string())).exec(conn).await?;
    Ok(taken.rows_affected > 0)
}

/// Takes everything away.
pub async fn take_all(conn: &impl ConnectionTrait, holder: &str) -> Result<(), StoreError> {
    grant::Entity::delete_many().filter(grant::Column::Holder.eq(holder)).exec(conn).await?;
    Ok(())
}

/// Grants after (holder, pattern), in that order; of one holder if it is named.
pub async fn page(
    conn: &impl ConnectionTrait,
    holder: Option<String>,
    after: Option<(String, String)>,
    limit: u64,
) -> Result<Vec<grant::Model>, StoreError> {
    let mut found = grant::Entity::find();
    if let Some(holder) = holder {
        found = found.filter(grant::Column::Holder.eq(holder));
    }
    if let Some((holder, pattern)) = after {
        let same_holder =
            Condition::all().add(grant::Column::Holder.eq(holder.clone())).add(grant::Column::Pattern.gt(pattern));
        found = found.filter(Condition::any().add(grant::Column::Holder.gt(holder)).add(same_holder));
    }
    let ordered = found.order_by_asc(grant::Column::Holder).order_by_asc(grant::Column::Pattern);
    Ok(ordered.limit(limit).all(conn).await?)
}
