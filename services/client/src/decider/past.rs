//! The way that the memory came: which positions it has passed, and the answers that are ahead of it.
//!
//! After a restore a feed can have two pasts under one identity: equal up to some change, and different from there on. A
//! position names its past by its hash. So an answer is put beside the hash that the stream told for that number. One that
//! is *ahead* of the stream cannot be: were it kept, a stream that goes on from a common position would never say that its
//! past is no more. It waits until the stream gets there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::known::Known;
use crate::position::Position;

/// How many positions are remembered: seconds of a busy feed. An answer from before them is asked for again.
const REMEMBERED: usize = 4096;
/// Most answers that wait for the stream; more are used by who asked, and not kept.
const MOST_AHEAD: usize = 4096;

/// Where a position lies, seen from the memory's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where the stream has been; or before it began, which the floor has to say no to.
    Passed,
    /// Where it has not been yet.
    Ahead,
    /// So far back that it is not remembered.
    Forgotten,
    /// In another feed, or in another past of this one.
    Elsewhere,
}

/// An answer that waits, and the hash that the stream has to tell for it.
#[derive(Debug)]
struct Waiting {
    hash: [u8; 32],
    known: Arc<Known>,
}

/// The way since the stream began.
#[derive(Debug, Default)]
pub(super) struct Past {
    began: u64,
    reached: Option<Position>,
    hashes: VecDeque<[u8; 32]>,
    ahead: BTreeMap<u64, Vec<Waiting>>,
    waiting: usize,
}

impl Past {
    /// The way that begins at `position`.
    pub(super) fn from(position: Position) -> Self {
        let hashes = VecDeque::from([position.hash]);
        Self { began: position.number.0, reached: Some(position), hashes, ..Self::default() }
    }

    /// Goes on to `position`, the next one. Gives back the answers that waited for exactly this.
    pub(super) fn pass(&mut self, position: Position) -> Vec<Arc<Known>> {
        self.reached = Some(position);
        self.hashes.push_back(position.hash);
        if self.hashes.len() > REMEMBERED {
            self.hashes.pop_front();
        }
        let waited = self.ahead.remove(&position.number.0).unwrap_or_default();
        self.waiting = self.waiting.saturating_sub(waited.len());
        waited.into_iter().filter(|waited| waited.hash == position.hash).map(|waited| waited.known).collect()
    }

    /// Where `position` lies.
    pub(super) fn place(&self, position: &Position) -> Place {
        let Some(reached) = self.reached.filter(|reached| reached.feed == position.feed) else {
            return Place::Elsewhere;
        };
        if position.number > reached.number {
            return Place::Ahead;
        }
        if position.number.0 < self.began {
            return Place::Passed;
        }
        let back = usize::try_from(reached.number.0 - position.number.0).unwrap_or(usize::MAX);
        let told = self.hashes.len().checked_sub(1).and_then(|last| last.checked_sub(back));
        match told.and_then(|index| self.hashes.get(index)) {
            Some(hash) if *hash == position.hash => Place::Passed,
            Some(_) => Place::Elsewhere,
            None => Place::Forgotten,
        }
    }

    /// Lets an answer that is ahead wait for the stream.
    pub(super) fn wait(&mut self, position: &Position, known: Arc<Known>) {
        if self.waiting < MOST_AHEAD {
            self.waiting += 1;
            self.ahead.entry(position.number.0).or_default().push(Waiting { hash: position.hash, known });
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::position::{ChangeNumber, FeedId};

    fn at(number: u64, past: u8) -> Position {
        Position { feed: FeedId(Uuid::from_u128(1)), number: ChangeNumber(number), hash: [past; 32] }
    }

    #[test]
    fn a_position_is_where_the_stream_was_ahead_of_it_forgotten_or_elsewhere() {
        let mut past = Past::from(at(10, 0));
        for number in 11..=u64::try_from(10 + REMEMBERED).expect("small") {
            past.pass(at(number, 1));
        }
        let last = 10 + u64::try_from(REMEMBERED).expect("small");

        assert_eq!(past.place(&at(last, 1)), Place::Passed);
        assert_eq!(past.place(&at(last, 2)), Place::Elsewhere);
        assert_eq!(past.place(&at(11, 1)), Place::Passed, "the oldest that is remembered");
        assert_eq!(past.place(&at(11, 0)), Place::Elsewhere);
        assert_eq!(past.place(&at(10, 0)), Place::Forgotten);
        assert_eq!(past.place(&at(9, 7)), Place::Passed, "before the beginning: the floor's to refuse");
        assert_eq!(past.place(&at(last + 1, 9)), Place::Ahead);
        let other = Position { feed: FeedId(Uuid::from_u128(2)), ..at(11, 1) };
        assert_eq!(past.place(&other), Place::Elsewhere);
        assert_eq!(Past::default().place(&at(1, 0)), Place::Elsewhere, "before the first beginning");
    }
}
