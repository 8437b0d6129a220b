//! The books of the cache: how much is in memory, and how much of it each token has.
//!
//! One token asked about a million resources must not push everybody else out, so each has a share. A decision enters the
//! books when it is kept and leaves them when its memory is freed, whoever held it last.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use parking_lot::Mutex;

/// How many parts the books have, so that threads do not wait for each other.
const PARTS: usize = 64;

/// The books.
#[derive(Debug)]
pub(super) struct Books {
    /// Decisions per token, by the first half of the first half of its digest: tokens are genuine here, and nobody can make
    /// two whose digests begin alike. If two ever did, they would share.
    tokens: [Mutex<HashMap<u64, u32, FixedState>>; PARTS],
    share: u32,
    bytes: AtomicU64,
    entries: AtomicU64,
}

/// A decision's place in the books. Given back when dropped.
#[derive(Debug)]
pub(super) struct Charge {
    books: Arc<Books>,
    token: u64,
    bytes: u64,
}

impl Books {
    /// Books in which a token has at most `share` decisions.
    pub(super) fn new(share: u32, hasher: &FixedState) -> Arc<Self> {
        let tokens = std::array::from_fn(|_| Mutex::new(HashMap::with_hasher(hasher.clone())));
        Arc::new(Self { tokens, share, bytes: AtomicU64::new(0), entries: AtomicU64::new(0) })
    }

    /// Enters a decision about `token` that takes `bytes`; `None` if the token has its share already.
    pub(super) fn charge(self: &Arc<Self>, token: u64, bytes: u64) -> Option<Charge> {
        {
            let mut tokens = self.part(token)?.lock();
            let held = tokens.entry(token).or_insert(0);
            if *held >= self.share {
                return None;
            }
            *held += 1;
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.entries.fetch_add(1, Ordering::Relaxed);
        Some(Charge { books: Arc::clone(self), token, bytes })
    }

    /// What the decisions in memory take.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many decisions are in memory.
    pub(super) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    fn part(&self, token: u64) -> Option<&Mutex<HashMap<u64, u32, FixedState>>> {
        self.tokens.get(usize::try_from(token >> 32).ok()? % PARTS)
    }

    fn give_back(&self, token: u64) {
        let Some(part) = self.part(token) else { return };
        let mut tokens = part.lock();
        if let Some(held) = tokens.get_mut(&token) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                tokens.remove(&token);
            }
        }
    }
}

impl Charge {
    /// What it is for.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.books.give_back(self.token);
        self.books.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.books.entries.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_gets_its_share_and_no_more_until_it_gives_back() {
        let books = Books::new(2, &FixedState::with_seed(1));

        let first = books.charge(7, 100).expect("first");
        let second = books.charge(7, 100).expect("second");
        assert!(books.charge(7, 100).is_none(), "the share is used up");
        assert!(books.charge(8, 100).is_some(), "others are not harmed");
        assert_eq!((books.bytes(), books.entries()), (200, 2));

        drop(first);
        assert!(books.charge(7, 50).is_some());
        drop(second);
        assert_eq!((books.bytes(), books.entries()), (0, 0));
        assert!(books.tokens.iter().all(|part| part.lock().is_empty()), "nobody is remembered");
    }
}
