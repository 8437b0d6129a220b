//! The row that says which installation this is: the guard under which first things are made once.

use passgate_kit::store::StoreError;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, QuerySelect};
use uuid::Uuid;

use super::columns::damaged;
use super::entity::installation::{Column, Entity, Model};

const THE_ROW: i16 = 1;

/// The installation in the database; `fresh` becomes it if there is none. Until the transaction ends, nobody else comes
/// past this row. `true` if it was made just now.
pub async fn lock_or_make(db: &impl ConnectionTrait, fresh: Uuid) -> Result<(Uuid, bool), StoreError> {
    let row = Model { id: THE_ROW, uuid: fresh }.into_active_model();
    let first_wins = OnConflict::column(Column::Id).do_nothing().to_owned();
    let made = Entity::insert(row).on_conflict(first_wins).exec_without_returning(db).await?;
    let row = Entity::find_by_id(THE_ROW).lock_exclusive().one(db).await?;
    let row = row.ok_or_else(|| damaged("installation", "it is gone"))?;
    Ok((row.uuid, made > 0))
}
