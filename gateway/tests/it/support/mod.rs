//! The harness: a gateway in this process, with a token service that knows a few tokens by heart.

#![cfg(test)]

mod calls;
mod feed;
mod gateway;
mod token_service;

pub use calls::*;
pub use feed::{Feed, ISSUER};
pub use gateway::{Gateway, run};

/// Runs each function with a gateway on SQLite and on PostgreSQL.
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($gateway:ident: Gateway) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use passgate_kit::store::Dialect;

            use super::*;

            async fn holds($gateway: Gateway) $body

            #[tokio::test]
            async fn on_sqlite() {
                holds(Gateway::start(Dialect::Sqlite).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                holds(Gateway::start(Dialect::Postgres).await).await;
            }
        }
    )+};
}
pub(crate) use on_both_databases;
