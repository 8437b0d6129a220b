//! Whether the feed can be believed: a decider that has seen it further, or otherwise, shows that the database went back
//! though nobody said so (rule 8 of the feed's protocol).
//!
//! From then on nothing is decided and no lease is given, here, at the other replicas, and after a restart, until an
//! operator has the feed adopted: what the database forgot may be a "no".

use std::sync::Arc;

use parking_lot::Mutex;
use passgate_kit::client::Position;
use passgate_kit::feed::BREAK_CURE;
use tokio::sync::watch;

/// The doubt, if there is one. Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Doubt {
    raised: watch::Sender<bool>,
    /// What is still to be written down.
    unwritten: Arc<Mutex<Option<Raised>>>,
}

/// A doubt as it was raised.
#[derive(Clone, Debug)]
pub struct Raised {
    /// What somebody has seen that is not here.
    pub seen: Position,
    /// Who.
    pub told_by: String,
}

impl Doubt {
    /// Whether there is one.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self.raised.borrow()
    }

    /// Raises it: `told_by` has seen `seen`, which is not here. `head` is what is.
    pub fn raise(&self, seen: Position, told_by: &str, head: Position) {
        if self.raised.send_if_modified(|raised| !std::mem::replace(raised, true)) {
            tracing::error!(
                decider = told_by,
                "the database went back: {told_by} has seen change {} of its feed, which ends at {} or has another one \
                 there. Nothing is decided on it any more: {BREAK_CURE}",
                seen.number,
                head.number,
            );
            *self.unwritten.lock() = Some(Raised { seen, told_by: told_by.to_owned() });
        }
    }

    /// It was found written down.
    pub fn found(&self) {
        if self.raised.send_if_modified(|raised| !std::mem::replace(raised, true)) {
            tracing::error!("the feed was found to have gone back. Nothing is decided on it any more: {BREAK_CURE}");
        }
    }

    /// What is to be written down, and no more once it is taken.
    #[must_use]
    pub fn take_unwritten(&self) -> Option<Raised> {
        self.unwritten.lock().take()
    }

    /// Puts back what could not be written down.
    pub fn put_back(&self, raised: Raised) {
        *self.unwritten.lock() = Some(raised);
    }
}
