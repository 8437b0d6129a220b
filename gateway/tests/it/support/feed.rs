//! The change stream of a token service that a test plays: it tells the keys, echoes every nonce, and says what the test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use parking_lot::Mutex;
use passgate_kit::client::claims::{assemble, signing_input};
use passgate_kit::client::{CachedDecisions, ChangeNumber, Claims, FeedId, Kid, Position};
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::change_service_server::ChangeService;
use passgate_proto::token::v1::watch_changes_request::Message as Asked;
use passgate_proto::token::v1::watch_changes_response::{self as told, Message as Told};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status, Streaming, async_trait};
use uuid::Uuid;

pub const ISSUER: &str = "urn:passgate:test";
/// What a decider may take for true after it was last told so.
const MAX_STALENESS: Duration = Duration::from_secs(2);

type Answer = Result<pb::WatchChangesResponse, Status>;

/// The stream, and the key that its tokens are signed with. Clones are the same one.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

struct Shared {
    pair: Ed25519KeyPair,
    state: Mutex<State>,
    /// Streams are refused, and nothing is echoed.
    is_away: AtomicBool,
    /// Nothing is echoed, though streams go on.
    is_silent: AtomicBool,
}

#[derive(Default)]
struct State {
    number: u64,
    listeners: Vec<UnboundedSender<Answer>>,
}

impl Default for Feed {
    fn default() -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[42; 32]).expect("a key");
        let state = Mutex::new(State { number: 1, ..State::default() });
        Self(Arc::new(Shared { pair, state, is_away: AtomicBool::new(false), is_silent: AtomicBool::new(false) }))
    }
}

impl Feed {
    /// Where it is.
    pub fn position(&self) -> Position {
        at(self.0.state.lock().number)
    }

    /// Something changed, and these are touched. `*` is everything.
    pub fn change(&self, touches: &[&str]) -> Position {
        let state = &mut *self.0.state.lock();
        state.number += 1;
        let position = at(state.number);
        let touches = touches.iter().map(|touch| (*touch).to_owned()).collect();
        let change = Told::Change(told::Change { position: Some(position.into()), touches, identity: None });
        state.listeners.retain(|listener| listener.send(message(change.clone())).is_ok());
        position
    }

    /// Something changed, and `decisions` know it when this returns.
    pub async fn change_until(&self, touches: &[&str], decisions: &CachedDecisions) {
        let position = self.change(touches);
        while decisions.core().position().token.is_none_or(|reached| reached.number < position.number) {
            tokio::task::yield_now().await;
        }
    }

    /// From now on there is no stream, or one again. Those that are open end.
    pub fn set_away(&self, away: bool) {
        self.0.is_away.store(away, Ordering::SeqCst);
        if away {
            self.0.state.lock().listeners.clear();
        }
    }

    /// From now on nobody gets a lease, or everybody again.
    pub fn set_silent(&self, silent: bool) {
        self.0.is_silent.store(silent, Ordering::SeqCst);
    }

    pub fn kid(&self) -> Kid {
        Kid::of(&self.public_key())
    }

    /// A token that is genuine if `issuer` is ours.
    pub fn sign(&self, claims: &Claims, issuer: &str) -> String {
        let input = signing_input(claims, &self.kid(), issuer);
        assemble(&input, self.0.pair.sign(input.as_bytes()).as_ref()).expose().to_owned()
    }

    fn public_key(&self) -> [u8; 32] {
        self.0.pair.public_key().as_ref().try_into().expect("32 bytes")
    }

    fn keys(&self) -> Told {
        let key = pb::Key {
            kid: self.kid().to_string(),
            algorithm: "EdDSA".to_owned(),
            public_key: self.public_key().to_vec(),
            state: pb::key::State::Signing.into(),
            create_time: None,
        };
        Told::Keys(told::Keys { keys: vec![key], issuer: ISSUER.to_owned() })
    }

    /// One stream, until whoever opened it ends it.
    async fn echo(self, mut says: Streaming<pb::WatchChangesRequest>, tell: UnboundedSender<Answer>) {
        while let Ok(Some(said)) = says.message().await {
            if self.0.is_away.load(Ordering::SeqCst) {
                return;
            }
            let state = self.0.state.lock();
            if let (Some(Asked::Nonce(nonce)), false) = (said.message, self.0.is_silent.load(Ordering::SeqCst)) {
                let echo = told::Echo {
                    nonce: nonce.nonce,
                    position: Some(at(state.number).into()),
                    age: Some(prost_types::Duration::default()),
                    max_staleness: MAX_STALENESS.try_into().ok(),
                };
                let _ = tell.send(message(Told::Echo(echo)));
            }
        }
    }
}

fn at(number: u64) -> Position {
    let feed = FeedId(Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057));
    Position { feed, number: ChangeNumber(number), hash: [u8::try_from(number % 251).expect("small"); 32] }
}

fn message(message: Told) -> Answer {
    Ok(pb::WatchChangesResponse { message: Some(message) })
}

#[async_trait]
impl ChangeService for Feed {
    type WatchChangesStream = UnboundedReceiverStream<Answer>;

    async fn watch_changes(
        &self,
        request: Request<Streaming<pb::WatchChangesRequest>>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        assert!(request.metadata().contains_key("passgate-service"), "watched as a service");
        if self.0.is_away.load(Ordering::SeqCst) {
            return Err(Status::unavailable("away"));
        }
        let (tell, messages) = unbounded_channel();
        {
            let state = &mut *self.0.state.lock();
            let begin = told::Begin { position: Some(at(state.number).into()), identity: None, resumed: false };
            for first in [Told::Begin(begin), self.keys()] {
                let _ = tell.send(message(first));
            }
            state.listeners.push(tell.clone());
        }
        tokio::spawn(self.clone().echo(request.into_inner(), tell));
        Ok(Response::new(UnboundedReceiverStream::new(messages)))
    }

    async fn list_deciders(
        &self,
        _: Request<pb::ListDecidersRequest>,
    ) -> Result<Response<pb::ListDecidersResponse>, Status> {
        Err(Status::unimplemented("the gateway does not ask this"))
    }
}
