//! The copy of what the identity service knows of principals, groups and grants, and how far it goes.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveIden, DeriveMigrationName, Index, IntoIden, MigrationTrait, SchemaManager, Table,
    TableCreateStatement, async_trait,
};
use sea_orm_migration::sea_orm::DatabaseBackend;

/// This step.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in [principal(backend), principal_group(), membership(backend), grants(), projection()] {
            manager.create_table(table).await?;
        }
        let members = Index::create()
            .name("membership_group")
            .table(Membership::Table)
            .col(Membership::GroupId)
            .col(Membership::Principal)
            .to_owned();
        manager.create_index(members).await?;
        // Who holds something is asked by the stems that a resource begins with.
        let stems = Index::create().name("grants_stem").table(Grants::Table).col(Grants::Stem).to_owned();
        manager.create_index(stems).await
    }
}

fn principal(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table(Principal::Table)
        .col(ordered(Principal::Name, backend).primary_key())
        .col(text(Principal::DisplayName))
        .col(ColumnDef::new(Principal::Enabled).boolean().not_null())
        .col(ColumnDef::new(Principal::Deleted).boolean().not_null())
        .col(ColumnDef::new(Principal::SessionEpoch).big_integer().not_null())
        .col(ColumnDef::new(Principal::KeptSession).uuid())
        .to_owned()
}

fn principal_group() -> TableCreateStatement {
    Table::create()
        .table(PrincipalGroup::Table)
        .col(ColumnDef::new(PrincipalGroup::Id).uuid().not_null().primary_key())
        .col(text(PrincipalGroup::Name))
        .to_owned()
}

fn membership(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table(Membership::Table)
        .col(ordered(Membership::Principal, backend))
        .col(ColumnDef::new(Membership::GroupId).uuid().not_null())
        .primary_key(Index::create().col(Membership::Principal).col(Membership::GroupId))
        .to_owned()
}

fn grants() -> TableCreateStatement {
    Table::create()
        .table(Grants::Table)
        .col(text(Grants::Holder))
        .col(text(Grants::Pattern))
        .col(text(Grants::Stem))
        .primary_key(Index::create().col(Grants::Holder).col(Grants::Pattern))
        .to_owned()
}

fn projection() -> TableCreateStatement {
    Table::create()
        .table(Projection::Table)
        .col(ColumnDef::new(Projection::Id).small_integer().not_null().primary_key())
        .col(ColumnDef::new(Projection::Feed).uuid().not_null())
        .col(ColumnDef::new(Projection::Number).big_integer().not_null())
        .col(ColumnDef::new(Projection::Hash).binary().not_null())
        .to_owned()
}

fn text(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).text().not_null().to_owned()
}

/// A name by which lists are ordered: by bytes on every database, whatever its locale.
fn ordered(column: impl IntoIden, backend: DatabaseBackend) -> ColumnDef {
    let mut column = text(column);
    if backend == DatabaseBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

#[derive(DeriveIden)]
enum Principal {
    Table,
    Name,
    DisplayName,
    Enabled,
    Deleted,
    SessionEpoch,
    KeptSession,
}

#[derive(DeriveIden)]
enum PrincipalGroup {
    Table,
    Id,
    Name,
}

#[derive(DeriveIden)]
enum Membership {
    Table,
    Principal,
    GroupId,
}

#[derive(DeriveIden)]
enum Grants {
    Table,
    Holder,
    Pattern,
    Stem,
}

#[derive(DeriveIden)]
enum Projection {
    Table,
    Id,
    Feed,
    Number,
    Hash,
}
