//! The database of one service.
//!
//! Every call goes through [`Store::write`], [`Store::read`] or [`Store::snapshot`], which have one way in
//! (`Store::call`): each runs as a task of its own, so that a caller who goes away never cancels a COMMIT, and a
//! simulation can run it outside of its virtual time.
//!
//! A write is one transaction. What it appends to the feed is numbered and chained at its end, under the lock of the feed's
//! head, so commit order is feed order and no reader can skip a change that commits late.

mod config;
mod dialect;
mod elsewhere;
mod error;
mod migrate;
mod postgres;
pub mod schema;
mod sqlite;
mod tx;
mod wake;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use futures_util::future::BoxFuture;
use passgate_client::Ambient;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, TransactionTrait as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

pub use config::{DatabaseConfig, Place, PlaceError};
pub use dialect::Dialect;
pub use error::{OpenError, StoreError};
pub use tx::{Committed, Tx};
pub use wake::Wake;

use crate::feed::{Actor, Adopted, adopt};
use crate::page::PageTokens;
use wake::Bell;

/// How long a call waits for a free connection before it is told that the database does not answer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// A service's database, open. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    service: &'static str,
    dialect: Dialect,
    schema: Option<String>,
    standby: bool,
    pools: Pools,
    ambient: Ambient,
    bell: Bell,
    channel: String,
    calls: TaskTracker,
    stop: CancellationToken,
}

impl Drop for Inner {
    /// Ends the listener of a store that nobody closed.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The connections.
#[derive(Debug)]
struct Pools {
    writer: DatabaseConnection,
    readers: DatabaseConnection,
}

impl Store {
    /// Opens the database of `service`. A SQLite file, and its folder, are made if they are missing.
    ///
    /// Before the first use call [`Store::migrate`] or [`Store::check_schema`].
    ///
    /// # Errors
    /// Says what is wrong and what to do.
    pub async fn open(config: &DatabaseConfig, service: &'static str, ambient: &Ambient) -> Result<Self, OpenError> {
        let (config, ambient) = (config.clone(), ambient.clone());
        let world = ambient.world().cloned();
        elsewhere::run(world, async move { Self::open_here(&config, service, &ambient).await }).await
    }

    async fn open_here(config: &DatabaseConfig, service: &'static str, ambient: &Ambient) -> Result<Self, OpenError> {
        let place = config.place()?;
        let (dialect, pools, schema) = match &place {
            Place::Sqlite(file) => (Dialect::Sqlite, sqlite::open(file).await?, None),
            Place::Postgres { url, schema } => {
                let pools = postgres::open(url, schema.as_deref(), config.max_connections).await?;
                (Dialect::Postgres, pools, schema.clone())
            }
        };
        let store = Self(Arc::new(Inner {
            service,
            dialect,
            channel: channel(service, schema.as_deref()),
            schema,
            standby: config.standby && dialect == Dialect::Postgres,
            pools,
            ambient: ambient.clone(),
            bell: Bell::new(),
            calls: TaskTracker::new(),
            stop: CancellationToken::new(),
        }));
        if let Place::Postgres { url, .. } = place {
            let Inner { channel, bell, stop, calls, .. } = &*store.0;
            calls.spawn(postgres::listen(url, channel.clone(), bell.clone(), stop.clone()));
        }
        Ok(store)
    }

    /// Runs `work` in one transaction that commits if it succeeds, together with what it appended to the feed.
    ///
    /// It runs to its end even if the caller goes away.
    ///
    /// # Errors
    /// What `work` refused with, in which case nothing was changed; or why the transaction did not commit.
    pub async fn write<T, E, F>(&self, work: F) -> Result<Committed<T>, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let store = self.clone();
        self.call(async move { tx::transact(&store, work).await }).await?
    }

