//! The newest changes of the service's own feed, as ready messages, once for all who watch.
//!
//! Changes get in after this replica's memory has applied them, and before anybody is told that it has. So whoever looks
//! at the log after it took evidence for the memory finds everything in it that the evidence is about.
//!
//! A reader keeps nothing but the number that it has read up to. What lies below the oldest change that is kept is
//! compacted: whoever stands there starts over.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::RwLock;
use passgate_kit::client::{ChangeNumber, Position};
use passgate_kit::feed::{FeedRow, Touch};
use passgate_proto::token::v1::WatchChangesResponse;
use passgate_proto::token::v1::watch_changes_response::{Change, Message};
use tokio::sync::watch;

/// One change.
#[derive(Debug)]
pub struct Entry {
    /// Its position.
    pub position: Position,
    /// How far the memory contains the identity service's feed from this change on.
    pub identity: Option<Position>,
    /// What decisions may rest on and must be decided anew.
    pub touches: Vec<Touch>,
    /// The same as deciders are told it.
    pub message: WatchChangesResponse,
}

impl Entry {
    /// The entry of a row that comes where the identity service's feed was known up to `identity`.
    fn of(row: &FeedRow, identity: Option<Position>) -> Self {
        let carried = row.cause.as_ref().and_then(|cause| cause.identity);
        let change = Change {
            position: Some(row.position.into()),
            touches: row.touches.iter().map(ToString::to_string).collect(),
            identity: carried.map(Into::into),
        };
        let message = WatchChangesResponse { message: Some(Message::Change(change)) };
        Self { position: row.position, identity: carried.or(identity), touches: row.touches.clone(), message }
    }

    /// Whether the keys that tokens are signed with may be others after it.
    #[must_use]
    pub fn touches_keys(&self) -> bool {
        self.touches.iter().any(|touch| matches!(touch, Touch::Key(_) | Touch::Everything))
    }
}

/// A place in the feed, and how far the identity service's is known there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The place.
    pub position: Position,
    /// What it contains of the identity service's feed; `None` if nothing, or if that is not known any more.
    pub identity: Option<Position>,
}

/// Where a position lies that somebody names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Here, and everything after it is kept.
    Here(Place),
    /// Below what is kept.
    Compacted,
    /// Of another feed.
    OtherFeed,
    /// There is another change with this number.
    OtherHash,
    /// Above the newest that was applied here.
    Ahead,
}

/// What comes after a number.
#[derive(Debug)]
pub enum Next {
    /// These, oldest first; none if it is the newest.
    Changes(Vec<Arc<Entry>>),
    /// They are not kept any more.
    Compacted,
    /// The feed went back.
    Broken,
}

/// Where the log stands, for those who wait.
#[derive(Clone, Copy, Debug)]
pub struct News {
    /// The newest change.
    pub head: ChangeNumber,
    /// How often everybody was asked to acknowledge at once.
    pub probes: u64,
    /// Whether the feed went back.
    pub broken: bool,
}

/// The log. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct ChangeLog {
    ring: Arc<RwLock<Ring>>,
    news: watch::Sender<News>,
}

#[derive(Debug)]
struct Ring {
    /// The place before the first entry.
    base: Place,
    entries: VecDeque<Arc<Entry>>,
    kept: usize,
    broken: bool,
}

impl Ring {
    fn head(&self) -> Place {
        self.entries.back().map_or(self.base, |entry| Place { position: entry.position, identity: entry.identity })
    }

    /// How many entries lie between the base and `number`; `None` below it.
    fn offset(&self, number: ChangeNumber) -> Option<usize> {
        usize::try_from(number.0.checked_sub(self.base.position.number.0)?).ok()
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push_back(Arc::new(entry));
        if self.entries.len() > self.kept
            && let Some(oldest) = self.entries.pop_front()
        {
            self.base = Place { position: oldest.position, identity: oldest.identity };
        }
    }
}

impl ChangeLog {
    /// An empty log that begins at `base` and keeps at most `kept` changes.
    #[must_use]
    pub fn new(base: Place, kept: usize) -> Self {
        let ring = Ring { base, entries: VecDeque::new(), kept, broken: false };
        let news = News { head: base.position.number, probes: 0, broken: false };
        Self { ring: Arc::new(RwLock::new(ring)), news: watch::Sender::new(news) }
    }

    /// Takes rows in, in feed order. Those that it has already are left out.
    pub fn append(&self, rows: &[FeedRow]) {
        let mut ring = self.ring.write();
        for row in rows {
            let head = ring.head();
            if row.number() == head.position.number.next() {
                ring.push(Entry::of(row, head.identity));
            }
        }
        let head = ring.head().position.number;
        drop(ring);
        self.news.send_if_modified(|news| std::mem::replace(&mut news.head, head) != head);
    }

    /// The feed is not the one that this is a part of: nothing of it is told any more.
    pub fn give_up(&self) {
        let mut ring = self.ring.write();
        ring.broken = true;
        ring.entries.clear();
        drop(ring);
        self.news.send_modify(|news| news.broken = true);
    }

    /// Asks everybody who watches to acknowledge now.
    pub fn probe(&self) {
        self.news.send_modify(|news| news.probes = news.probes.wrapping_add(1));
    }

    /// What happens, from now on.
    #[must_use]
    pub fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    /// The newest change.
    #[must_use]
    pub fn head(&self) -> Place {
        self.ring.read().head()
    }

