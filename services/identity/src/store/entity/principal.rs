//! A principal: a person or a machine.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "principal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub principal: String,
    pub kind: String,
    pub name: String,
    pub name_key: String,
    pub unique_key: Option<String>,
    pub email: Option<String>,
    pub password_hash: Option<String>,
    pub password_one_time: bool,
    pub disabled: bool,
    pub deleted: bool,
    pub description: String,
    pub labels: String,
    pub session_epoch: i64,
    pub kept_session: Option<String>,
    pub create_us: i64,
    pub update_us: i64,
    pub revision: i64,
}

/// None.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
