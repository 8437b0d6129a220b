//! How far a change feed is known.
//!
//! A position names the feed, the number of its newest known change, and that change's hash: with the hash a feed that
//! went back (a restore, a lossy fail-over) is seen though nobody announced it. Each service has a feed of its own, so
//! what is known of the whole installation is a [`Vector`].

use std::fmt;

use uuid::Uuid;

/// Which feed. A feed that was restored and adopted gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedId(pub Uuid);

impl fmt::Display for FeedId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(out)
    }
}

/// The number of a change in its feed: 1, 2, 3 … without holes. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeNumber(pub u64);

impl ChangeNumber {
    /// The number of the next change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for ChangeNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A place in a feed: everything up to and including `number` is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The feed.
    pub feed: FeedId,
    /// The newest change that is known.
    pub number: ChangeNumber,
    /// That change's hash in the chain.
    pub hash: [u8; 32],
}

impl Position {
    /// Whether everything that `other` knows is known here. Never, if they are of different feeds.
    #[must_use]
    pub fn at_least(&self, other: &Self) -> bool {
        self.feed == other.feed && self.number >= other.number
    }
}

/// How far the feed of each service is known; `None` where nothing is said about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vector {
    /// Principals, groups, grants.
    pub identity: Option<Position>,
    /// Tokens and keys.
    pub token: Option<Position>,
    /// Endpoints and APIs.
    pub gateway: Option<Position>,
}

impl Vector {
    /// Whether everything that `other` knows is known here, feed by feed. What `other` says nothing about is not asked.
    #[must_use]
    pub fn at_least(&self, other: &Self) -> bool {
        let known = |own: Option<Position>, others: Option<Position>| {
            others.is_none_or(|others| own.is_some_and(|own| own.at_least(&others)))
        };
        known(self.identity, other.identity) && known(self.token, other.token) && known(self.gateway, other.gateway)
    }

    /// What is known by both together: the further position of each feed. Where one service's feed has another identity in
    /// `newer`, that one counts: positions of different feeds cannot be compared, and the older feed is no more.
    #[must_use]
    pub fn merge(&self, newer: &Self) -> Self {
        let further = |own: Option<Position>, newer: Option<Position>| match (own, newer) {
            (Some(own), Some(newer)) if own.at_least(&newer) => Some(own),
            (own, newer) => newer.or(own),
        };
        Self {
            identity: further(self.identity, newer.identity),
            token: further(self.token, newer.token),
            gateway: further(self.gateway, newer.gateway),
        }
    }

    /// Whether it says nothing about any feed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.identity.is_none() && self.token.is_none() && self.gateway.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(feed: u128, number: u64) -> Option<Position> {
        Some(Position { feed: FeedId(Uuid::from_u128(feed)), number: ChangeNumber(number), hash: [0; 32] })
    }

    #[test]
    fn a_vector_is_at_least_another_if_each_feed_is() {
        let known = Vector { identity: at(1, 5), token: at(2, 7), gateway: None };

        assert!(known.at_least(&Vector::default()));
        assert!(known.at_least(&Vector { identity: at(1, 5), ..Vector::default() }));
        assert!(known.at_least(&Vector { identity: at(1, 4), token: at(2, 7), gateway: None }));
        assert!(!known.at_least(&Vector { identity: at(1, 6), ..Vector::default() }), "not there yet");
        assert!(!known.at_least(&Vector { identity: at(9, 1), ..Vector::default() }), "another feed");
        assert!(!known.at_least(&Vector { gateway: at(3, 0), ..Vector::default() }), "nothing known");
    }

    #[test]
    fn merging_takes_the_further_of_each_feed() {
        let one = Vector { identity: at(1, 5), token: at(2, 7), gateway: None };
        let other = Vector { identity: at(1, 6), token: at(2, 3), gateway: at(3, 1) };

        let merged = one.merge(&other);

        assert_eq!(merged, Vector { identity: at(1, 6), token: at(2, 7), gateway: at(3, 1) });
        assert!(merged.at_least(&one) && merged.at_least(&other));
        assert_eq!(one.merge(&Vector { token: at(9, 1), ..Vector::default() }).token, at(9, 1));
    }
}
