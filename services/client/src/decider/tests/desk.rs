//! A core, a clock, and short words for what happens to them.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::action::Action;
use crate::clock::{Clock, ManualClock, Moment};
use crate::convert::tests::allow;
use crate::decider::{
    Answer, Applied, Asked, Begin, Begun, Broken, Came, Core, Echo, Judged, Rules, Settings, StreamId, Thing,
};
use crate::decision::{Decision, Denied};
use crate::id::TokenId;
use crate::position::{ChangeNumber, FeedId, Position, Vector};
use crate::reason::Reason;
use crate::resource::Resource;

pub(super) const START: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// `max_staleness`
pub(super) const BOUND: Duration = Duration::from_secs(5);

pub(super) struct Desk {
    pub(super) core: Arc<Core>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) resource: Resource,
}

/// Position `number` of feed 1.
pub(super) fn at(number: u64) -> Position {
    in_past(1, 0, number)
}

/// Position `number` of a feed, in one of its pasts.
pub(super) fn in_past(feed: u128, past: u8, number: u64) -> Position {
    Position { feed: FeedId(Uuid::from_u128(feed)), number: ChangeNumber(number), hash: [past; 32] }
}

pub(super) fn token(id: u128) -> Thing {
    Thing::Token(TokenId::new(Uuid::from_u128(id)))
}

impl Desk {
    pub(super) fn new(rules: Rules) -> Self {
        let settings = Settings { rules, memory: 1 << 20, ..Settings::new("test", Uuid::from_u128(1)) };
        Self::with(&settings)
    }

    pub(super) fn with(settings: &Settings) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let resource = Resource::parse("endpoints/sales").expect("a resource");
        Self { core: Arc::new(Core::new(settings)), clock, resource }
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.moment()
    }

    /// A stream that begins at `number`, and whether it goes on there.
    pub(super) fn stream(&self, number: u64) -> StreamId {
        let (stream, since) = self.core.open();
        self.begin(stream, at(number), since == Some(at(number))).expect("it begins");
        stream
    }

    pub(super) fn begin(&self, stream: StreamId, position: Position, resumed: bool) -> Result<Begun, Broken> {
        self.core.begin(stream, Begin { position, identity: None, resumed }, self.now())
    }

    pub(super) fn change(&self, stream: StreamId, position: Position, touches: &[Thing]) -> Result<Applied, Broken> {
        self.core.change(stream, position, touches, None, self.now())
    }

    /// Sends a nonce that is echoed after `way`, at `position`, with evidence that was `age` old.
    pub(super) fn lease(&self, stream: StreamId, position: Position, age: Duration, way: Duration) {
        let nonce = self.core.nonce(stream, self.now()).expect("it has begun").nonce;
        self.clock.advance(way);
        self.echo(stream, nonce, position, age).expect("it goes on");
    }

    pub(super) fn echo(&self, stream: StreamId, nonce: u64, position: Position, age: Duration) -> Result<(), Broken> {
        self.core.echo(stream, Echo { nonce, position, age, max_staleness: BOUND }, self.now())
    }

    pub(super) fn asked<'a>(&'a self, digest: &'a [u8; 32]) -> Asked<'a> {
        Asked { digest, resource: &self.resource, action: Action::Read, at_least: None }
    }

    /// What memory says about token `id`.
    pub(super) fn look_up(&self, id: u8) -> Option<Answer> {
        self.core.look_up(&self.asked(&[id; 32]), self.now(), None)
    }

    /// The question about token `id` is answered at once.
    pub(super) fn answered(&self, id: u8, decision: Decision) -> Judged {
        let (asking, sent) = (self.core.asking(), self.now());
        let came = Came { decision, sent, now: self.now() };
        self.core.answer(asking, &self.asked(&[id; 32]), came, None)
    }
}

/// A yes to token `id`, computed from `position`.
pub(super) fn yes(id: u128, position: Position) -> Decision {
    let mut decision = Decision {
        as_of: Vector { token: Some(position), ..Vector::default() },
        evidence_age: Duration::ZERO,
        ..allow()
    };
    for token_id in [
        decision.holder.as_mut().map(|holder| &mut holder.token_id),
        decision.rests_on.as_mut().map(|rests_on| &mut rests_on.token_id),
    ] {
        *token_id.expect("an allow has both") = TokenId::new(Uuid::from_u128(id));
    }
    decision
}

/// A no.
pub(super) fn no(id: u128, position: Position, reason: Reason) -> Decision {
    Decision { verdict: Err(Denied { reason, detail: "no".to_owned() }), ..yes(id, position) }
}
