//! Those who keep decisions, as each replica sees them.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "decider")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub principal: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Which run of which replica saw it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub replica: Uuid,
    pub name: String,
    pub feed: Option<Uuid>,
    pub number: Option<i64>,
    pub hash: Option<Vec<u8>>,
    pub streams: i32,
    /// Counts up with each write: shows that the replica lives.
    pub beat: i64,
    pub lease_time: Option<i64>,
    pub heard_time: i64,
    pub watch_time: i64,
}

/// None.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
