//! A token service that a test plays: what is asked is answered as the test says, and the test speaks on the streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use parking_lot::Mutex;
use passgate_proto::token::v1 as proto;
use passgate_proto::token::v1::authorization_service_server::{AuthorizationService, AuthorizationServiceServer};
use passgate_proto::token::v1::change_service_server::{ChangeService, ChangeServiceServer};
use passgate_proto::token::v1::watch_changes_request::{Message as Asked, Nonce, Start};
use passgate_proto::token::v1::watch_changes_response::{self as told, Message as Told};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming, async_trait};
use uuid::Uuid;

use super::desk::{BOUND, START, at, no, yes};
use crate::claims::{Claims, TokenKind, assemble, signing_input};
use crate::credential::Credential;
use crate::decision::Decision;
use crate::headers::SERVICE_HEADER;
use crate::keyset::{KeyState, Kid, PublicKey};
use crate::position::Position;
use crate::reason::Reason;

pub(super) const ISSUER: &str = "urn:passgate:test";

/// A signing key.
pub(super) fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key")
}

pub(super) fn public(seed: u8, state: KeyState) -> PublicKey {
    PublicKey::new(pair(seed).public_key().as_ref().try_into().expect("32 bytes"), state).expect("a good key")
}

/// A genuine token `id`, by key `seed`.
pub(super) fn genuine(id: u128, seed: u8) -> Arc<Credential> {
    signed(&claims(id), seed)
}

/// What a named token says that was made just now and has no end of its own.
pub(super) fn claims(id: u128) -> Claims {
    let token_id = crate::TokenId::new(Uuid::from_u128(id));
    let issued_at = u64::try_from(START.unix_timestamp()).expect("after 1970");
    Claims { token_id, issued_at, expires_at: None, ..Claims::example(TokenKind::Named) }
}

pub(super) fn signed(claims: &Claims, seed: u8) -> Arc<Credential> {
    let pair = pair(seed);
    let kid = Kid::of(pair.public_key().as_ref().try_into().expect("32 bytes"));
    let input = signing_input(claims, &kid, ISSUER);
    let signature: [u8; 64] = pair.sign(input.as_bytes()).as_ref().try_into().expect("64 bytes");
    Arc::new(Credential::parse(assemble(&input, &signature).expose()).expect("a token"))
}

type Answer = Result<Decision, Status>;
type Answers = Box<dyn Fn(&proto::AuthorizeRequest) -> Answer + Send>;

/// What the test says and sees.
pub(super) struct Script {
    /// The answer to each question; a yes that is computed from here is the default.
    pub(super) answer: Mutex<Answers>,
    /// The questions so far.
    pub(super) asked: Mutex<Vec<proto::AuthorizeRequest>>,
    /// Questions wait here for a permit while it is closed.
    pub(super) gate: Semaphore,
    pub(super) gated: AtomicBool,
    sessions: mpsc::Sender<Session>,
}

impl Script {
    pub(super) fn answers(&self, answer: impl Fn(&proto::AuthorizeRequest) -> Answer + Send + 'static) {
        *self.answer.lock() = Box::new(answer);
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.lock().len()
    }

    pub(super) fn close_gate(&self) {
        self.gated.store(true, Ordering::SeqCst);
    }

    pub(super) fn open_gate(&self) {
        self.gated.store(false, Ordering::SeqCst);
        self.gate.add_permits(1_000);
    }
}

/// One stream, as the token service has it.
pub(super) struct Session {
    says: Streaming<proto::WatchChangesRequest>,
    tell: mpsc::Sender<Result<proto::WatchChangesResponse, Status>>,
    pub(super) start: Start,
}

impl Session {
    pub(super) async fn tell(&self, message: Told) {
        let message = proto::WatchChangesResponse { message: Some(message) };
        self.tell.send(Ok(message)).await.expect("the decider reads");
    }

    pub(super) async fn begin(&self, position: Position, resumed: bool) {
        self.tell(Told::Begin(told::Begin { position: Some(position.into()), identity: None, resumed })).await;
    }

    pub(super) async fn keys(&self, keys: &[PublicKey]) {
        let key = |key: &PublicKey| proto::Key {
            kid: key.kid().to_string(),
            algorithm: "EdDSA".to_owned(),
            public_key: key.bytes().to_vec(),
            state: match key.state() {
                KeyState::Published => proto::key::State::Published,
                KeyState::Signing => proto::key::State::Signing,
                KeyState::Retired => proto::key::State::Retired,
                KeyState::Revoked => proto::key::State::Revoked,
            }
            .into(),
            create_time: None,
        };
        let keys = keys.iter().map(key).collect();
        self.tell(Told::Keys(told::Keys { keys, issuer: ISSUER.to_owned() })).await;
    }

    pub(super) async fn change(&self, number: u64, touches: &[&str]) {
        let touches = touches.iter().map(|touch| (*touch).to_owned()).collect();
        self.tell(Told::Change(told::Change { position: Some(at(number).into()), touches, identity: None })).await;
    }

