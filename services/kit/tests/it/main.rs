//! What the store and the feed promise, on SQLite and on PostgreSQL.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds something else must fail"
)]

mod support;

mod audit;
mod audit_chain;
mod feed_chain;
mod follower;
mod idempotency;
mod migration;
mod server;
mod store;
mod tls;
