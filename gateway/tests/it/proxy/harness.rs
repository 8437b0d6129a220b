//! A data plane with a registry of one's own, a decision source that does as it is told, and callers that write bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use passgate_gateway::dial::{AllowedUpstreams, Connector, DialRules, OwnListeners, UpstreamTrust};
use passgate_gateway::fresh::fresh;
use passgate_gateway::proxy::{Limits, OwnService, Proxy, ProxyParts};
use passgate_gateway::registry::{Access, ApiRoute, ApiTarget, EndpointRoute, Registry, RegistryWriter, UpstreamUrl};
use passgate_kit::client::{
    Ambient, Claims, EndpointName, FeedId, Jti, MethodName, Position, Principal, SecretString, ServiceName, TokenId,
    TokenKind,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::decider::{Decisions, Desk};
pub use crate::support::ISSUER;

pub const OWN_CREDENTIAL: &str = "pgs_gateway-1_0123456789012345678901234567890123456789012";
/// Longer than any answer takes.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub fn principal() -> Principal {
    Principal::parse("users/00000000-0000-7000-8000-000000000003").expect("a principal")
}

pub fn token_id() -> TokenId {
    TokenId::parse("00000000-0000-7000-8000-000000000001").expect("an id")
}

pub fn jti() -> Jti {
    Jti::parse("00000000-0000-7000-8000-000000000002").expect("an id")
}

/// A running data plane. It ends when dropped.
pub struct Gateway {
    pub address: SocketAddr,
    pub decisions: Arc<Decisions>,
    pub desk: Desk,
    pub stop: CancellationToken,
    pub served: JoinHandle<()>,
    token: String,
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
        let desk = Desk::start(self.has_keys, |_| {}).await;
        let (mut writer, registry) = fresh(Duration::from_secs(3600), &ambient);
        if self.has_registry {
            writer.publish(Registry::new(self.endpoints, self.apis, position(&ambient)), ambient.moment());
        }
        let authority = |address: SocketAddr| address.to_string().parse().expect("an authority");
        let own = OwnListeners::beside(self.services.iter().copied().map(authority));
        let rules = DialRules::new(AllowedUpstreams::loopback(), own);
        let proxy = Arc::new(Proxy::new(ProxyParts {
            registry,
            decisions: desk.decisions.clone(),
            connector: Connector::new(rules, Duration::from_secs(2), UpstreamTrust::system(&Ambient::system())),
            identity: authority(self.identity),
            tokens: vec![authority(self.identity)],
            own: self.own,
            credential: Arc::new(SecretString::new(OWN_CREDENTIAL.to_owned())),
            public: None,
            longest_call: None,
            ambient,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let (address, stop) = (listener.local_addr().expect("its address"), CancellationToken::new());
        let served = tokio::spawn(proxy.serve(listener, Limits::default(), stop.clone()));
        let token = desk.feed.sign(&claims(3600), ISSUER);
        Gateway { address, decisions: Arc::clone(&desk.told), desk, stop, served, token, _registry: writer }
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

    /// A genuine token, good for an hour: the same each time.
    pub fn token(&self) -> String {
        self.token.clone()
    }

    /// A genuine token whose time is over.
    pub fn expired_token(&self) -> String {
        self.sign(&claims(-1), ISSUER)
    }

    /// Another genuine token each time.
    pub fn another_token(&self) -> String {
        let token_id = TokenId::new(Ambient::system().uuid_v7());
        self.sign(&Claims { token_id, ..claims(3600) }, ISSUER)
    }

    pub fn sign(&self, claims: &Claims, issuer: &str) -> String {
        self.desk.feed.sign(claims, issuer)
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
