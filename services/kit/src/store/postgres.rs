//! Connects to PostgreSQL: connections that write, others that only read, and one that hears of commits elsewhere.
//!
//! Readers have connections of their own, so that writers that queue for the feed's head never make a decision wait.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio_util::sync::CancellationToken;

use super::error::{OpenError, StoreError};
use super::wake::{ATTENTION, Bell};
use super::{ACQUIRE_TIMEOUT, Pools};

/// How long to wait before the next try to hear of commits. The followers poll meanwhile.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(1);

pub(super) async fn open(url: &str, schema: Option<&str>, connections: u32) -> Result<Pools, OpenError> {
    let half = (connections / 2).max(1);
    let writer = connect(url, schema, half, false).await?;
    let readers = connect(url, schema, half, true).await?;
    Ok(Pools { writer, readers })
}

async fn connect(url: &str, schema: Option<&str>, most: u32, read_only: bool) -> Result<DatabaseConnection, OpenError> {
    let schema = schema.map(str::to_owned);
    let mut options = ConnectOptions::new(url);
    options
        .min_connections(1)
        .max_connections(most)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_postgres_opts(move |options| settings(options, schema.as_deref(), read_only));
    Database::connect(options).await.map_err(|error| OpenError::Server(StoreError::from(error)))
}

/// What every connection begins with. A writer that was stopped in the middle of a transaction, as by SIGSTOP, must not
/// hold the feed's head for ever: the server ends it, and its change is not made.
fn settings(options: PgConnectOptions, schema: Option<&str>, read_only: bool) -> PgConnectOptions {
    let options = options
        .application_name("passgate")
        .options([("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "10s")])
        .options([("default_transaction_read_only", if read_only { "on" } else { "off" })]);
    match schema {
        Some(schema) => options.options([("search_path", schema)]),
        None => options,
    }
}

/// Rings `bell` whenever another process may have committed, until `stop`.
pub(super) async fn listen(url: String, channel: String, bell: Bell, stop: CancellationToken) {
    let forever = async {
        loop {
            if let Err(error) = hear(&url, &channel, &bell).await {
                tracing::warn!(%channel, "cannot hear of commits by other replicas, so polling for them: {error}");
            }
            tokio::time::sleep(LISTEN_AGAIN_AFTER).await;
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = forever => {}
    }
}

/// Listens on a connection of its own: it is held for ever.
async fn hear(url: &str, channel: &str, bell: &Bell) -> Result<(), sqlx::Error> {
    let options = sqlx::ConnectOptions::disable_statement_logging(url.parse::<PgConnectOptions>()?);
    let options = options.application_name("passgate listener");
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(channel).await?;
    bell.ring();
    loop {
        // `None`: the connection was lost and made anew. What was said meanwhile is lost, so it counts as news as well.
        let news = listener.try_recv().await?;
        bell.ring();
        if news.is_none_or(|news| news.payload() == ATTENTION) {
            bell.call_attention();
        }
    }
}
