//! The installation, its keys, tokens with their secrets, sessions, and what was signed.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveIden, DeriveMigrationName, Index, IndexCreateStatement, IntoIden, MigrationTrait,
    SchemaManager, Table, TableCreateStatement, async_trait,
};

/// This step.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [installation(), signing_key(), token(), token_secret(), session(), signing_input()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn installation() -> TableCreateStatement {
    Table::create()
        .table(Installation::Table)
        .col(ColumnDef::new(Installation::Id).small_integer().not_null().primary_key())
        .col(ColumnDef::new(Installation::Uuid).uuid().not_null())
        .to_owned()
}

fn signing_key() -> TableCreateStatement {
    Table::create()
        .table(SigningKey::Table)
        .col(text(SigningKey::Kid).primary_key())
        .col(ColumnDef::new(SigningKey::PublicKey).binary().not_null())
        .col(ColumnDef::new(SigningKey::Sealed).binary().not_null())
        .col(text(SigningKey::State))
        .col(number(SigningKey::CreateTime))
        .to_owned()
}

fn token() -> TableCreateStatement {
    Table::create()
        .table(Token::Table)
        .col(uuid(Token::Id).primary_key())
        .col(text(Token::Owner))
        .col(text(Token::Name))
        .col(ColumnDef::new(Token::HeldName).text())
        .col(text(Token::Description))
        .col(text(Token::Labels))
        .col(ColumnDef::new(Token::Scopes).text())
        .col(ColumnDef::new(Token::Provisional).boolean().not_null())
        .col(ColumnDef::new(Token::Creation).uuid())
        .col(ColumnDef::new(Token::CreationDigest).binary())
        .col(number(Token::CreateTime))
        .col(ColumnDef::new(Token::ExpireTime).big_integer())
        .col(text(Token::CreatedBy))
        .col(ColumnDef::new(Token::CreatedWith).uuid())
        .col(number(Token::UpdateTime))
        .col(ColumnDef::new(Token::DisableTime).big_integer())
        .col(ColumnDef::new(Token::RevokeTime).big_integer())
        .col(text(Token::RevokedBy))
        .col(text(Token::RevokeReason))
        .col(number(Token::Revision))
        .to_owned()
}

fn token_secret() -> TableCreateStatement {
    Table::create()
        .table(TokenSecret::Table)
        .col(uuid(TokenSecret::Jti).primary_key())
        .col(uuid(TokenSecret::TokenId))
        .col(text(TokenSecret::Kid))
        .col(number(TokenSecret::CreateTime))
        .to_owned()
}

fn session() -> TableCreateStatement {
    Table::create()
        .table(Session::Table)
        .col(uuid(Session::Id).primary_key())
        .col(uuid(Session::Jti))
        .col(text(Session::Kid))
        .col(text(Session::Owner))
        .col(number(Session::Epoch))
        .col(number(Session::AuthTime))
        .col(number(Session::CreateTime))
        .col(number(Session::ExpireTime))
        .col(ColumnDef::new(Session::EndTime).big_integer())
        .to_owned()
}

fn signing_input() -> TableCreateStatement {
    Table::create()
        .table(SigningInput::Table)
        .col(uuid(SigningInput::TokenId).primary_key())
        .col(text(SigningInput::Kid))
        .col(text(SigningInput::Input))
        .col(number(SigningInput::CreateTime))
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &str| Index::create().name(name).to_owned();
    vec![
        // NULLs are distinct in both databases: names of dead tokens are free.
        index("token_held_name").table(Token::Table).col(Token::Owner).col(Token::HeldName).unique().take(),
        index("token_owner").table(Token::Table).col(Token::Owner).col(Token::Id).take(),
        index("token_created_with").table(Token::Table).col(Token::CreatedWith).take(),
        index("token_provisional").table(Token::Table).col(Token::Provisional).col(Token::CreateTime).take(),
        index("token_secret_token").table(TokenSecret::Table).col(TokenSecret::TokenId).take(),
        index("session_owner").table(Session::Table).col(Session::Owner).col(Session::Id).take(),
        index("signing_input_time").table(SigningInput::Table).col(SigningInput::CreateTime).take(),
    ]
}

fn text(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).text().not_null().to_owned()
}

fn uuid(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).uuid().not_null().to_owned()
}

/// A count, or a time in microseconds since 1970.
fn number(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).big_integer().not_null().to_owned()
}

#[derive(DeriveIden)]
enum Installation {
    Table,
    Id,
    Uuid,
}

#[derive(DeriveIden)]
enum SigningKey {
    Table,
    Kid,
    PublicKey,
    Sealed,
    State,
    CreateTime,
}

#[derive(DeriveIden)]
enum Token {
    Table,
    Id,
    Owner,
    Name,
    HeldName,
    Description,
    Labels,
    Scopes,
    Provisional,
    Creation,
    CreationDigest,
    CreateTime,
    ExpireTime,
    CreatedBy,
    CreatedWith,
    UpdateTime,
    DisableTime,
    RevokeTime,
    RevokedBy,
    RevokeReason,
    Revision,
}

#[derive(DeriveIden)]
enum TokenSecret {
    Table,
    Jti,
    TokenId,
    Kid,
    CreateTime,
}

#[derive(DeriveIden)]
enum Session {
    Table,
    Id,
    Jti,
    Kid,
    Owner,
    Epoch,
    AuthTime,
    CreateTime,
    ExpireTime,
    EndTime,
}

#[derive(DeriveIden)]
enum SigningInput {
    Table,
    TokenId,
    Kid,
    Input,
    CreateTime,
}
