//! A table of things, and the databases that it lies in.

pub mod audit;

use passgate_kit::client::Ambient;
use passgate_kit::feed::{Actor, Change};
use passgate_kit::store::{Committed, Store, StoreError, Tx, schema};
use passgate_kit::testing::TestDatabase;
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

/// Runs a test of the suite on both databases, each as a test of its own.
macro_rules! on_both_databases {
    ($($(#[$doc:meta])* async fn $name:ident($db:ident: TestDatabase) $body:block)+) => {$(
        mod $name {
            use super::*;
            use passgate_kit::store::Dialect;

            async fn run($db: passgate_kit::testing::TestDatabase) $body

            #[tokio::test]
            async fn on_sqlite() {
                run(passgate_kit::testing::TestDatabase::new(Dialect::Sqlite)).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                run(passgate_kit::testing::TestDatabase::new(Dialect::Postgres)).await;
            }
        }
    )+};
}
pub(crate) use on_both_databases;

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = schema::migrations();
        all.push(Box::new(Things));
        all.push(passgate_kit::audit::migration());
        all
    }
}

/// A later version, with one migration more.
pub struct NewerMigrator;

impl MigratorTrait for NewerMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = Migrator::migrations();
        all.push(Box::new(Later));
        all
    }
}

struct Things;

impl MigrationName for Things {
    fn name(&self) -> &'static str {
        "m0002_things"
    }
}

#[async_trait]
impl MigrationTrait for Things {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "CREATE TABLE thing (name TEXT NOT NULL PRIMARY KEY)";
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}

struct Later;

impl MigrationName for Later {
    fn name(&self) -> &'static str {
        "m0003_later"
    }
}

#[async_trait]
impl MigrationTrait for Later {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("CREATE TABLE later (id INTEGER)").await.map(|_| ())
    }
}

pub async fn open(db: &TestDatabase) -> Store {
    db.open::<Migrator>("things", &Ambient::system()).await
}

pub async fn insert(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    let insert = tx.dialect().statement("INSERT INTO thing (name) VALUES ($1)", [name.into()]);
    tx.connection().execute_raw(insert).await?;
    let change = Change::new("thing.created", format!("things/{name}")).after(serde_json::json!({ "name": name }));
    tx.append(change, &Actor::passgate("test"));
    Ok(())
}

/// Makes a thing, and says so in the feed.
pub async fn create(store: &Store, name: impl Into<String>) -> Result<Committed<()>, StoreError> {
    let name = name.into();
    store.write(move |tx| Box::pin(async move { insert(tx, &name).await })).await
}

/// The things that are there.
pub async fn things(store: &Store) -> Vec<String> {
    let dialect = store.dialect();
    let read = store.read(move |conn| {
        Box::pin(async move {
            let rows = conn.query_all_raw(dialect.statement("SELECT name FROM thing ORDER BY name", [])).await?;
            rows.iter().map(|row| Ok::<String, StoreError>(row.try_get("", "name")?)).collect()
        })
    });
    read.await.expect("things")
}

/// Runs SQL behind the store's back, as somebody with the database's password could.
pub async fn tamper(store: &Store, sql: &'static str) {
    let done = store.write(move |tx| {
        Box::pin(async move { Ok::<_, StoreError>(tx.connection().execute_unprepared(sql).await.map(|_| ())?) })
    });
    let _ = done.await.expect("tampered");
}
