//! What lists are ordered by. Released: never edited.

use sea_orm_migration::prelude::*;

/// Makes an index for each order.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = |name: &str| Index::create().name(name).table(Token::Table).to_owned();
        manager.create_index(index("token_by_time").col(Token::CreateTime).col(Token::Id).take()).await?;
        let of_owner = index("token_of_owner_by_time").col(Token::Owner).col(Token::CreateTime).col(Token::Id).take();
        manager.create_index(of_owner).await
    }
}

#[derive(DeriveIden)]
enum Token {
    Table,
    Id,
    Owner,
    CreateTime,
}
