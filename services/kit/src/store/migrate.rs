//! Brings a database's schema up to date, and checks that it is.
//!
//! Migrating is one transaction under one lock, so any number of replicas may do it at once: the first does the work, the
//! others find it done. A service that does not migrate only looks, and never starts on a schema that it does not know.

use std::collections::BTreeSet;

use passgate_client::FeedId;
use sea_orm::{ConnectionTrait, DatabaseTransaction, TransactionTrait as _};
use sea_orm_migration::MigratorTrait;

use super::{Dialect, OpenError, Store, StoreError};
use crate::feed::genesis;

/// sea-orm's own table of what was done.
const DONE: &str = "seaql_migrations";

impl Store {
    /// Makes the schema, or brings it up to date. Safe to run from many replicas at once.
    ///
    /// # Errors
    /// If the database was written by a newer version, or refuses.
    pub async fn migrate<M: MigratorTrait>(&self) -> Result<(), OpenError> {
        let store = self.clone();
        self.call(async move { store.migrate_under_lock::<M>().await }).await.map_err(OpenError::Migration)?
    }

    /// Checks that the schema is the one that this version knows, without changing anything.
    ///
    /// # Errors
    /// If it is newer or older.
    pub async fn check_schema<M: MigratorTrait>(&self) -> Result<(), OpenError> {
        let store = self.clone();
        let checked = self.call(async move {
            let readers = &store.0.pools.readers;
            let done = done(store.0.dialect, readers).await.map_err(OpenError::Schema)?;
            refuse_newer::<M>(&done)?;
            match known::<M>().into_iter().find(|name| !done.contains(name)) {
                Some(missing) => Err(OpenError::Older { missing }),
                None => Ok(()),
            }
        });
        checked.await.map_err(OpenError::Schema)?
    }

    async fn migrate_under_lock<M: MigratorTrait>(&self) -> Result<(), OpenError> {
        let dialect = self.0.dialect;
        let failed = |error| OpenError::Migration(StoreError::from(error));

        let txn = self.0.pools.writer.begin_with_options(dialect.writing()).await.map_err(failed)?;
        dialect.lock_migrations(&txn).await.map_err(failed)?;
        if let Some(schema) = &self.0.schema {
            dialect.create_schema(&txn, schema).await.map_err(failed)?;
        }
        refuse_newer::<M>(&done(dialect, &txn).await.map_err(OpenError::Migration)?)?;
        M::up(&txn, None).await.map_err(failed)?;
        self.seed(&txn).await.map_err(OpenError::Migration)?;
        txn.commit().await.map_err(failed)
    }

    /// Gives a new database what it has from its first day: the identity of its feed, and the key of its page tokens.
    async fn seed(&self, txn: &DatabaseTransaction) -> Result<(), StoreError> {
        let Self(inner) = self;
        let feed = FeedId(inner.ambient.uuid_v7());
        let mut key = [0_u8; 32];
        inner.ambient.fill(&mut key);

        let head = "INSERT INTO feed_head (id, feed, number, hash) VALUES (1, $1, 0, $2) ON CONFLICT (id) DO NOTHING";
        let head = inner.dialect.statement(head, [feed.to_string().into(), genesis(feed).to_vec().into()]);
        txn.execute_raw(head).await?;
        let keys = "INSERT INTO page_key (id, key) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
        txn.execute_raw(inner.dialect.statement(keys, [key.to_vec().into()])).await?;
        Ok(())
    }
}

/// The migrations that this version has, oldest first.
fn known<M: MigratorTrait>() -> Vec<String> {
    M::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

/// The migrations that the database has had.
async fn done(dialect: Dialect, conn: &impl ConnectionTrait) -> Result<BTreeSet<String>, StoreError> {
    if !dialect.has_table(conn, DONE).await? {
        return Ok(BTreeSet::new());
    }
    let rows = conn.query_all_raw(dialect.statement("SELECT version FROM seaql_migrations", [])).await?;
    rows.iter().map(|row| Ok(row.try_get("", "version")?)).collect()
}

fn refuse_newer<M: MigratorTrait>(done: &BTreeSet<String>) -> Result<(), OpenError> {
    let known: BTreeSet<String> = known::<M>().into_iter().collect();
    match done.difference(&known).next() {
        Some(unknown) => Err(OpenError::Newer { unknown: unknown.clone() }),
        None => Ok(()),
    }
}
