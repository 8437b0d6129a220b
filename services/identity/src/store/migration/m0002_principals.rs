//! Principals, groups, memberships, grants, creations, and the one row that guards them.
//!
//! Principals and groups are keyed by their resource names (`users/{id}`, `groups/{id}`), so that a grant's holder and a
//! group's member are joined by one column whatever their kind.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveIden, DeriveMigrationName, Index, IndexCreateStatement, IntoIden, MigrationTrait,
    SchemaManager, Table, TableCreateStatement, async_trait,
};
use sea_orm_migration::sea_orm::DatabaseBackend;

/// This step.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in [
            principal(backend),
            principal_group(backend),
            membership(backend),
            grant_pattern(backend),
            creation(),
            installation(),
        ] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn principal(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table(Principals::Table)
        .col(name(Principals::Principal, backend).primary_key())
        .col(text(Principals::Kind))
        .col(text(Principals::Name))
        .col(ColumnDef::new(Principals::UniqueKey).text())
        .col(ColumnDef::new(Principals::Email).text())
        .col(ColumnDef::new(Principals::PasswordHash).text())
        .col(flag(Principals::PasswordOneTime))
        .col(flag(Principals::Disabled))
        .col(flag(Principals::Deleted))
        .col(text(Principals::Description))
        .col(text(Principals::Labels))
        .col(number(Principals::SessionEpoch))
        .col(ColumnDef::new(Principals::KeptSession).text())
        .col(number(Principals::CreateUs))
        .col(number(Principals::UpdateUs))
        .col(number(Principals::Revision))
        .to_owned()
}

fn principal_group(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table(PrincipalGroup::Table)
        .col(name(PrincipalGroup::GroupName, backend).primary_key())
        .col(text(PrincipalGroup::Name))
        .col(ColumnDef::new(PrincipalGroup::UniqueKey).text())
        .col(flag(PrincipalGroup::BuiltIn))
        .col(flag(PrincipalGroup::Deleted))
        .col(text(PrincipalGroup::Description))
        .col(text(PrincipalGroup::Labels))
        .col(number(PrincipalGroup::CreateUs))
        .col(number(PrincipalGroup::UpdateUs))
        .col(number(PrincipalGroup::Revision))
        .to_owned()
}

fn membership(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table(Membership::Table)
        .col(name(Membership::GroupName, backend))
        .col(name(Membership::Principal, backend))
        .col(number(Membership::CreateUs))
        .primary_key(Index::create().col(Membership::GroupName).col(Membership::Principal))
        .to_owned()
}

fn grant_pattern(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table(GrantPattern::Table)
        .col(name(GrantPattern::Holder, backend))
        .col(name(GrantPattern::Pattern, backend))
        .col(number(GrantPattern::CreateUs))
        .col(text(GrantPattern::CreatedBy))
        .primary_key(Index::create().col(GrantPattern::Holder).col(GrantPattern::Pattern))
        .to_owned()
}

fn creation() -> TableCreateStatement {
    Table::create()
        .table(Creation::Table)
        .col(ColumnDef::new(Creation::Id).text().not_null().primary_key())
        .col(text(Creation::Caller))
        .col(text(Creation::RequestId))
        .col(ColumnDef::new(Creation::BodyDigest).binary().not_null())
        .col(ColumnDef::new(Creation::CallerToken).text())
        .col(text(Creation::ApiUser))
        .col(ColumnDef::new(Creation::TokenId).text())
        .col(ColumnDef::new(Creation::HeldName).text())
        .col(text(Creation::State))
        .col(number(Creation::GiveUpUs))
        .to_owned()
}

fn installation() -> TableCreateStatement {
    Table::create()
        .table(Installation::Table)
        .col(ColumnDef::new(Installation::Id).integer().not_null().primary_key())
        .col(number(Installation::CreateUs))
        .to_owned()
}

/// What is unique is null for what is dead: both databases let any number of nulls stand.
fn indexes() -> [IndexCreateStatement; 7] {
    [
        Index::create()
            .name("principal_unique_key")
            .table(Principals::Table)
            .col(Principals::Kind)
            .col(Principals::UniqueKey)
            .unique()
            .to_owned(),
        Index::create()
            .name("principal_group_unique_key")
            .table(PrincipalGroup::Table)
            .col(PrincipalGroup::UniqueKey)
            .unique()
            .to_owned(),
        Index::create().name("membership_principal").table(Membership::Table).col(Membership::Principal).to_owned(),
        Index::create().name("grant_pattern_pattern").table(GrantPattern::Table).col(GrantPattern::Pattern).to_owned(),
        Index::create()
            .name("creation_request")
            .table(Creation::Table)
            .col(Creation::Caller)
            .col(Creation::RequestId)
            .unique()
            .to_owned(),
        Index::create().name("creation_token").table(Creation::Table).col(Creation::TokenId).unique().to_owned(),
        Index::create().name("creation_held_name").table(Creation::Table).col(Creation::HeldName).unique().to_owned(),
    ]
}

/// A name by which lists are ordered: by bytes on every database, whatever its locale.
fn name(column: impl IntoIden, backend: DatabaseBackend) -> ColumnDef {
    let mut column = text(column);
    if backend == DatabaseBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

fn text(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).text().not_null().to_owned()
}

fn flag(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).boolean().not_null().to_owned()
}

fn number(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).big_integer().not_null().to_owned()
}

#[derive(DeriveIden)]
enum Principals {
    #[sea_orm(iden = "principal")]
    Table,
    Principal,
    Kind,
    Name,
    UniqueKey,
    Email,
    PasswordHash,
    PasswordOneTime,
    Disabled,
    Deleted,
    Description,
    Labels,
    SessionEpoch,
    KeptSession,
    CreateUs,
    UpdateUs,
    Revision,
}

#[derive(DeriveIden)]
enum PrincipalGroup {
    Table,
    GroupName,
    Name,
    UniqueKey,
    BuiltIn,
    Deleted,
    Description,
    Labels,
    CreateUs,
    UpdateUs,
    Revision,
}

#[derive(DeriveIden)]
enum Membership {
    Table,
    GroupName,
    Principal,
    CreateUs,
}

#[derive(DeriveIden)]
enum GrantPattern {
    Table,
    Holder,
    Pattern,
    CreateUs,
    CreatedBy,
}

#[derive(DeriveIden)]
enum Creation {
    Table,
    Id,
    Caller,
    RequestId,
    BodyDigest,
    CallerToken,
    ApiUser,
    TokenId,
    HeldName,
    State,
    GiveUpUs,
}

#[derive(DeriveIden)]
enum Installation {
    Table,
    Id,
    CreateUs,
}
