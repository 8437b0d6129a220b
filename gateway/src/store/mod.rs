//! The gateway's database: one file for each kind of thing, entities and migrations below.
//!
//! Whoever changes something hands in his transaction, so that the change and its line in the feed cannot part.

pub mod api;
mod columns;
pub mod endpoint;
mod entity;
mod migration;
pub mod retired_name;

pub use migration::Migrator;

use sea_orm::DbErr;

/// What was read, unless its row is damaged: that is logged here, and whoever asked goes on without it.
fn sound<T>(read: Result<T, DbErr>) -> Option<T> {
    read.inspect_err(|error| tracing::error!("not served: {error}")).ok()
}
