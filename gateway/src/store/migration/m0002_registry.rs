//! Endpoints, APIs, and names that were used.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveIden, DeriveMigrationName, IntoIden, MigrationTrait, SchemaManager, Table,
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
        for table in [endpoint(backend), api(backend), retired_name()] {
            manager.create_table(table).await?;
        }
        Ok(())
    }
}

fn endpoint(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table(Endpoint::Table)
        .col(name(Endpoint::Name, backend))
        .col(text(Endpoint::Description))
        .col(text(Endpoint::Labels))
        .col(text(Endpoint::Upstream))
        .col(ColumnDef::new(Endpoint::Public).boolean().not_null())
        .col(text(Endpoint::Methods))
        .col(text(Endpoint::ReadMethods))
        .col(text(Endpoint::FixedQuery))
        .col(ColumnDef::new(Endpoint::TimeoutNanos).big_integer().not_null())
        .col(ColumnDef::new(Endpoint::MaxRequestBytes).big_integer().not_null())
        .col(ColumnDef::new(Endpoint::Disabled).boolean().not_null())
        .col(time(Endpoint::CreateTime))
        .col(time(Endpoint::UpdateTime))
        .col(ColumnDef::new(Endpoint::Revision).big_integer().not_null())
        .to_owned()
}

fn api(backend: DatabaseBackend) -> TableCreateStatement {
    Table::create()
        .table(Api::Table)
        .col(name(Api::Name, backend))
        .col(text(Api::Description))
        .col(text(Api::Labels))
        .col(text(Api::Upstream))
        .col(text(Api::ReadMethods))
        .col(time(Api::CreateTime))
        .col(time(Api::UpdateTime))
        .col(ColumnDef::new(Api::Revision).big_integer().not_null())
        .to_owned()
}

fn retired_name() -> TableCreateStatement {
    Table::create()
        .table(RetiredName::Table)
        .col(text(RetiredName::Resource).primary_key())
        .col(time(RetiredName::RetireTime))
        .col(ColumnDef::new(RetiredName::Revision).big_integer().not_null())
        .to_owned()
}

/// A name by which lists are ordered: by bytes on every database, whatever its locale.
fn name(column: impl IntoIden, backend: DatabaseBackend) -> ColumnDef {
    let mut column = text(column);
    column.primary_key();
    if backend == DatabaseBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

fn text(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).text().not_null().to_owned()
}

fn time(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).timestamp_with_time_zone().not_null().to_owned()
}

#[derive(DeriveIden)]
enum Endpoint {
    Table,
    Name,
    Description,
    Labels,
    Upstream,
    Public,
    Methods,
    ReadMethods,
    FixedQuery,
    TimeoutNanos,
    MaxRequestBytes,
    Disabled,
    CreateTime,
    UpdateTime,
    Revision,
}

#[derive(DeriveIden)]
enum Api {
    Table,
    Name,
    Description,
    Labels,
    Upstream,
    ReadMethods,
    CreateTime,
    UpdateTime,
    Revision,
}

#[derive(DeriveIden)]
enum RetiredName {
    Table,
    Resource,
    RetireTime,
    Revision,
}
