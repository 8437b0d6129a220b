//! Throw-away databases for tests, SQLite and PostgreSQL alike.
//!
//! PostgreSQL is a real server, named by the variable `PASSGATE_TEST_POSTGRES`; `tests/run.sh` starts one. Without it a test
//! fails: nothing is skipped in silence.

pub mod certificates;

use passgate_client::Ambient;
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;

use crate::store::{DatabaseConfig, Dialect, Store};

/// The variable that names a server where schemas may be made: `postgres://user@host:port/database`.
pub const POSTGRES_VARIABLE: &str = "PASSGATE_TEST_POSTGRES";

/// Both databases, for a suite that must hold on each.
pub const DIALECTS: [Dialect; 2] = [Dialect::Sqlite, Dialect::Postgres];

/// A database of its own for one test. On PostgreSQL a schema with a name of its own; it goes with the server.
#[derive(Debug)]
pub struct TestDatabase {
    config: DatabaseConfig,
    folder: TempDir,
}

impl TestDatabase {
    /// Makes room for one; [`TestDatabase::open`] makes the tables.
    ///
    /// # Panics
    /// If there is no PostgreSQL to make it on.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test that lacks its database must fail")]
    pub fn new(dialect: Dialect) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = match dialect {
            Dialect::Sqlite => DatabaseConfig::sqlite(&folder.path().join("test.db")),
            Dialect::Postgres => {
                let url = std::env::var(POSTGRES_VARIABLE).ok().filter(|url| !url.is_empty());
                let url =
                    url.expect("PASSGATE_TEST_POSTGRES names no PostgreSQL server: run tests/run.sh, which starts one");
                let schema = format!("t_{}", Ambient::system().uuid_v7().simple());
                DatabaseConfig { max_connections: 6, ..DatabaseConfig::postgres(url, Some(schema)) }
            }
        };
        Self { config, folder }
    }

    /// Where it is.
    #[must_use]
    pub const fn config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// A folder that goes away with the test, for key files and the like.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Opens it, with the tables of `M`. Open it again for another replica.
    ///
    /// # Panics
    /// If that fails.
    #[expect(clippy::expect_used, reason = "a test that lacks its database must fail")]
    pub async fn open<M: MigratorTrait>(&self, service: &'static str, ambient: &Ambient) -> Store {
        let store = Store::open(&self.config, service, ambient).await.expect("the test's database opens");
        store.migrate::<M>().await.expect("the test's database gets its tables");
        store
    }
}
