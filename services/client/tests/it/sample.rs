//! Decisions about many tokens, as a busy gateway gets them; and a core that has a lease.

use std::sync::Arc;
use std::time::Duration;

use passgate_client::decider::{Asked, Begin, Came, Core, Echo, Judged, Settings, StreamId, Thing};
use passgate_client::{
    Action, Ambient, ChangeNumber, Decision, FeedId, GroupId, Holder, Jti, Kid, Position, Principal, PrincipalKind,
    Resource, RestsOn, Scopes, TokenId, TokenKind, Vector,
};
use uuid::Uuid;

/// A core at work, with the stream that feeds it.
pub struct Desk {
    pub core: Arc<Core>,
    pub ambient: Ambient,
    pub stream: StreamId,
    kid: Kid,
    groups: Vec<GroupId>,
}

pub fn at(number: u64) -> Position {
    Position { feed: FeedId(Uuid::from_u128(1)), number: ChangeNumber(number), hash: [0; 32] }
}

/// The digest of token `id`, as well mixed as a real one.
pub fn digest(id: u64) -> [u8; 32] {
    let mixed = id.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut digest = [0; 32];
    for (part, shift) in digest.chunks_exact_mut(8).zip([0, 17, 31, 47]) {
        part.copy_from_slice(&mixed.rotate_left(shift).to_be_bytes());
    }
    digest
}

pub fn resource(number: u64) -> Resource {
    Resource::parse(&format!("endpoints/sales-orders-{number}")).expect("a resource")
}

impl Desk {
    /// At position 1, with a lease of an hour.
    pub fn new(memory: u64) -> Self {
        let settings = Settings { memory, ..Settings::new("sample", Uuid::from_u128(7)) };
        let hour = Duration::from_secs(3600);
        let settings = Settings { max_staleness: hour, ..settings };
        let (core, ambient) = (Core::new(&settings), Ambient::system());
        let (stream, _) = core.open();
        let begin = Begin { position: at(1), identity: None, resumed: false };
        core.begin(stream, begin, ambient.moment()).expect("it begins");
        let nonce = core.nonce(stream, ambient.moment()).expect("it has begun").nonce;
        let echo = Echo { nonce, position: at(1), age: Duration::ZERO, max_staleness: hour };
        core.echo(stream, echo, ambient.moment()).expect("it goes on");
        let groups = (0..3).map(|group| GroupId::new(Uuid::from_u128(group))).collect();
        Self { core: Arc::new(core), ambient, stream, kid: Kid::of(&[3; 32]), groups }
    }

    /// A yes to token `id` for `resource`, as of `number`.
    pub fn yes(&self, id: u64, resource: &Resource, number: u64) -> Decision {
        let wide = u128::from(id);
        let (token_id, jti) = (TokenId::new(Uuid::from_u128(wide)), Jti::new(Uuid::from_u128(wide << 64)));
        let principal = Principal::new(PrincipalKind::ApiUser, Uuid::from_u128(wide << 32));
        let rests_on = RestsOn {
            token_id,
            jti,
            kid: self.kid.clone(),
            principal,
            groups: self.groups.clone(),
            resource: resource.clone(),
            action: Action::Read,
        };
        let holder = Holder {
            principal,
            token_id,
            jti,
            kind: TokenKind::Named,
            scopes: Scopes::Unrestricted,
            auth_time: None,
            expires_at: None,
        };
        Decision {
            verdict: Ok(()),
            as_of: Vector { token: Some(at(number)), ..Vector::default() },
            rests_on: Some(rests_on),
            holder: Some(holder),
            evidence_age: Duration::ZERO,
        }
    }

    /// Asks, is answered yes, and keeps it.
    pub fn keep(&self, id: u64, resource: &Resource, number: u64) {
        let digest = digest(id);
        let asked = Asked { digest: &digest, resource, action: Action::Read, at_least: None };
        let now = self.ambient.moment();
        let came = Came { decision: self.yes(id, resource, number), sent: now, now };
        assert!(matches!(self.core.answer(self.core.asking(), &asked, came, None), Judged::Use(_)));
    }

    /// Whether token `id` is allowed from memory.
    pub fn is_allowed(&self, digest: &[u8; 32], resource: &Resource) -> bool {
        let asked = Asked { digest, resource, action: Action::Read, at_least: None };
        self.core.look_up(&asked, self.ambient.moment(), None).is_some_and(|answer| answer.is_allowed())
    }

    /// The group that everybody is in is touched by change `number`.
    pub fn touch_everybody(&self, number: u64) {
        let touched = [Thing::Group(GroupId::new(Uuid::from_u128(0)))];
        let now = self.ambient.moment();
        self.core.change(self.stream, at(number), &touched, None, now).expect("applied");
    }
}
