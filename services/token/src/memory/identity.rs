//! This replica's lease on the identity service's feed (rules 5 and 6 of the feed's protocol).
//!
//! A nonce is sent, the identity service echoes it with a position and the age of its own evidence. That says: every change
//! whose reply left before (when the nonce was *sent* − age) has at most that number. It counts only once this replica's
//! memory contains the projection up to that position; until then it waits. When the echo arrives means nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use passgate_kit::client::{Moment, Position};
use passgate_kit::feed::Evidence;
use tokio::sync::watch;

/// An echo that the memory has not caught up with yet.
pub type Pending = Evidence;

/// Echoes that wait at most: older ones say less than newer ones.
const MAX_PENDING: usize = 64;

/// What the memory knows of the identity service's feed.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    position: Option<Position>,
    evidence: Option<Evidence>,
}

/// How far the memory contains the identity service's feed, and how fresh that is.
#[derive(Clone, Debug)]
pub struct IdentityLease {
    known: watch::Sender<Known>,
    pending: Arc<Mutex<VecDeque<Pending>>>,
}

impl IdentityLease {
    /// For a memory that contains the projection up to `position`.
    #[must_use]
    pub fn new(position: Option<Position>) -> Self {
        Self { known: watch::Sender::new(Known { position, evidence: None }), pending: Arc::default() }
    }

    /// Up to where the memory contains the identity service's feed; `None` before the first snapshot.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.known.borrow().position
    }

    /// The newest evidence that counts.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        self.known.borrow().evidence
    }

    /// The memory now contains the projection up to `position`.
    pub fn applied(&self, position: Position) {
        self.known.send_modify(|known| {
            let goes_on = known.position.is_some_and(|old| position.at_least(&old));
            known.position = Some(position);
            if !goes_on {
                known.evidence = None;
            }
        });
        self.count();
    }

    /// The memory is gone.
    pub fn forget(&self) {
        self.pending.lock().clear();
        self.known.send_replace(Known::default());
    }

    /// An echo of a nonce that was sent at `sent`: the identity service had read up to `position`, and its evidence for
    /// that was `age` old after the nonce had arrived.
    pub fn echoed(&self, position: Position, sent: Moment, age: std::time::Duration) {
        let mut pending = self.pending.lock();
        if pending.len() == MAX_PENDING {
            pending.pop_front();
        }
        pending.push_back(Evidence { position, asked: sent.before(age) });
        drop(pending);
        self.count();
    }

    /// Counts the echoes that the memory has caught up with.
    fn count(&self) {
        let mut pending = self.pending.lock();
        let Some(position) = self.position() else { return };
        pending.retain(|echo| {
            if !position.at_least(&echo.position) {
                return true;
            }
            self.known.send_modify(|known| {
                // A later one may say less: the age of the other side's evidence is its own affair.
                let says_more =
                    known.evidence.is_none_or(|old| echo.asked.since(old.asked) > std::time::Duration::ZERO);
                if says_more {
                    known.evidence = Some(*echo);
                }
            });
            false
        });
    }

    /// Waits for changes of this.
    #[must_use]
    pub fn watch(&self) -> IdentityWatch {
        IdentityWatch(self.known.subscribe())
    }
}

/// Waits for changes of a lease.
#[derive(Clone, Debug)]
pub struct IdentityWatch(watch::Receiver<Known>);

impl IdentityWatch {
    /// Ends when something changed since the last call. Cancel safe.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use passgate_kit::client::{ChangeNumber, Clock as _, FeedId, ManualClock};
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn at(number: u64) -> Position {
        Position { feed: FeedId(Uuid::from_u128(1)), number: ChangeNumber(number), hash: [0; 32] }
    }

    #[test]
    fn an_echo_counts_from_when_its_nonce_was_sent_and_only_once_the_memory_has_caught_up() {
        let clock = ManualClock::new(datetime!(2026-11-24 12:00 UTC));
        let lease = IdentityLease::new(Some(at(4)));
        let sent = clock.moment();
        clock.advance(Duration::from_secs(1));

        lease.echoed(at(5), sent, Duration::from_secs(2));
        assert_eq!(lease.evidence(), None, "the memory is at 4");

        lease.applied(at(5));
        let evidence = lease.evidence().expect("evidence");
        assert_eq!(evidence.age(clock.moment()), Duration::from_secs(3), "one on the way and two old when it left");
    }

    #[test]
    fn an_echo_of_another_feed_never_counts() {
        let clock = ManualClock::new(datetime!(2026-11-24 12:00 UTC));
        let lease = IdentityLease::new(Some(at(4)));
        let other = Position { feed: FeedId(Uuid::from_u128(2)), ..at(1) };

        lease.echoed(other, clock.moment(), Duration::ZERO);

        assert_eq!(lease.evidence(), None);
    }
}
