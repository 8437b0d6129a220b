//! How fresh what this replica knows provably is: the older of its evidence for its own feed and for the identity
//! service's (rule 6 of the feed's protocol).

use std::time::Duration;

use passgate_kit::client::{Ambient, ChangeNumber, Moment, Position, Vector};
use passgate_kit::feed::{Applied, NotApplied};

use crate::change::Doubt;
use crate::error::TokenError;
use crate::memory::IdentityLease;

/// How long a request waits for its change mark.
const MARK_PATIENCE: Duration = Duration::from_secs(1);

/// Why nothing is decided on a feed that went back.
const WENT_BACK: &str =
    "the token service's database went back, and its operator must put back a copy that is not older";

/// Knows it.
#[derive(Clone, Debug)]
pub struct Freshness {
    applied: Applied,
    identity: IdentityLease,
    doubt: Doubt,
    ambient: Ambient,
    bound: Duration,
}

/// What a decision may rest on: taken before anything is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// What the memory contains at least.
    pub as_of: Vector,
    asked: Moment,
}

impl Freshness {
    /// Nothing older than `bound` is good enough.
    #[must_use]
    pub const fn new(
        applied: Applied,
        identity: IdentityLease,
        doubt: Doubt,
        ambient: Ambient,
        bound: Duration,
    ) -> Self {
        Self { applied, identity, doubt, ambient, bound }
    }

    /// How far the memory has applied the service's own feed.
    #[must_use]
    pub fn applied(&self) -> Applied {
        self.applied.clone()
    }

    /// What a decision that begins now may rest on.
    ///
    /// # Errors
    /// If there is no evidence, or it is too old.
    pub fn now(&self) -> Result<Fresh, TokenError> {
        let undecidable = |why| TokenError::Undecidable { why };
        if self.doubt.is_raised() || self.applied.broken().is_some() {
            return Err(undecidable(WENT_BACK));
        }
        // Evidence first: the position that is read after it contains what it vouches for.
        let own = self.applied.evidence().ok_or_else(|| undecidable("the token service has not read its database"))?;
        let identity = self
            .identity
            .evidence()
            .ok_or_else(|| undecidable("the token service has not heard from the identity service"))?;
        let token = self.applied.position();
        let as_of = Vector { identity: self.identity.position(), token, gateway: None };
        let now = self.ambient.moment();
        let asked = if own.age(now) > identity.age(now) { own.asked } else { identity.asked };
        let fresh = Fresh { as_of, asked };
        self.age(fresh)?;
        Ok(fresh)
    }

    /// How old the evidence is by now.
    ///
    /// # Errors
    /// If that is too old.
    pub fn age(&self, fresh: Fresh) -> Result<Duration, TokenError> {
        let age = self.ambient.moment().since(fresh.asked);
        if age > self.bound {
            return Err(TokenError::Undecidable { why: "what the token service knows may be out of date" });
        }
        Ok(age)
    }

    /// What the memory contains.
    #[must_use]
    pub fn as_of(&self) -> Vector {
        Vector { identity: self.identity.position(), token: self.applied.position(), gateway: None }
    }

    /// Waits until the memory contains what a change mark names, for at most a second.
    ///
    /// A position of a feed that is no more is met by evidence from after now: then everything is known that there is.
    ///
    /// # Errors
    /// If it does not in that time.
    pub async fn wait_for(&self, mark: &Vector) -> Result<(), TokenError> {
        self.wait_for_within(mark, MARK_PATIENCE).await
    }

    /// The same, for at most `within`.
    ///
    /// # Errors
    /// If it does not in that time.
    pub async fn wait_for_within(&self, mark: &Vector, within: Duration) -> Result<(), TokenError> {
        let arrived = self.ambient.moment();
        // Both watch from before the first look, so that nothing that comes after it is missed.
        let (mut own, mut identity) = (self.applied.clone(), self.identity.watch());
        let reached = async {
            while !self.contains(mark, arrived) {
                tokio::select! {
                    biased;
                    () = own.changed() => {}
                    () = identity.changed() => {}
                }
            }
        };
        tokio::time::timeout(within, reached)
            .await
            .map_err(|_| TokenError::Undecidable { why: "the change that is asked for has not arrived here yet" })
    }

    /// Waits until the memory contains what a decider says that it has applied, for at most a second (rule 7): what it
    /// asks for now must not be older than what it knows.
    ///
    /// # Errors
    /// If it does not in that time, or the position is none of this feed. The decider then starts over on its stream.
    pub async fn wait_for_applied(&self, applied: &Position) -> Result<(), TokenError> {
        self.applied.wait_for_position(applied, MARK_PATIENCE).await.map_err(|not| TokenError::Undecidable {
            why: match not {
                NotApplied::OtherFeed | NotApplied::Broken => "the position that was applied is not of this feed",
                NotApplied::NotYet | NotApplied::Stopped => "what the decider has applied has not arrived here yet",
            },
        })
    }

    /// Waits until the memory contains change `number` of the service's own feed.
    ///
    /// # Errors
    /// If that takes longer than `within`.
    pub async fn wait_for_own(&self, number: ChangeNumber, within: Duration) -> Result<(), TokenError> {
        self.applied.wait_for(number, within).await.map_err(|_| TokenError::NotApplied)
    }

    fn contains(&self, mark: &Vector, arrived: Moment) -> bool {
        let met = |own: Option<Position>, asked: Option<Position>, evidence: Option<Moment>| match (own, asked) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(asked)) if own.feed == asked.feed => own.number >= asked.number,
            // Asked after the question arrived, or at the same moment.
            (Some(_), Some(_)) => evidence.is_some_and(|evidence| arrived.since(evidence).is_zero()),
        };
        let own = self.applied.evidence().map(|evidence| evidence.asked);
        let identity = self.identity.evidence().map(|evidence| evidence.asked);
        met(self.applied.position(), mark.token, own) && met(self.identity.position(), mark.identity, identity)
    }
}
