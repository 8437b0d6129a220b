//! Names that were used by something deleted.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};
use time::OffsetDateTime;

use super::entity::retired_name::{Column, Entity, Model};

/// The last revision of what had the name of `resource` (`endpoints/{name}`, `apis/{name}`); `None` if nothing had it.
pub async fn last_revision(db: &impl ConnectionTrait, resource: &str) -> Result<Option<u64>, DbErr> {
    let row = Entity::find_by_id(resource).one(db).await?;
    Ok(row.map(|row| u64::try_from(row.revision).unwrap_or(0)))
}

/// Remembers that the name of `resource` was used up to `revision`.
pub async fn retire(
    db: &impl ConnectionTrait,
    resource: String,
    revision: u64,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    let revision = i64::try_from(revision).unwrap_or(i64::MAX);
    let row = Model { resource, retire_time: now, revision }.into_active_model();
    let again = OnConflict::column(Column::Resource).update_columns([Column::RetireTime, Column::Revision]).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(db).await.map(drop)
}
