//! What lists are ordered by, an index for each order, and the failed sign-ins.
//!
//! `principal.name_key` is the name as it is compared. Rows from before are filled in here.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveIden, DeriveMigrationName, Index, IndexCreateStatement, IntoIden, MigrationTrait,
    SchemaManager, Table, async_trait,
};
use sea_orm_migration::sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};

use crate::principal::name_key;

/// This step.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = ColumnDef::new(Principals::NameKey).text().not_null().default("").to_owned();
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            column.extra("COLLATE \"C\"");
            // Ordered by bytes, as SQLite does it, whatever the locale.
            for table in ["principal", "principal_group"] {
                let sql = format!("ALTER TABLE {table} ALTER COLUMN unique_key TYPE text COLLATE \"C\"");
                manager.get_connection().execute_unprepared(&sql).await?;
            }
        }
        manager.alter_table(Table::alter().table(Principals::Table).add_column(column).to_owned()).await?;
        fill_name_keys(manager).await?;
        let failures = Table::create()
            .table(SignInFailure::Table)
            .col(ColumnDef::new(SignInFailure::Subject).text().not_null().primary_key())
            .col(ColumnDef::new(SignInFailure::Failures).big_integer().not_null())
            .col(ColumnDef::new(SignInFailure::LastUs).big_integer().not_null())
            .to_owned();
        manager.create_table(failures).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

async fn fill_name_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let (backend, conn) = (manager.get_database_backend(), manager.get_connection());
    let rows = conn.query_all_raw(Statement::from_string(backend, "SELECT principal, name FROM principal")).await?;
    for row in rows {
        let (principal, name): (String, String) = (row.try_get("", "principal")?, row.try_get("", "name")?);
        let sql = "UPDATE principal SET name_key = $1 WHERE principal = $2";
        let values = [name_key(&name).into(), principal.into()];
        conn.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
    Ok(())
}

fn indexes() -> [IndexCreateStatement; 8] {
    use {Creation as C, PrincipalGroup as G, Principals as P, SignInFailure as F};
    [
        principals("principal_by_time", &[P::CreateUs]),
        principals("principal_by_state", &[P::Disabled, P::CreateUs]),
        principals("principal_by_key", &[P::UniqueKey]),
        principals("principal_by_name", &[P::NameKey]),
        index("principal_group_by_time", G::Table, [G::Deleted, G::CreateUs, G::GroupName]),
        index("principal_group_by_name", G::Table, [G::Deleted, G::UniqueKey, G::GroupName]),
        index("creation_by_time", C::Table, [C::State, C::GiveUpUs]),
        index("sign_in_failure_by_time", F::Table, [F::LastUs]),
    ]
}

/// Lists are of one kind and of what lives, and end with the id, by which a page finds its place among equals.
fn principals(name: &str, by: &[Principals]) -> IndexCreateStatement {
    let columns = [Principals::Kind, Principals::Deleted].into_iter().chain(by.iter().copied());
    index(name, Principals::Table, columns.chain([Principals::Principal]))
}

fn index<C: IntoIden + 'static>(
    name: &str,
    table: impl IntoIden + 'static,
    columns: impl IntoIterator<Item = C>,
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table.into_iden()).to_owned();
    for column in columns {
        index.col(column.into_iden());
    }
    index
}

#[derive(Clone, Copy, DeriveIden)]
enum Principals {
    #[sea_orm(iden = "principal")]
    Table,
    Principal,
    Kind,
    NameKey,
    UniqueKey,
    Disabled,
    Deleted,
    CreateUs,
}

#[derive(Clone, Copy, DeriveIden)]
enum PrincipalGroup {
    Table,
    GroupName,
    UniqueKey,
    Deleted,
    CreateUs,
}

#[derive(Clone, Copy, DeriveIden)]
enum Creation {
    Table,
    State,
    GiveUpUs,
}

#[derive(Clone, Copy, DeriveIden)]
enum SignInFailure {
    Table,
    Subject,
    Failures,
    LastUs,
}
