//! Named tokens. `held_name` is the folded name while the token lives: unique per owner.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub owner: String,
    pub name: String,
    pub held_name: Option<String>,
    pub description: String,
    pub labels: String,
    pub scopes: Option<String>,
    pub provisional: bool,
    pub creation: Option<Uuid>,
    pub creation_digest: Option<Vec<u8>>,
    pub create_time: i64,
    pub expire_time: Option<i64>,
    pub created_by: String,
    pub created_with: Option<Uuid>,
    pub update_time: i64,
    pub disable_time: Option<i64>,
    pub revoke_time: Option<i64>,
    pub revoked_by: String,
    pub revoke_reason: String,
    pub revision: i64,
}

/// None.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