    /// Where `position` lies.
    #[must_use]
    pub fn find(&self, position: &Position) -> Found {
        let ring = self.ring.read();
        if position.feed != ring.base.position.feed {
            return Found::OtherFeed;
        }
        let place = match ring.offset(position.number) {
            None => return Found::Compacted,
            Some(0) => Some(ring.base),
            Some(offset) => ring
                .entries
                .get(offset.saturating_sub(1))
                .map(|entry| Place { position: entry.position, identity: entry.identity }),
        };
        match place {
            None => Found::Ahead,
            Some(place) if place.position.hash == position.hash => Found::Here(place),
            Some(_) => Found::OtherHash,
        }
    }

    /// At most `limit` changes after `number`.
    #[must_use]
    pub fn after(&self, number: ChangeNumber, limit: usize) -> Next {
        let ring = self.ring.read();
        if ring.broken {
            return Next::Broken;
        }
        match ring.offset(number) {
            None => Next::Compacted,
            Some(offset) => Next::Changes(ring.entries.iter().skip(offset).take(limit).map(Arc::clone).collect()),
        }
    }

    /// The first change that contains the identity service's feed up to `identity`; the newest if that is not known.
    #[must_use]
    pub fn carrying(&self, identity: &Position) -> Position {
        let ring = self.ring.read();
        let carries = |known: Option<Position>| known.is_some_and(|known| known.at_least(identity));
        let first = ring.entries.partition_point(|entry| !carries(entry.identity));
        match ring.entries.get(first) {
            Some(entry) if first > 0 || !carries(ring.base.identity) => entry.position,
            Some(_) => ring.base.position,
            None => ring.head().position,
        }
    }
}

#[cfg(test)]
mod tests {
    use passgate_kit::client::{FeedId, TokenId, Vector};
    use passgate_kit::feed::Actor;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn at(number: u64) -> Position {
        let hash = [u8::try_from(number % 251).unwrap(); 32];
        Position { feed: FeedId(Uuid::from_u128(1)), number: ChangeNumber(number), hash }
    }

    fn identity(number: u64) -> Position {
        Position { feed: FeedId(Uuid::from_u128(2)), ..at(number) }
    }

    fn row(number: u64, cause: Option<u64>) -> FeedRow {
        FeedRow {
            position: at(number),
            time: datetime!(2026-11-24 12:00 UTC),
            kind: "token.revoked".to_owned(),
            subject: String::new(),
            actor: Actor::passgate("test"),
            before: None,
            after: None,
            touches: vec![Touch::Token(TokenId::new(Uuid::from_u128(u128::from(number))))],
            cause: cause.map(|number| Vector { identity: Some(identity(number)), ..Vector::default() }),
        }
    }

    fn log(kept: usize, rows: std::ops::RangeInclusive<u64>) -> ChangeLog {
        let log = ChangeLog::new(Place { position: at(rows.start() - 1), identity: None }, kept);
        log.append(&rows.map(|number| row(number, None)).collect::<Vec<_>>());
        log
    }

    fn numbers(next: Next) -> Vec<u64> {
        let Next::Changes(changes) = next else { panic!("{next:?}") };
        changes.iter().map(|entry| entry.position.number.0).collect()
    }

    #[test]
    fn a_reader_reads_on_after_what_it_has() {
        let log = log(10, 5..=9);

        assert_eq!(numbers(log.after(ChangeNumber(4), 100)), [5, 6, 7, 8, 9]);
        assert_eq!(numbers(log.after(ChangeNumber(7), 1)), [8]);
        assert_eq!(numbers(log.after(ChangeNumber(9), 100)), [0; 0]);
    }

    #[test]
    fn rows_that_come_again_are_not_told_again() {
        let log = log(10, 5..=9);

        log.append(&[row(8, None), row(9, None), row(10, None)]);

        assert_eq!(numbers(log.after(ChangeNumber(7), 100)), [8, 9, 10]);
    }

    #[test]
    fn what_is_not_kept_any_more_is_compacted() {
        let log = log(3, 1..=5);

        assert!(matches!(log.after(ChangeNumber(1), 100), Next::Compacted));
        assert_eq!(numbers(log.after(ChangeNumber(2), 100)), [3, 4, 5]);
        assert_eq!(log.find(&at(1)), Found::Compacted);
        assert!(matches!(log.find(&at(2)), Found::Here(place) if place.position == at(2)));
    }

    #[test]
    fn a_position_is_a_feed_a_number_and_a_hash() {
        let log = log(10, 5..=9);

        assert!(matches!(log.find(&at(9)), Found::Here(_)));
        assert_eq!(log.find(&at(10)), Found::Ahead);
        assert_eq!(log.find(&Position { hash: [9; 32], ..at(7) }), Found::OtherHash);
        assert_eq!(log.find(&Position { hash: [9; 32], ..at(4) }), Found::OtherHash, "at its base too");
        assert_eq!(log.find(&identity(7)), Found::OtherFeed);
    }

    #[test]
    fn each_place_says_how_far_identity_is_known_there() {
        let log = log(10, 5..=6);
        log.append(&[row(7, Some(3)), row(8, None), row(9, Some(4))]);

        assert!(matches!(log.find(&at(6)), Found::Here(Place { identity: None, .. })));
        assert!(matches!(log.find(&at(8)), Found::Here(Place { identity: Some(known), .. }) if known == identity(3)));
        assert_eq!(log.carrying(&identity(3)), at(7));
        assert_eq!(log.carrying(&identity(4)), at(9));
        assert_eq!(log.carrying(&identity(9)), at(9), "not known: everything there is");
    }

    #[test]
    fn a_feed_that_went_back_is_not_told() {
        let log = log(10, 5..=9);
        let news = log.news();

        log.give_up();

        assert!(matches!(log.after(ChangeNumber(7), 100), Next::Broken));
        assert!(news.has_changed().expect("told") && news.borrow().broken);
    }
}
