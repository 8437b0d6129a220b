//! What the streams tell the decider.
//!
//! One memory, one position, however many streams. Each call is one message of one stream; a stream that cannot go on is
//! told so ([`Broken`]), ends, and is opened again from where the memory is then.

use std::sync::Arc;

use super::core::Core;
use super::lease::Lease;
use super::past::{Past, Place};
use super::rules::Rule;
use super::standing::Standing;
use super::streams::{Broken, Echo, Nonce, StreamId, Streams};
use super::thing::Thing;
use crate::clock::Moment;
use crate::keyset::KeySet;
use crate::position::Position;

/// Where a stream begins.
#[derive(Clone, Copy, Debug)]
pub struct Begin {
    /// Changes after this follow.
    pub position: Position,
    /// What of the identity service's feed that contains.
    pub identity: Option<Position>,
    /// Whether this is where the stream asked to go on.
    pub resumed: bool,
}

/// How a stream began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It goes on: everything kept stays.
    GoesOn,
    /// It does not: the memory is empty, and there is no lease.
    StartedOver,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is applied.
    New,
    /// It was applied before, by another stream.
    Before,
}

impl Core {
    /// Opens a stream. It asks the replica to go on after the position that comes with it; `None` is from the start.
    #[must_use]
    pub fn open(&self) -> (StreamId, Option<Position>) {
        let mut streams = self.streams.lock();
        let standing = self.standing.load();
        (streams.open(standing.line, standing.token), standing.token)
    }

    /// The stream has ended.
    pub fn close(&self, stream: StreamId) {
        self.streams.lock().close(stream);
    }

    /// How many streams go on where the memory is.
    #[must_use]
    pub fn streams(&self) -> usize {
        let streams = self.streams.lock();
        streams.count(self.standing.load().line)
    }

    /// The stream begins.
    ///
    /// One that does not go on where the memory is starts everything over (rule 4), but not against another stream that
    /// does go on under a live lease: then it is the new one that is behind, or of a past that is no more.
    ///
    /// # Errors
    /// If it cannot go on here.
    pub fn begin(&self, stream: StreamId, begin: Begin, now: Moment) -> Result<Begun, Broken> {
        let streams = &mut *self.streams.lock();
        let standing = self.standing.load_full();
        let opened = streams.opened(stream)?;
        let asked = begin.resumed && opened.opened_in == standing.line && opened.since.is_some();
        let goes_on = if self.rules.keep(Rule::FeedIdentity) {
            (asked && opened.since == Some(begin.position)) || standing.token == Some(begin.position)
        } else {
            standing.token.is_some_and(|token| token.number >= begin.position.number)
        };
        if goes_on {
            opened.line = Some(standing.line);
            opened.told = begin.position.number.0;
            return Ok(Begun::GoesOn);
        }
        let is_live = standing.lease.is_some_and(|lease| lease.is_live(now, None, self.rules));
        if is_live && streams.count(standing.line) > 0 {
            return Err(Broken::Elsewhere);
        }
        self.start_over(streams, &standing, begin);
        let opened = streams.opened(stream)?;
        opened.line = Some(self.standing.load().line);
        opened.told = begin.position.number.0;
        Ok(Begun::StartedOver)
    }

    fn start_over(&self, streams: &mut Streams, standing: &Standing, begin: Begin) {
        let position = (Some(begin.position), begin.identity);
        if !self.rules.keep(Rule::StartOver) {
            let (token, identity) = position;
            self.standing.store(Arc::new(Standing { token, identity, ..standing.clone() }));
            return;
        }
        streams.keys_told_at = 0;
        streams.past = Past::from(begin.position);
        self.standing.store(Arc::new(Standing {
            line: standing.line + 1,
            cells: self.fresh_cells(),
            token: position.0,
            identity: position.1,
            floor: begin.position.number.0,
            lease: None,
            keys: standing.keys.clone(),
            rules: self.rules,
        }));
        // What a reader of the line before puts in meanwhile is of that line, and found by nobody.
        self.decisions.clear();
    }

    /// The stream tells the whole set of keys, as of the last change that it told.
    ///
    /// # Errors
    /// If it cannot go on here.
    pub fn tell_keys(&self, stream: StreamId, keys: KeySet) -> Result<(), Broken> {
        let streams = &mut *self.streams.lock();
        let standing = self.standing.load_full();
        let told = streams.in_line(stream, standing.line)?.told;
        if told >= streams.keys_told_at {
            streams.keys_told_at = told;
            self.standing.store(Arc::new(Standing { keys: Some(Arc::new(keys)), ..Standing::clone(&standing) }));
        }
        Ok(())
    }