    /// The next nonce that the decider sends.
    pub(super) async fn nonce(&mut self) -> Nonce {
        match self.says.message().await.expect("the stream goes on").expect("and says something").message {
            Some(Asked::Nonce(nonce)) => nonce,
            other => panic!("a nonce is due: {other:?}"),
        }
    }

    /// Whether the decider has ended the stream.
    pub(super) async fn is_ended(&mut self) -> bool {
        loop {
            match self.says.message().await {
                Ok(None) | Err(_) => return true,
                Ok(Some(_)) => {}
            }
        }
    }

    /// Echoes the next nonce that acknowledges `position`.
    pub(super) async fn lease(&mut self, position: Position) {
        loop {
            let nonce = self.nonce().await;
            if nonce.applied == Some(position.into()) {
                return self.echo(nonce.nonce, position).await;
            }
        }
    }

    pub(super) async fn echo(&self, nonce: u64, position: Position) {
        let max_staleness = Some(crate::convert::age(BOUND));
        let age = Some(crate::convert::age(Duration::ZERO));
        self.tell(Told::Echo(told::Echo { nonce, position: Some(position.into()), age, max_staleness })).await;
    }

    /// Ends the stream as a broken connection does.
    pub(super) async fn cut(self) {
        self.tell.send(Err(Status::unavailable("cut"))).await.expect("the decider reads");
    }
}

struct Fake(Arc<Script>);

#[async_trait]
impl AuthorizationService for Fake {
    async fn authorize(
        &self,
        request: Request<proto::AuthorizeRequest>,
    ) -> Result<Response<proto::AuthorizeResponse>, Status> {
        assert!(request.metadata().contains_key(SERVICE_HEADER), "asked as a service");
        let request = request.into_inner();
        self.0.asked.lock().push(request.clone());
        let answer = (self.0.answer.lock())(&request); // computed before it waits on its way
        if self.0.gated.load(Ordering::SeqCst) {
            self.0.gate.acquire().await.expect("open").forget();
        }
        answer.map(|decision| Response::new((&decision).into()))
    }

    async fn batch_authorize(
        &self,
        _: Request<proto::BatchAuthorizeRequest>,
    ) -> Result<Response<proto::BatchAuthorizeResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn find_lacking(
        &self,
        _: Request<proto::FindLackingRequest>,
    ) -> Result<Response<proto::FindLackingResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn explain_decision(
        &self,
        _: Request<proto::ExplainDecisionRequest>,
    ) -> Result<Response<proto::ExplainDecisionResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn list_callers(
        &self,
        _: Request<proto::ListCallersRequest>,
    ) -> Result<Response<proto::ListCallersResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }
}

#[async_trait]
impl ChangeService for Fake {
    type WatchChangesStream = ReceiverStream<Result<proto::WatchChangesResponse, Status>>;

    async fn watch_changes(
        &self,
        request: Request<Streaming<proto::WatchChangesRequest>>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        assert!(request.metadata().contains_key(SERVICE_HEADER), "watched as a service");
        let mut says = request.into_inner();
        let Some(Asked::Start(start)) = says.message().await?.and_then(|it| it.message) else {
            return Err(Status::invalid_argument("the first message is a start"));
        };
        let (tell, messages) = mpsc::channel(64);
        let _ = self.0.sessions.send(Session { says, tell, start }).await;
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn list_deciders(
        &self,
        _: Request<proto::ListDecidersRequest>,
    ) -> Result<Response<proto::ListDecidersResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }
}

/// A replica: its script, its streams, and a channel to it.
pub(super) struct Replica {
    pub(super) script: Arc<Script>,
    pub(super) streams: mpsc::Receiver<Session>,
    pub(super) channel: Channel,
}

impl Replica {
    pub(super) async fn start() -> Self {
        let (sessions, streams) = mpsc::channel(16);
        let script = Arc::new(Script {
            answer: Mutex::new(Box::new(|_| Ok(yes(1, at(10))))),
            asked: Mutex::default(),
            gate: Semaphore::new(0),
            gated: AtomicBool::new(false),
            sessions,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Server::builder()
            .add_service(AuthorizationServiceServer::new(Fake(Arc::clone(&script))))
            .add_service(ChangeServiceServer::new(Fake(Arc::clone(&script))));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("a URL").connect_lazy();
        Self { script, streams, channel }
    }

    /// The next stream that the decider opens.
    pub(super) async fn stream(&mut self) -> Session {
        self.streams.recv().await.expect("it opens one")
    }

    /// The next stream, begun at 10 with key 1 and a lease.
    pub(super) async fn at_work(&mut self) -> Session {
        let mut stream = self.stream().await;
        stream.begin(at(10), false).await;
        stream.keys(&[public(1, KeyState::Signing)]).await;
        stream.lease(at(10)).await;
        stream
    }
}

/// The answers about one token, as the change that revokes it is not there yet, or is.
pub(super) fn revoked_from(number: u64) -> impl Fn(&proto::AuthorizeRequest) -> Answer {
    move |request| {
        let applied = request.applied.as_ref().map_or(0, |position| position.number);
        Ok(if applied >= number { no(1, at(number), Reason::TokenRevoked) } else { yes(1, at(10)) })
    }
}
