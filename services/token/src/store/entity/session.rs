//! Sessions: what signing in gives.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub jti: Uuid,
    pub kid: String,
    pub owner: String,
    pub epoch: i64,
    pub auth_time: i64,
    pub create_time: i64,
    pub expire_time: i64,
    pub end_time: Option<i64>,
}

/// None.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
