//! The decisions in memory, bounded in bytes.
//!
//! What is found here is a decision that once was right. Whether it still is, the core says on each use.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, Weighter};

use super::known::{Asked, Known};
use super::resources::Resources;
use super::shares::Books;

/// Where to look: part of the token's digest, and a hash of the rest. Two questions with one key are told apart by
/// [`Known::answers`], which compares everything; they only push each other out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    token: u64,
    what: u64,
}

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<Key, Arc<Known>> for Bytes {
    fn weight(&self, _: &Key, known: &Arc<Known>) -> u64 {
        known.charge.as_ref().map_or(1, super::shares::Charge::bytes)
    }
}

/// Counts what was pushed out.
#[derive(Clone, Debug, Default)]
struct Evictions(Arc<AtomicU64>);

impl Lifecycle<Key, Arc<Known>> for Evictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: Key, _: Arc<Known>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The decisions in memory.
#[derive(Debug)]
pub(super) struct Decisions {
    kept: Cache<Key, Arc<Known>, Bytes, FixedState, Evictions>,
    books: Arc<Books>,
    evictions: Evictions,
    pub(super) resources: Resources,
    hasher: FixedState,
}

/// About what a decision takes, for the first size of the cache's tables.
const USUAL_BYTES: u64 = 1024;

impl Decisions {
    /// An empty memory for at most `bytes`, of which a token has at most `share` decisions.
    pub(super) fn new(bytes: u64, share: u32, hasher: FixedState) -> Self {
        let (books, evictions) = (Books::new(share, &hasher), Evictions::default());
        let items = usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX);
        let kept = Cache::with(items, bytes, Bytes, hasher.clone(), evictions.clone());
        let resources = Resources::new(hasher.clone());
        Self { kept, books, evictions, resources, hasher }
    }

    /// What is kept for this question. No allocation; a shard's lock is held for reading, for the time of one look-up.
    pub(super) fn get(&self, asked: &Asked<'_>) -> Option<Arc<Known>> {
        self.kept.get(&self.key(asked)).filter(|known| known.answers(asked))
    }

    /// Enters a decision in the books, unless its token has its share already. Only what is in the books can be kept.
    pub(super) fn enter(&self, mut known: Known) -> Arc<Known> {
        let key = self.key(&known.asked());
        // What it replaces goes first: otherwise a token with a full share could never renew what it has.
        self.kept.remove(&key);
        known.charge = self.books.charge(key.token, known.bytes());
        Arc::new(known)
    }

    /// Keeps a decision, if it is in the books.
    pub(super) fn keep(&self, known: &Arc<Known>) {
        if known.charge.is_some() {
            self.kept.insert(self.key(&known.asked()), Arc::clone(known));
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.kept.clear();
    }

    /// What the decisions in memory take, those that an open stream holds after they were pushed out included.
    pub(super) fn bytes(&self) -> u64 {
        self.books.bytes()
    }

    /// How many there are.
    pub(super) fn entries(&self) -> u64 {
        self.books.entries()
    }

    /// How many were pushed out so far, for lack of room.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions.0.load(Ordering::Relaxed)
    }

    fn key(&self, asked: &Asked<'_>) -> Key {
        let [a, b, c, d, e, f, g, h, ..] = *asked.digest;
        let token = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        Key { token, what: self.hasher.hash_one((asked.resource, asked.action)) }
    }
}
