//! The key of page tokens, the same for every replica.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};

use super::columns::damaged;
use super::entity::page_key::{Column, Entity, Model};

/// The key in the database; `fresh` becomes it if there is none yet.
pub async fn get_or_set(db: &impl ConnectionTrait, fresh: [u8; 32]) -> Result<[u8; 32], DbErr> {
    let row = Model { id: 1, secret: fresh.to_vec() }.into_active_model();
    let first_wins = OnConflict::column(Column::Id).do_nothing().to_owned();
    Entity::insert(row).on_conflict(first_wins).exec_without_returning(db).await?;
    let row = Entity::find_by_id(1_i16).one(db).await?.ok_or_else(|| damaged("the page key", "it is gone"))?;
    row.secret.try_into().map_err(|_| damaged("the page key", "it has not 32 bytes"))
}
