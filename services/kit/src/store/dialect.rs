//! Every difference between SQLite and PostgreSQL.

use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, Statement,
    TransactionOptions, Value,
};

/// One lock for all migrations in a PostgreSQL database: "passgate" in ASCII.
const MIGRATION_LOCK: i64 = 0x7061_7373_6761_7465;

/// Which database this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// The name that sea-orm has for it.
    #[must_use]
    pub const fn backend(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
        }
    }

    /// A statement with `$1`, `$2` … for its values.
    pub fn statement<const N: usize>(self, sql: &str, values: [Value; N]) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }

    /// How a transaction that writes begins. SQLite's default, DEFERRED, fails at once when two read and then write.
    pub(crate) const fn writing(self) -> TransactionOptions {
        TransactionOptions {
            isolation_level: None,
            access_mode: None,
            sqlite_transaction_mode: match self {
                Self::Sqlite => Some(SqliteTransactionMode::Immediate),
                Self::Postgres => None,
            },
        }
    }

    /// How a transaction begins whose statements all see one snapshot. SQLite's transactions in WAL mode do so anyway.
    pub(crate) const fn snapshot(self) -> TransactionOptions {
        match self {
            Self::Sqlite => TransactionOptions {
                isolation_level: None,
                access_mode: None,
                sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
            },
            Self::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                sqlite_transaction_mode: None,
            },
        }
    }

    /// Waits until no other process migrates. SQLite's `BEGIN IMMEDIATE` has waited already.
    pub(crate) async fn lock_migrations(self, conn: &impl ConnectionTrait) -> Result<(), DbErr> {
        match self {
            Self::Sqlite => Ok(()),
            Self::Postgres => {
                conn.execute_unprepared("SET LOCAL lock_timeout = '5min'").await?;
                conn.execute_raw(self.statement("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK.into()])).await?;
                Ok(())
            }
        }
    }

    /// Makes the schema that the connection is set to, if it is missing. `name` is an identifier.
    pub(crate) async fn create_schema(self, conn: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
        match self {
            Self::Sqlite => Ok(()),
            Self::Postgres => {
                conn.execute_unprepared(&format!("CREATE SCHEMA IF NOT EXISTS \"{name}\"")).await?;
                Ok(())
            }
        }
    }

    /// Whether there is a table of this name, without making one.
    pub(crate) async fn has_table(self, conn: &impl ConnectionTrait, name: &str) -> Result<bool, DbErr> {
        let sql = match self {
            Self::Sqlite => "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = $1",
            Self::Postgres => "SELECT 1 AS found FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1",
        };
        Ok(conn.query_one_raw(self.statement(sql, [name.into()])).await?.is_some())
    }

    /// The last statement before COMMIT.
    ///
    /// On PostgreSQL it tells the other replicas, which hear of it once the commit is done. It also fails if an earlier
    /// statement did: COMMIT itself would then roll back and say nothing.
    pub(crate) async fn before_commit(self, conn: &impl ConnectionTrait, channel: Option<&str>) -> Result<(), DbErr> {
        match (self, channel) {
            (Self::Sqlite, _) => {}
            (Self::Postgres, Some(channel)) => {
                conn.execute_raw(self.statement("SELECT pg_notify($1, '')", [channel.into()])).await?;
            }
            (Self::Postgres, None) => {
                conn.execute_unprepared("SELECT 1").await?;
            }
        }
        Ok(())
    }
}
