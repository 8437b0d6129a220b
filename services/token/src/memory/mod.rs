//! What this replica keeps in memory of rows, so that a decision asks no database.
//!
//! The memory is empty at first and fills itself with what is asked for. It follows the service's own feed: a change drops
//! what it touches. **Why it is right**: the memory *at position p* must never answer with something older than p.
//! Whatever is in it was read after `p₀` had been applied, and no change since `p₀` touched it ([`ledger`], the fill rule);
//! when such a change is applied, the entry goes before the position moves. So an entry is as new as the position, or newer.
//!
//! Groups stand beside principals and are put together when asked: a change of a group of 100,000 drops one entry.

mod caches;
mod flight;
mod follower;
mod identity;
mod ledger;

pub use caches::{Memory, Unknown};
pub use follower::MemoryFollower;
pub use identity::IdentityLease;
