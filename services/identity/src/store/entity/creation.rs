//! An API user that is being made, perhaps with a token.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "creation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub caller: String,
    pub request_id: String,
    pub body_digest: Vec<u8>,
    pub caller_token: Option<String>,
    pub api_user: String,
    pub token_id: Option<String>,
    pub held_name: Option<String>,
    pub state: String,
    pub give_up_us: i64,
}

/// None.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
