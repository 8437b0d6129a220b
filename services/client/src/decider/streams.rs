//! The streams that feed one memory: which go on where the memory is, and the nonces that each has sent.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::past::Past;
use crate::clock::Moment;
use crate::position::Position;

/// A stream of one replica, from its opening to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(super) u64);

/// Why a stream cannot go on. Whoever reads it ends it and opens another, which starts from where the memory is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It says something before it said where it begins, or after it ended.
    #[error("the stream does not say where it begins")]
    NotBegun,
    /// It belongs to another feed, or another past of the feed, than the memory.
    #[error("the stream does not go on where this decider is")]
    Elsewhere,
    /// A change is missing.
    #[error("the stream has a hole")]
    Hole,
}

/// The answer to a nonce.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// The nonce.
    pub nonce: u64,
    /// What the replica's memory contains: all of it is on the stream before the echo.
    pub position: Position,
    /// How old the replica's evidence for that was, taken after the nonce had arrived.
    pub age: Duration,
    /// The installation's bound.
    pub max_staleness: Duration,
}

/// What a decider sends to ask how fresh a stream is, and to say how far it is itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce {
    /// Counts up within a stream.
    pub nonce: u64,
    /// The last position that is applied.
    pub applied: Position,
}

/// Most nonces of a stream that wait for their echo; of more, the oldest are forgotten.
const MOST_NONCES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The line that it goes on in; `None` until it has begun.
    pub(super) line: Option<u64>,
    /// Where it asked to go on, and in which line.
    pub(super) since: Option<Position>,
    pub(super) opened_in: u64,
    /// The last change that it told, applied or known before.
    pub(super) told: u64,
    sent: VecDeque<(u64, Moment)>,
    nonces: u64,
    /// The last echo that came before everything up to its position was applied.
    pub(super) waiting: Option<(Echo, Moment)>,
}

impl Stream {
    /// The next nonce, sent at `now`.
    pub(super) fn next_nonce(&mut self, now: Moment) -> u64 {
        self.nonces += 1;
        self.sent.push_back((self.nonces, now));
        if self.sent.len() > MOST_NONCES {
            self.sent.pop_front();
        }
        self.nonces
    }

    /// When `nonce` was sent. It and all before it are done with.
    pub(super) fn sent(&mut self, nonce: u64) -> Option<Moment> {
        while let Some((number, at)) = self.sent.front().copied() {
            if number > nonce {
                return None;
            }
            self.sent.pop_front();
            if number == nonce {
                return Some(at);
            }
        }
        None
    }
}

/// All streams, in the order in which they were opened.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// The number of the change as of which the keys in place were told.
    pub(super) keys_told_at: u64,
    /// The way that the memory came.
    pub(super) past: Past,
    streams: BTreeMap<StreamId, Stream>,
    opened: u64,
}

impl Streams {
    pub(super) fn open(&mut self, line: u64, since: Option<Position>) -> StreamId {
        self.opened += 1;
        let id = StreamId(self.opened);
        self.streams.insert(id, Stream { since, opened_in: line, ..Stream::default() });
        id
    }

    pub(super) fn close(&mut self, id: StreamId) {
        self.streams.remove(&id);
    }

    /// A stream that was opened and not closed.
    pub(super) fn opened(&mut self, id: StreamId) -> Result<&mut Stream, Broken> {
        self.streams.get_mut(&id).ok_or(Broken::NotBegun)
    }

    /// A stream that goes on in `line`.
    pub(super) fn in_line(&mut self, id: StreamId, line: u64) -> Result<&mut Stream, Broken> {
        let stream = self.opened(id)?;
        match stream.line {
            None => Err(Broken::NotBegun),
            Some(begun) if begun == line => Ok(stream),
            Some(_) => Err(Broken::Elsewhere),
        }
    }

    /// How many go on in `line`.
    pub(super) fn count(&self, line: u64) -> usize {
        self.streams.values().filter(|stream| stream.line == Some(line)).count()
    }

    /// The echoes that waited for `number`, with when their nonces were sent.
    pub(super) fn now_applied(&mut self, line: u64, number: u64) -> Vec<(Echo, Moment)> {
        let streams = self.streams.values_mut().filter(|stream| stream.line == Some(line));
        streams.filter_map(|stream| stream.waiting.take_if(|(echo, _)| echo.position.number.0 <= number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::clock::{Clock, ManualClock};

    #[test]
    fn an_echo_finds_when_its_nonce_was_sent_once_and_drops_the_older_ones() {
        let clock = ManualClock::new(OffsetDateTime::UNIX_EPOCH);
        let mut stream = Stream::default();
        let mut sent = Vec::new();
        for _ in 0..3 {
            clock.advance(Duration::from_secs(1));
            sent.push((stream.next_nonce(clock.moment()), clock.moment()));
        }

        assert_eq!(stream.sent(sent[1].0), Some(sent[1].1));
        assert_eq!(stream.sent(sent[1].0), None, "once");
        assert_eq!(stream.sent(sent[0].0), None, "an older one says nothing new");
        assert_eq!(stream.sent(99), None, "one that was never sent");
        assert_eq!(stream.sent(sent[2].0), None, "gone with what was never sent");
    }

    #[test]
    fn nonces_without_echo_do_not_pile_up() {
        let (clock, mut stream) = (ManualClock::new(OffsetDateTime::UNIX_EPOCH), Stream::default());
        for _ in 0..1_000 {
            stream.next_nonce(clock.moment());
        }
        assert_eq!(stream.sent.len(), MOST_NONCES);
        assert!(stream.sent(1_000).is_some());
    }
}
