//! Decisions: the pure function, what it looks at, and the questions beside it.

mod callers;
mod decide;
mod decider;
mod evidence;
mod explain;
mod lacking;

pub use callers::{CallerFound, Callers};
pub use decide::{Owner, Row};
pub use decider::{Decider, Genuine};
pub use evidence::{Fresh, Freshness};
pub use explain::{Explained, StepFound};
pub use lacking::Lacking;
