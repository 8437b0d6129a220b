//! The token service's database: one file for each kind of thing, entities and migrations below.
//!
//! Whoever changes something hands in his transaction, so that the change and its line in the feed cannot part.

mod columns;
pub mod decider;
mod entity;
pub mod feed_doubt;
pub mod grants;
pub mod installation;
pub mod listing;
mod migration;
pub mod projection;
pub mod session;
pub mod signing_input;
pub mod signing_key;
pub mod token;

pub use migration::Migrator;
