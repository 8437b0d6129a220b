//! Numbers and chains the changes of a transaction, as its last statements.

use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel as _, QuerySelect as _, Set};
use time::OffsetDateTime;

use passgate_client::Position;

use super::change::{Actor, Change};
use super::hash::chain;
use super::row;
use crate::store::StoreError;

/// SQLite takes 32,766 values in a statement, PostgreSQL 65,535; a row has 14.
const ROWS_PER_INSERT: usize = 500;

/// The feed's head: one row, whose lock orders the writers.
pub(super) mod feed_head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "feed_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub feed: String,
        pub number: i64,
        pub hash: Vec<u8>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Appends `changes` in their order; `None` if there are none.
///
/// The head stays locked until the transaction ends, so nothing may follow but COMMIT.
pub async fn append(
    txn: &sea_orm::DatabaseTransaction,
    changes: Vec<(Change, Actor)>,
    now: OffsetDateTime,
) -> Result<Option<Position>, StoreError> {
    if changes.is_empty() {
        return Ok(None);
    }
    let head = feed_head::Entity::find_by_id(1).lock_exclusive().one(txn).await?;
    let head = head.ok_or_else(|| StoreError::unreadable("feed_head has no row: run `passgate migrate`"))?;
    let mut position = row::position(&head.feed, head.number, &head.hash)?;

    let mut rows = Vec::with_capacity(changes.len());
    for (number, (change, actor)) in (head.number.saturating_add(1)..).zip(changes) {
        let mut row = row::Model::of(change, actor, position.feed, number, now);
        position.hash = chain(&position.hash, &row);
        position.number = position.number.next();
        row.hash = position.hash.to_vec();
        rows.push(row.into_active_model());
    }
    let number = head.number.saturating_add(i64::try_from(rows.len()).map_err(StoreError::unreadable)?);
    for chunk in rows.chunks(ROWS_PER_INSERT) {
        row::Entity::insert_many(chunk.to_vec()).exec_without_returning(txn).await?;
    }
    let mut head = head.into_active_model();
    head.number = Set(number);
    head.hash = Set(position.hash.to_vec());
    feed_head::Entity::update(head).exec(txn).await?;
    Ok(Some(position))
}
