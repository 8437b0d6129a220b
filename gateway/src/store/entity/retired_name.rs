//! A name that something deleted had: whoever still holds grants for it could call what takes it next.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "retired_name")]
pub struct Model {
    /// `endpoints/{name}` or `apis/{name}`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub resource: String,
    pub retire_time: TimeDateTimeWithTimeZone,
    /// The last revision, so that the next one of this name starts above it and no old etag fits again.
    pub revision: i64,
}

/// None.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
