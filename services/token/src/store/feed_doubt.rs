//! Doubts about the feed: somebody has seen it further than this database has it.

use passgate_kit::client::{FeedId, Position};
use passgate_kit::store::StoreError;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel};
use time::OffsetDateTime;

use super::columns::{to_column, to_micros};
use super::entity::feed_doubt::{Column, Entity, Model};

/// Writes a doubt down; the first one stays.
pub async fn put(
    db: &impl ConnectionTrait,
    seen: &Position,
    told_by: &str,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let row = Model {
        feed: seen.feed.0,
        number: to_column(seen.number.0),
        told_by: told_by.to_owned(),
        time: to_micros(now),
    };
    let first_wins = OnConflict::column(Column::Feed).do_nothing().to_owned();
    Entity::insert(row.into_active_model()).on_conflict(first_wins).exec_without_returning(db).await?;
    Ok(())
}

/// Erases all doubts: the feed that they were about is no more.
pub async fn erase(db: &impl ConnectionTrait) -> Result<(), StoreError> {
    Entity::delete_many().exec(db).await?;
    Ok(())
}

/// Whether this feed is doubted.
pub async fn is_there(db: &impl ConnectionTrait, feed: FeedId) -> Result<bool, StoreError> {
    Ok(Entity::find_by_id(feed.0).one(db).await?.is_some())
}
