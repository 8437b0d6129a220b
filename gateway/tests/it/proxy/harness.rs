//! A data plane with a registry of one's own, a decision source that does as it is told, and callers that write bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use parking_lot::Mutex;
use passgate_gateway::dial::{AllowedUpstreams, Connector, DialRules, OwnListeners};
use passgate_gateway::fresh::fresh;
use passgate_gateway::keys::edge_keys;
use passgate_gateway::proxy::{Limits, OwnService, Proxy, ProxyParts};
use passgate_gateway::registry::{Access, ApiRoute, ApiTarget, EndpointRoute, Registry, RegistryWriter, UpstreamUrl};
use passgate_kit::client::claims::{assemble, signing_input};
use passgate_kit::client::{
    Ambient, Claims, Decision, DecisionSource, Denied, EndpointName, FeedId, Holder, Jti, KeySet, KeyState, Kid,
    MethodName, Patterns, Position, Principal, PublicKey, Question, Reason, RestsOn, Scopes, SecretString, ServiceName,
    TokenId, TokenKind, Undecidable, Vector,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const ISSUER: &str = "urn:passgate:test";
pub const OWN_CREDENTIAL: &str = "pgs_gateway-1_0123456789012345678901234567890123456789012";
/// Longer than any answer takes.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What the decision source does.
#[derive(Debug, Default)]
pub struct Decisions {
    /// `{resource}:{action}` of what is allowed; everything else is refused as `NO_GRANT`.
    pub allowed: Mutex<BTreeSet<String>>,
    /// Refuses everything with this.
    pub refused: Mutex<Option<Reason>>,
    /// Cannot decide.
    pub is_away: Mutex<bool>,
    /// What was asked.
    pub asked: Mutex<Vec<String>>,
}

#[tonic::async_trait]
impl DecisionSource for Decisions {
    async fn decide(&self, question: &Question) -> Result<Decision, Undecidable> {
        let asked = format!("{}:{}", question.resource, question.action);
        let is_allowed = self.allowed.lock().contains(&asked);
        self.asked.lock().push(asked);
        if *self.is_away.lock() {
            return Err(Undecidable::Unreachable(None));
        }
        if question.at_least.as_deref() == Some("no-mark") {
            let status = tonic::Status::invalid_argument("no mark of ours");
            return Err(Undecidable::BadQuestion(Box::new(status)));
        }
        let reason = self.refused.lock().or((!is_allowed).then_some(Reason::NoGrant));
        let denied = reason.map(|reason| Denied { reason, detail: format!("refused: {reason}") });
        let (token_id, jti, principal) = (token_id(), jti(), principal());
        Ok(Decision {
            verdict: denied.map_or(Ok(()), Err),
            as_of: Vector::default(),
            rests_on: Some(RestsOn {
                token_id,
                jti,
                kid: Kid::of(&[7; 32]),
                principal,
                groups: Vec::new(),
                resource: question.resource.clone(),
                action: question.action,
            }),
            holder: Some(Holder {
                principal,
                token_id,
                jti,
                kind: TokenKind::Named,
                scopes: Scopes::Only(Patterns::parse_list(["endpoints/*"]).expect("patterns")),
                auth_time: None,
                expires_at: None,
            }),
            evidence_age: Duration::ZERO,
        })
    }
}

pub fn principal() -> Principal {
    Principal::parse("users/00000000-0000-7000-8000-000000000003").expect("a principal")
}

pub fn token_id() -> TokenId {
    TokenId::parse("00000000-0000-7000-8000-000000000001").expect("an id")
}

fn jti() -> Jti {
    Jti::parse("00000000-0000-7000-8000-000000000002").expect("an id")
}

/// A running data plane. It ends when dropped.
pub struct Gateway {
    pub address: SocketAddr,
    pub decisions: Arc<Decisions>,
    pub stop: CancellationToken,
    pub served: JoinHandle<()>,
    key: Ed25519KeyPair,
    _registry: RegistryWriter,
}

/// What to start one with.
pub struct Setup {
    pub endpoints: Vec<EndpointRoute>,
    pub apis: Vec<ApiRoute>,
    pub identity: SocketAddr,
    /// Services of the installation, which are nobody's upstream.
    pub services: Vec<SocketAddr>,
    pub own: OwnService,
    pub has_keys: bool,
    pub has_registry: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let nothing = tower::service_fn(|_| async { Ok(tonic::Status::unimplemented("").into_http()) });
        Self {
            endpoints: Vec::new(),
            apis: Vec::new(),
            identity: "127.0.0.1:9".parse().expect("an address"),
            services: Vec::new(),
            own: OwnService::new(nothing),
            has_keys: true,
            has_registry: true,
        }
    }
}

impl Setup {
    pub fn endpoint(mut self, route: EndpointRoute) -> Self {
        self.endpoints.push(route);
        self
    }

    pub fn api(mut self, route: ApiRoute) -> Self {
        self.apis.push(route);
        self
    }

