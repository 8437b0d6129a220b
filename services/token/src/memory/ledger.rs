//! The fill rule (rule 3 of the feed's protocol): what was read may be kept, and used, only if nothing that was applied
//! since the read began touches it.
//!
//! The ledger remembers for a while which change last touched what. What it no longer remembers raises the floor, below
//! which nothing is taken.

use std::collections::{HashMap, VecDeque};

use passgate_kit::client::{ChangeNumber, GroupId, Principal, TokenId};

/// What an entry is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A token or session.
    Token(TokenId),
    /// A principal.
    Principal(Principal),
    /// A group.
    Group(GroupId),
}

/// The position of the memory when a read began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf(pub ChangeNumber);

/// Which change last touched what.
#[derive(Debug)]
pub struct Ledger {
    applied: ChangeNumber,
    floor: ChangeNumber,
    latest: HashMap<Key, ChangeNumber>,
    order: VecDeque<(ChangeNumber, Key)>,
    capacity: usize,
}

impl Ledger {
    /// An empty one, for a memory that is empty at `start`, and remembers at most `capacity` touches.
    pub fn new(start: ChangeNumber, capacity: usize) -> Self {
        Self { applied: start, floor: start, latest: HashMap::new(), order: VecDeque::new(), capacity }
    }

    /// Take this before a read is sent.
    pub const fn now(&self) -> AsOf {
        AsOf(self.applied)
    }

    /// Whether something that was read `as_of` may be kept and used.
    pub fn allows(&self, key: Key, as_of: AsOf) -> bool {
        as_of.0 >= self.floor && self.latest.get(&key).is_none_or(|touched| *touched <= as_of.0)
    }

    /// Change `number` touches `key`.
    pub fn touch(&mut self, key: Key, number: ChangeNumber) {
        self.latest.insert(key, number);
        self.order.push_back((number, key));
        while self.order.len() > self.capacity {
            let Some((forgotten, key)) = self.order.pop_front() else { break };
            self.floor = self.floor.max(forgotten);
            if self.latest.get(&key) == Some(&forgotten) {
                self.latest.remove(&key);
            }
        }
    }

    /// Change `number` touches everything.
    pub fn touch_everything(&mut self, number: ChangeNumber) {
        self.floor = self.floor.max(number);
        self.latest.clear();
        self.order.clear();
    }

    /// Everything up to `number` was applied.
    pub fn applied(&mut self, number: ChangeNumber) {
        self.applied = self.applied.max(number);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(id: u128) -> Key {
        Key::Token(TokenId::new(Uuid::from_u128(id)))
    }

    #[test]
    fn what_was_read_before_a_change_that_touches_it_is_not_kept() {
        let mut ledger = Ledger::new(ChangeNumber(10), 100);
        let before = ledger.now();
        ledger.touch(key(1), ChangeNumber(11));
        ledger.applied(ChangeNumber(11));

        assert!(!ledger.allows(key(1), before), "read before, revoked, filled after");
        assert!(ledger.allows(key(2), before), "something else");
        assert!(ledger.allows(key(1), ledger.now()), "read again");
    }

    #[test]
    fn what_is_forgotten_raises_the_floor() {
        let mut ledger = Ledger::new(ChangeNumber(0), 2);
        let before = ledger.now();
        for number in 1..=3 {
            ledger.touch(key(number.into()), ChangeNumber(number));
            ledger.applied(ChangeNumber(number));
        }

        assert!(!ledger.allows(key(1), before), "the touch is forgotten, the floor stands");
        assert!(!ledger.allows(key(9), before), "nor is anything else as old as that taken");
        assert!(ledger.allows(key(9), AsOf(ChangeNumber(1))));
    }

    #[test]
    fn a_change_that_touches_everything_does() {
        let mut ledger = Ledger::new(ChangeNumber(0), 2);
        let before = ledger.now();
        ledger.touch_everything(ChangeNumber(1));

        assert!(!ledger.allows(key(1), before));
    }
}
