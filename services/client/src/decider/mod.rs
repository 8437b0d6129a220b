//! The decider: decisions in memory, and why they may be used.

mod cache;
mod cells;
mod core;
mod edge;
mod feed;
mod flight;
mod held;
mod known;
mod lease;
mod past;
mod replica;
mod rules;
mod settings;
mod shares;
mod source;
mod standing;
mod stats;
mod streams;
mod thing;
mod watch;

#[cfg(test)]
mod tests;

pub use core::{Asking, Came, Core, Judged, MemoryUse};
pub use feed::{Applied, Begin, Begun};
pub use held::{Hold, Holding, Over};
pub use known::{Answer, Asked, Known};
pub use lease::Lease;
pub use rules::{Rule, Rules};
pub use settings::{MAX_STALENESS, MEMORY, Settings};
pub use source::{CachedDecisions, Parts, Watching};
pub use stats::Stats;
pub use streams::{Broken, Echo, Nonce, StreamId};
pub use thing::Thing;
