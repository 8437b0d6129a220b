//! The harness, and what tests say with it.

mod client;
mod database;
mod fake_token;
mod harness;
mod refusal;

pub use client::{Client, has_mark, sign_in};
pub use fake_token::Fault;
pub use harness::{ADMIN_PASSWORD, Harness};
pub use refusal::{fields, reason, told};

/// Makes each test run on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($(async fn $name:ident($harness:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn run($harness: $crate::support::Harness) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                run($crate::support::Harness::start(passgate_kit::store::Dialect::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                run($crate::support::Harness::start(passgate_kit::store::Dialect::Postgres).await).await;
            }
        }
    )+};
}
pub(crate) use on_both;
