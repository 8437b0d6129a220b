//! What the store and the feed promise, on SQLite and on PostgreSQL.

mod support;

mod feed_chain;
mod follower;
mod idempotency;
mod migration;
mod store;
