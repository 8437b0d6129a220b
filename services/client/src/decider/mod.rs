//! The decider: decisions in memory, and why they may be used.

mod cache;
mod cells;
mod core;
mod feed;
mod known;
mod lease;
mod rules;
mod settings;
mod shares;
mod standing;
mod streams;
mod thing;

#[cfg(test)]
mod tests;

pub use core::{Asking, Came, Core, Judged, MemoryUse};
pub use feed::{Applied, Begin, Begun};
pub use known::{Answer, Asked, Known};
pub use lease::Lease;
pub use rules::{Rule, Rules};
pub use settings::{MAX_STALENESS, MEMORY, Settings};
pub use streams::{Broken, Echo, Nonce, StreamId};
pub use thing::Thing;
