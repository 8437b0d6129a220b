//! Where a stream begins.

use std::time::Duration;

use passgate_kit::client::{Moment, Position};

use super::end::End;
use super::guests::Guest;
use super::log::{Found, Place};
use super::stream::Changes;
use crate::error::TokenError;

/// How long a position that is ahead of this replica is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// Changes after this follow.
    pub place: Place,
    /// Whether it is where the decider was.
    pub resumed: bool,
}

impl Changes {
    /// Where the stream of a decider that stands at `since` begins.
    ///
    /// Another replica may be ahead of this one; so a position that is not here yet is waited for, and shows that the feed
    /// went back only once evidence that was asked for after it arrived says that the feed ends below it.
    ///
    /// # Errors
    /// If that does not become known.
    pub(super) async fn begin(&self, guest: &Guest, since: Option<Position>) -> Result<Begin, End> {
        let Some(since) = since else { return Ok(self.over()) };
        let arrived = self.ambient.moment();
        let mut applied = self.freshness.applied();
        let decided = async {
            loop {
                if let Some(begin) = self.look(guest, &since, arrived) {
                    return begin;
                }
                applied.changed().await;
            }
        };
        let not_yet = TokenError::Undecidable { why: "this replica has not caught up with that position yet" };
        tokio::time::timeout(PATIENCE, decided).await.map_err(|_| not_yet.into())
    }

    /// Where it begins, if that can be known already.
    fn look(&self, guest: &Guest, since: &Position, arrived: Moment) -> Option<Begin> {
        match self.log.find(since) {
            Found::Here(place) => Some(Begin { place, resumed: true }),
            Found::Compacted | Found::OtherFeed => Some(self.over()),
            Found::OtherHash => Some(self.went_back(guest, since)),
            Found::Ahead => {
                let evidence = self.freshness.applied().evidence()?;
                let ends_below = arrived.since(evidence.asked).is_zero() && evidence.position.number < since.number;
                ends_below.then(|| self.went_back(guest, since))
            }
        }
    }

    fn over(&self) -> Begin {
        Begin { place: self.log.head(), resumed: false }
    }

    /// A service's word raises the doubt. Anybody else could say so.
    fn went_back(&self, guest: &Guest, since: &Position) -> Begin {
        let begin = self.over();
        if guest.is_service() {
            self.doubt.raise(*since, &guest.principal(), begin.place.position);
        }
        begin
    }
}
