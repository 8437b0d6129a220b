//! Sessions in the database.

use passgate_kit::client::{Jti, Kid, TokenId, UserId};
use passgate_kit::store::StoreError;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use time::OffsetDateTime;

use super::columns::{damaged, from_column, from_micros, from_optional_micros, to_column, to_micros};
use super::entity::session::{Column, Entity, Model};
use crate::session::Session;

/// The session of this id.
pub async fn find(db: &impl ConnectionTrait, id: TokenId) -> Result<Option<Session>, StoreError> {
    Entity::find_by_id(id.as_uuid()).one(db).await?.map(Session::try_from).transpose()
}

/// Adds a session.
pub async fn insert(db: &impl ConnectionTrait, session: &Session) -> Result<(), StoreError> {
    Entity::insert(Model::from(session).into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// A user's sessions that have neither ended nor run out, oldest first.
pub async fn live(db: &impl ConnectionTrait, owner: UserId, now: OffsetDateTime) -> Result<Vec<Session>, StoreError> {
    let rows = Entity::find()
        .filter(Column::Owner.eq(owner.resource_name()))
        .filter(Column::EndTime.is_null())
        .filter(Column::ExpireTime.gt(to_micros(now)))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(Session::try_from).collect()
}

/// Ends sessions that have not ended yet.
pub async fn end(db: &impl ConnectionTrait, ids: &[TokenId], now: OffsetDateTime) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::EndTime, Expr::value(to_micros(now)))
        .filter(Column::Id.is_in(ids.iter().map(|id| id.as_uuid())))
        .filter(Column::EndTime.is_null())
        .exec(db)
        .await?;
    Ok(())
}

impl From<&Session> for Model {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.as_uuid(),
            jti: session.jti.as_uuid(),
            kid: session.kid.to_string(),
            owner: session.owner.resource_name(),
            epoch: to_column(session.epoch),
            auth_time: to_micros(session.auth_time),
            create_time: to_micros(session.create_time),
            expire_time: to_micros(session.expire_time),
            end_time: session.end_time.map(to_micros),
        }
    }
}

impl TryFrom<Model> for Session {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let id = TokenId::new(row.id);
        let at = id.resource_name();
        Ok(Self {
            id,
            jti: Jti::new(row.jti),
            kid: Kid::parse(&row.kid).ok_or_else(|| damaged(&at, "its kid"))?,
            owner: UserId::parse_resource_name(&row.owner).map_err(|rule| damaged(&at, rule))?,
            epoch: from_column(row.epoch),
            auth_time: from_micros(&at, row.auth_time)?,
            create_time: from_micros(&at, row.create_time)?,
            expire_time: from_micros(&at, row.expire_time)?,
            end_time: from_optional_micros(&at, row.end_time)?,
        })
    }
}
