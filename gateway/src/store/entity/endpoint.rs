//! A named HTTP endpoint. Lists and maps are JSON texts: they are only ever read and written whole.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "endpoint")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub description: String,
    pub labels: String,
    pub upstream: String,
    pub public: bool,
    pub methods: String,
    pub read_methods: String,
    pub fixed_query: String,
    pub timeout_nanos: i64,
    pub max_request_bytes: i64,
    pub disabled: bool,
    pub create_time: TimeDateTimeWithTimeZone,
    pub update_time: TimeDateTimeWithTimeZone,
    pub revision: i64,
}

/// None.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
