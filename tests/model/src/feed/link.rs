//! A stream: a nonce on the way up, messages on the way down.

use super::state::At;
use crate::age::older;

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Msg {
    /// Everything up to here has happened; the token was touched.
    Change(At),
    /// The last nonce again, with the head behind it; the age counts from when it was sent, plus the evidence's then.
    Echo(At, u8),
}

/// A stream between a service and one that follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Link {
    /// The age of the last nonce sent and not yet echoed.
    pub nonce: Option<u8>,
    /// What is under way, oldest first.
    queue: [Option<Msg>; 3],
    /// The last change put on it.
    pub sent: At,
}

impl Link {
    /// An empty stream that goes on behind `sent`.
    pub fn resumed(sent: At) -> Self {
        Self { sent, ..Self::default() }
    }

    /// How many messages are under way.
    pub fn len(&self) -> usize {
        self.queue.iter().flatten().count()
    }

    /// The next message to arrive.
    pub fn first(&self) -> Option<Msg> {
        self.queue.first().copied().flatten()
    }

    /// Puts a message behind the others; the caller looks at the length first.
    pub fn push(&mut self, msg: Msg) {
        if let Some(free) = self.queue.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(msg);
        }
    }

    /// Takes the first message away.
    pub fn pop(&mut self) -> Option<Msg> {
        let first = self.first();
        self.queue.rotate_left(1);
        if let Some(last) = self.queue.last_mut() {
            *last = None;
        }
        first
    }

    /// Ages what is under way; an echo that can renew nothing any more is let go.
    pub fn pass(&mut self, s: u8, ageing: bool, nonce_ageing: bool) {
        if nonce_ageing {
            self.nonce = self.nonce.map(|age| older(age, s)).filter(|age| *age <= s || !ageing);
        }
        if ageing {
            let was = std::mem::take(&mut self.queue);
            for msg in was.into_iter().flatten() {
                match msg {
                    Msg::Echo(at, age) if older(age, s) <= s => self.push(Msg::Echo(at, older(age, s))),
                    Msg::Echo(..) => {}
                    Msg::Change(_) => self.push(msg),
                }
            }
        }
    }
}