    pub async fn start(self) -> Gateway {
        let ambient = Ambient::system();
        let key = Ed25519KeyPair::from_seed_unchecked(&[42; 32]).expect("a key");
        let public =
            PublicKey::new(key.public_key().as_ref().try_into().expect("32 bytes"), KeyState::Signing).expect("sound");
        let (mut keys, edge) = edge_keys(Duration::from_secs(3600), &ambient);
        if self.has_keys {
            keys.publish(KeySet::new(ISSUER, [public]), ambient.moment());
        }
        let (mut writer, registry) = fresh(Duration::from_secs(3600), &ambient);
        if self.has_registry {
            writer.publish(Registry::new(self.endpoints, self.apis, position(&ambient)), ambient.moment());
        }
        let decisions = Arc::new(Decisions::default());
        let authority = |address: SocketAddr| address.to_string().parse().expect("an authority");
        let own = OwnListeners::beside(self.services.iter().copied().map(authority));
        let rules = DialRules::new(AllowedUpstreams::loopback(), own);
        let proxy = Arc::new(Proxy::new(ProxyParts {
            registry,
            keys: edge,
            decisions: Arc::clone(&decisions) as _,
            connector: Connector::new(rules, Duration::from_secs(2)),
            identity: authority(self.identity),
            token: authority(self.identity),
            own: self.own,
            credential: Arc::new(SecretString::new(OWN_CREDENTIAL.to_owned())),
            public: None,
            longest_call: None,
            ambient,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let (address, stop) = (listener.local_addr().expect("its address"), CancellationToken::new());
        let served = tokio::spawn(proxy.serve(listener, Limits::default(), stop.clone()));
        Gateway { address, decisions, stop, served, key, _registry: writer }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Gateway {
    pub fn allow(&self, what: &str) {
        self.decisions.allowed.lock().insert(what.to_owned());
    }

    /// A genuine token, good for an hour.
    pub fn token(&self) -> String {
        self.sign(&claims(3600), ISSUER)
    }

    /// A genuine token whose time is over.
    pub fn expired_token(&self) -> String {
        self.sign(&claims(-1), ISSUER)
    }

    pub fn sign(&self, claims: &Claims, issuer: &str) -> String {
        let kid = Kid::of(self.key.public_key().as_ref().try_into().expect("32 bytes"));
        let input = signing_input(claims, &kid, issuer);
        assemble(&input, self.key.sign(input.as_bytes()).as_ref()).expose().to_owned()
    }

    /// `GET {path}` with a genuine token, and perhaps more headers.
    pub async fn get(&self, path: &str, more: &[&str]) -> String {
        let authorization = format!("authorization: Bearer {}", self.token());
        let more: Vec<&str> = more.iter().copied().chain([authorization.as_str()]).collect();
        self.get_without_token(path, &more).await
    }

    /// `GET {path}` with these headers only.
    pub async fn get_without_token(&self, path: &str, headers: &[&str]) -> String {
        self.send(&request("GET", path, headers, "")).await
    }

    /// Writes `bytes` as they are and reads until the end.
    pub async fn send(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(bytes).await.expect("written");
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer in time");
        assert!(read.is_ok() || !answer.is_empty(), "{read:?}");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// A request of HTTP/1.1 that asks for the connection to be closed.
pub fn request(method: &str, path: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n");
    for header in headers {
        text.push_str(&format!("{header}\r\n"));
    }
    format!("{text}\r\n{body}").into_bytes()
}

pub fn claims(lifetime: i64) -> Claims {
    let now = Ambient::system().unix_now();
    Claims {
        token_id: token_id(),
        jti: jti(),
        kind: TokenKind::Named,
        owner: principal(),
        issued_at: now - 10,
        expires_at: Some(now.saturating_add_signed(lifetime)),
        auth_time: None,
        scopes: None,
    }
}

pub fn endpoint(name: &str, upstream: SocketAddr) -> EndpointRoute {
    EndpointRoute {
        name: EndpointName::parse(name).expect("a name"),
        upstream: UpstreamUrl::parse(&format!("http://{upstream}/base")).expect("a URL"),
        access: Access::TokenRequired,
        methods: Vec::new(),
        read_methods: Vec::new(),
        fixed_query: BTreeMap::new(),
        timeout: PATIENCE,
        max_request_bytes: None,
        enabled: true,
    }
}

pub fn public(name: &str, upstream: SocketAddr) -> EndpointRoute {
    EndpointRoute { access: Access::Public, ..endpoint(name, upstream) }
}

pub fn api(name: &str, upstream: SocketAddr) -> ApiRoute {
    ApiRoute {
        name: ServiceName::parse(name).expect("a name"),
        target: ApiTarget::Upstream(UpstreamUrl::parse_origin(&format!("http://{upstream}")).expect("a URL")),
        read_methods: BTreeSet::from([MethodName::parse("Get").expect("a name")]),
    }
}

pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

pub fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().expect("a head");
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The answer without what differs by time.
pub fn timeless(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\n")
}

fn position(ambient: &Ambient) -> Position {
    Position { feed: FeedId(ambient.uuid_v7()), number: passgate_kit::client::ChangeNumber(1), hash: [0; 32] }
}
