//! What was signed, kept for ten minutes: so a repeat is answered with the same secret, and no secret is stored.

use passgate_kit::client::{Kid, TokenId};
use passgate_kit::store::StoreError;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use time::{Duration, OffsetDateTime};

use super::columns::{damaged, to_micros};
use super::entity::signing_input::{Column, Entity, Model};

/// How long it is kept.
pub const KEPT: Duration = Duration::minutes(10);

/// Keeps what was signed for a token.
pub async fn keep(
    db: &impl ConnectionTrait,
    id: TokenId,
    kid: &Kid,
    input: String,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let row = Model { token_id: id.as_uuid(), kid: kid.to_string(), input, create_time: to_micros(now) };
    Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// What was signed for a token less than ten minutes ago, and the key.
pub async fn find(
    db: &impl ConnectionTrait,
    id: TokenId,
    now: OffsetDateTime,
) -> Result<Option<(Kid, String)>, StoreError> {
    let row = Entity::find_by_id(id.as_uuid()).filter(Column::CreateTime.gt(to_micros(now - KEPT))).one(db).await?;
    row.map(|row| {
        let kid = Kid::parse(&row.kid).ok_or_else(|| damaged(id.resource_name(), "the kid of its input"))?;
        Ok((kid, row.input))
    })
    .transpose()
}

/// Erases what was signed for these tokens.
pub async fn erase(db: &impl ConnectionTrait, ids: &[TokenId]) -> Result<(), StoreError> {
    let ids = ids.iter().map(|id| id.as_uuid());
    Entity::delete_many().filter(Column::TokenId.is_in(ids)).exec(db).await?;
    Ok(())
}

/// Erases what is older than ten minutes: how many.
pub async fn erase_old(db: &impl ConnectionTrait, now: OffsetDateTime) -> Result<u64, StoreError> {
    let old = Entity::delete_many().filter(Column::CreateTime.lte(to_micros(now - KEPT))).exec(db).await?;
    Ok(old.rows_affected)
}
