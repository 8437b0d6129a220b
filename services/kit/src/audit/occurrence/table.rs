//! The table of occurrences.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{IntoActiveModel as _, QueryOrder as _, QuerySelect as _};

use super::KEPT_ROWS;
use crate::store::{StoreError, Tx};

/// SQLite takes 32,766 values in a statement; a row has 13.
const ROWS_PER_INSERT: usize = 500;

/// Occurrences that are alike, in one minute.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "occurrence")]
pub struct Model {
    /// What happened.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// With what.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// Why.
    #[sea_orm(primary_key, auto_increment = false)]
    pub reason: String,
    /// Minutes since 1970.
    #[sea_orm(primary_key, auto_increment = false)]
    pub minute: i64,
    /// Tells rows of one moment apart.
    pub id: String,
    /// By whom.
    pub actor: String,
    /// With which token.
    pub actor_token: Option<String>,
    /// How it came.
    pub via: String,
    /// From which address, the last time.
    pub peer: Option<String>,
    /// What was asked for, the last time.
    pub resource: Option<String>,
    /// The first time, in microseconds since 1970.
    pub time_us: i64,
    /// The last time.
    pub last_us: i64,
    /// How often.
    pub count: i64,
}

/// An occurrence refers to no other table.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Adds rows to what other replicas, or this one before, wrote of the same minute.
pub async fn add(tx: &Tx, rows: Vec<Model>) -> Result<(), StoreError> {
    let later = |column: &str| {
        let sql = format!(
            "CASE WHEN excluded.last_us >= occurrence.last_us THEN excluded.{column} ELSE occurrence.{column} END"
        );
        Expr::cust(sql)
    };
    let alike = OnConflict::columns([Column::Kind, Column::Subject, Column::Reason, Column::Minute])
        .value(Column::Count, Expr::cust("occurrence.count + excluded.count"))
        .value(
            Column::TimeUs,
            Expr::cust(
                "CASE WHEN excluded.time_us < occurrence.time_us THEN excluded.time_us ELSE occurrence.time_us END",
            ),
        )
        .value(Column::LastUs, later("last_us"))
        .value(Column::Peer, later("peer"))
        .value(Column::Resource, later("resource"))
        .to_owned();
    for chunk in rows.chunks(ROWS_PER_INSERT) {
        let rows = chunk.iter().cloned().map(Model::into_active_model);
        Entity::insert_many(rows).on_conflict(alike.clone()).exec_without_returning(tx.connection()).await?;
    }
    Ok(())
}

/// Forgets what is older than `oldest_us`, and the oldest beyond [`KEPT_ROWS`].
pub async fn prune(tx: &Tx, oldest_us: i64) -> Result<(), StoreError> {
    let conn = tx.connection();
    Entity::delete_many().filter(Column::TimeUs.lt(oldest_us)).exec(conn).await?;
    let first_too_many: Option<i64> = Entity::find()
        .select_only()
        .column(Column::TimeUs)
        .order_by_desc(Column::TimeUs)
        .order_by_desc(Column::Id)
        .offset(KEPT_ROWS)
        .limit(1)
        .into_tuple()
        .one(conn)
        .await?;
    if let Some(time_us) = first_too_many {
        Entity::delete_many().filter(Column::TimeUs.lte(time_us)).exec(conn).await?;
    }
    Ok(())
}
