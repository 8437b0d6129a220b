//! Evidence: how fresh a memory is, provably.

use std::time::Duration;

use passgate_client::{Moment, Position};

/// Every change of the feed whose reply left before `asked` has a number of at most `position.number`.
///
/// Made where the service's own database is read (rule 2 of the feed's protocol): `asked` is taken just *before* the
/// statement was sent, never when its answer came, and `position` is the head that the statement saw. It says something
/// about a memory only if that memory contains the feed up to `position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The head that was seen.
    pub position: Position,
    /// Just before it was asked for.
    pub asked: Moment,
}

impl Evidence {
    /// How old it is. What it says may have stopped being true that long ago, and no longer.
    #[must_use]
    pub fn age(&self, now: Moment) -> Duration {
        now.since(self.asked)
    }
}
