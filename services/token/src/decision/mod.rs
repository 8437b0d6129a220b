//! Decisions: the pure function, what it looks at, and the questions beside it.

mod callers;
mod decide;
mod decider;
mod evidence;
mod explain;

pub use callers::{CallerFound, Callers, GrantSource, TokenFound};
pub use decide::{Facts, Owner, Row, Source, Step, decide, first_covering};
pub use decider::{Decider, Genuine};
pub use evidence::{Fresh, Freshness};
pub use explain::{Explained, StepFound};
