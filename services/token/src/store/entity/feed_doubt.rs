//! Feeds that somebody has seen further than this database has them.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "feed_doubt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub feed: Uuid,
    pub number: i64,
    pub told_by: String,
    pub time: i64,
}

/// None.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
