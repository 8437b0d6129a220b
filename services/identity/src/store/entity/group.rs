//! A named set of principals.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "principal_group")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_name: String,
    pub name: String,
    pub unique_key: Option<String>,
    pub built_in: bool,
    pub deleted: bool,
    pub description: String,
    pub labels: String,
    pub create_us: i64,
    pub update_us: i64,
    pub revision: i64,
}

/// None.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
