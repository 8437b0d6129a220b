//! Passgate's token service: signing keys, tokens and sessions, and decisions on them.
//!
//! **The way of a decision**: [`rpc`] reads the question; the [`decision`] module's decider verifies the token with the
//! [`key`]s, takes the token's row, its owner and the owner's groups from this replica's [`memory`], and lets one pure
//! function decide. It says how fresh that provably is, and refuses to decide on what is too old.
//!
//! **The way of a change**: the [`token`] or [`session`] module judges the caller's power and writes the row and its line in
//! the feed in one transaction of the [`store`]; the answer leaves once the memory has followed. The [`projection`] follows
//! the identity service in the same way, and [`sweep`] clears up what is left over. The [`change`] module tells every change to
//! those who keep decisions.

mod adopt;
mod change;
mod config;
mod decision;
mod error;
mod key;
mod memory;
mod projection;
mod ready;
mod rpc;
mod service;
mod session;
mod settle;
mod store;
mod sweep;
mod token;

pub use adopt::{AdoptedTokens, RevocationError, Revocations};
pub use change::StreamStats;
pub use config::{Config, ConfigError};
pub use service::{Running, Runtime, Service, StartError, Streams};
