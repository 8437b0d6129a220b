//! The identity service's database: principals, groups, grants, creations.
//!
//! **The principals lock.** Every write here begins with [`Principals::lock`], which takes the row lock of `installation`
//! (on SQLite the transaction itself is exclusive). So whoever gives or takes power sees, and counts, what is true when it
//! commits: two administrators cannot disable each other, and nobody gives what was just taken from him.

pub mod creation;
pub mod entity;
mod facts;
pub mod failures;
pub mod grants;
pub mod groups;
pub mod listing;
#[cfg(test)]
mod listing_plan;
pub mod members;
mod migration;
mod principals;
pub mod query;
pub mod rows;

pub use entity::{creation as creation_row, grant as grant_row, group as group_row, principal as principal_row};
pub use facts::{GroupFacts, PrincipalFacts, Recorded};
pub use migration::Migrator;
pub use principals::Principals;

/// Whole microseconds since 1970, as all times are stored.
pub fn micros(time: time::OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}