    /// The stream tells a change, which touched these things and may carry a change of the identity service's.
    ///
    /// # Errors
    /// If it cannot go on here.
    pub fn change(
        &self,
        stream: StreamId,
        position: Position,
        touches: &[Thing],
        identity: Option<Position>,
        now: Moment,
    ) -> Result<Applied, Broken> {
        let streams = &mut *self.streams.lock();
        let standing = self.standing.load_full();
        streams.in_line(stream, standing.line)?.told = position.number.0;
        let reached = standing.token.ok_or(Broken::NotBegun)?;
        if self.place(streams, reached, &position)? != Place::Ahead {
            return Ok(Applied::Before);
        }
        if position.number > reached.number.next() && self.rules.keep(Rule::NoHoles) {
            return Err(Broken::Hole);
        }
        for thing in touches {
            standing.cells.touch(thing, position.number.0);
        }
        // After the cells: whoever sees the position, or a lease that counts on it, sees them too.
        let identity = identity.or(standing.identity);
        let mut next = Standing { token: Some(position), identity, ..Standing::clone(&standing) };
        for known in streams.past.pass(position) {
            known.settle();
            self.decisions.keep(&known);
        }
        for (echo, sent) in streams.now_applied(standing.line, position.number.0) {
            if self.place(streams, position, &echo.position)? == Place::Passed {
                next.lease = self.newer(next.lease, &echo, sent, now);
            }
        }
        self.standing.store(Arc::new(next));
        Ok(Applied::New)
    }

    /// Where a position that a stream tells lies (rule 8).
    fn place(&self, streams: &Streams, reached: Position, position: &Position) -> Result<Place, Broken> {
        if !self.rules.keep(Rule::FeedIdentity) {
            return Ok(if position.number > reached.number { Place::Ahead } else { Place::Passed });
        }
        match streams.past.place(position) {
            Place::Elsewhere => Err(Broken::Elsewhere),
            place => Ok(place),
        }
    }

    /// The next nonce to send on the stream, at `now`. `None` if it has not begun, or does not go on any more.
    #[must_use]
    pub fn nonce(&self, stream: StreamId, now: Moment) -> Option<Nonce> {
        let streams = &mut *self.streams.lock();
        let standing = self.standing.load();
        let applied = standing.token?;
        let nonce = streams.in_line(stream, standing.line).ok()?.next_nonce(now);
        Some(Nonce { nonce, applied })
    }

    /// The stream echoes a nonce, at `now`: the lease, once everything that the echo speaks of is applied (rule 5).
    ///
    /// # Errors
    /// If it cannot go on here.
    pub fn echo(&self, stream: StreamId, echo: Echo, now: Moment) -> Result<(), Broken> {
        let streams = &mut *self.streams.lock();
        let standing = self.standing.load_full();
        streams.in_line(stream, standing.line)?;
        let reached = standing.token.ok_or(Broken::NotBegun)?;
        let place = self.place(streams, reached, &echo.position)?;
        let own = streams.in_line(stream, standing.line)?;
        let Some(sent) = own.sent(echo.nonce) else { return Ok(()) };
        if place == Place::Ahead && self.rules.keep(Rule::EchoApplied) {
            own.waiting = Some((echo, sent));
            return Ok(());
        }
        let lease = self.newer(standing.lease, &echo, sent, now);
        self.standing.store(Arc::new(Standing { lease, ..Standing::clone(&standing) }));
        Ok(())
    }

    /// The newer of a lease and what an echo gives.
    fn newer(&self, lease: Option<Lease>, echo: &Echo, sent: Moment, now: Moment) -> Option<Lease> {
        let from = if self.rules.keep(Rule::LeaseFromSend) { sent } else { now };
        let q = if self.rules.keep(Rule::LeaseLessAge) { from.before(echo.age) } else { from };
        let told = Lease { q, bound: echo.max_staleness };
        match lease {
            Some(lease) if lease.age(now, self.rules) < told.age(now, self.rules) => Some(lease),
            Some(_) | None => Some(told),
        }
    }
}