    /// Runs `work` on a connection that can only read. Each of its statements sees what was committed when it began.
    ///
    /// # Errors
    /// What `work` refused with.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c DatabaseConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let store = self.clone();
        self.call(async move { work(&store.0.pools.readers).await }).await?
    }

    /// Runs `work` in a transaction that can only read, whose statements all see one snapshot.
    ///
    /// # Errors
    /// What `work` refused with.
    pub async fn snapshot<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c DatabaseTransaction) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let store = self.clone();
        self.call(async move {
            let begun = store.0.pools.readers.begin_with_options(store.0.dialect.snapshot()).await;
            let txn = begun.map_err(StoreError::from)?;
            let result = work(&txn).await;
            let _ = txn.rollback().await; // nothing was written; a connection that is lost here is made anew by the pool
            result
        })
        .await?
    }

    /// The one way to the database.
    async fn call<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> Result<T, StoreError> {
        if self.0.stop.is_cancelled() {
            return Err(StoreError::ShuttingDown);
        }
        let call = elsewhere::run(self.0.ambient.world().cloned(), call);
        self.0.calls.spawn(call.instrument(tracing::Span::current())).await.map_err(StoreError::BrokenOff)
    }

    /// Waits for commits, here and by other replicas.
    #[must_use]
    pub fn wake(&self) -> Wake {
        self.0.bell.wake()
    }

    /// Gives the feed a new identity: for a database that was restored, while no service runs on it.
    ///
    /// # Errors
    /// If the database does not answer. Nothing was changed then.
    pub async fn adopt_feed(&self) -> Result<Adopted, StoreError> {
        let adopted =
            self.write(|tx: &mut Tx| Box::pin(async move { adopt(tx, &Actor::passgate("command-line")).await }));
        Ok(adopted.await?.value)
    }

    /// Waits for replicas that call for attention, this one included.
    #[must_use]
    pub fn attention(&self) -> Wake {
        self.0.bell.attention()
    }

    /// Calls for the attention of every replica: somebody waits for what they usually write at leisure. A hint, as
    /// [`Store::wake`] is: one that does not hear it writes in its own time.
    ///
    /// # Errors
    /// If the database does not answer; this replica has heard it all the same.
    pub async fn call_attention(&self) -> Result<(), StoreError> {
        self.0.bell.call_attention();
        if self.0.dialect != Dialect::Postgres {
            return Ok(());
        }
        let words = [self.0.channel.as_str().into(), wake::ATTENTION.into()];
        let statement = self.0.dialect.statement("SELECT pg_notify($1, $2)", words);
        let store = self.clone();
        self.call(async move { store.0.pools.writer.execute_raw(statement).await.map_err(StoreError::from) })
            .await?
            .map(drop)
    }

    /// Lets those who wait for commits here read now, though nothing was appended to the feed.
    pub fn read_now(&self) {
        self.0.bell.ring();
    }

    /// Seals and opens page tokens, with a key that all replicas share.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page_tokens(&self) -> Result<PageTokens, StoreError> {
        let statement = self.0.dialect.statement("SELECT key FROM page_key WHERE id = $1", [1.into()]);
        let row = self
            .read(|conn| Box::pin(async move { Ok::<_, StoreError>(conn.query_one_raw(statement).await?) }))
            .await?;
        let row = row.ok_or_else(|| StoreError::unreadable("page_key has no row: run `passgate migrate`"))?;
        let key: Vec<u8> = row.try_get("", "key")?;
        let key = key.try_into().map_err(|_| StoreError::unreadable("page_key is not 32 bytes long"))?;
        Ok(PageTokens::new(&key, self.0.ambient.clone()))
    }

    /// Which service's it is.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// Which database it is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.0.dialect
    }

    /// The clock and randomness that it was opened with.
    #[must_use]
    pub fn ambient(&self) -> &Ambient {
        &self.0.ambient
    }

    /// Whether a standby can take over, so that only a write shows that this database is still the one.
    pub(crate) fn has_standby(&self) -> bool {
        self.0.standby
    }

    /// Lets no new call begin, waits for those under way, and closes the connections.
    pub async fn close(&self) {
        self.0.stop.cancel();
        self.0.calls.close();
        self.0.calls.wait().await;
        let store = self.clone();
        elsewhere::run(self.0.ambient.world().cloned(), async move { store.close_connections().await }).await;
    }

    async fn close_connections(&self) {
        // The writer last: SQLite tidies its log away with the last connection, and a reader may not.
        for pool in [&self.0.pools.readers, &self.0.pools.writer] {
            if let Err(error) = pool.close_by_ref().await {
                tracing::warn!(service = self.0.service, "the database was not closed cleanly: {error}");
            }
        }
    }
}

/// Where replicas of this service tell each other of commits: channels belong to a whole PostgreSQL database.
fn channel(service: &str, schema: Option<&str>) -> String {
    let sum = digest(&SHA256, schema.unwrap_or_default().as_bytes());
    let short: String = sum.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("passgate_{service}_{short}")
}
