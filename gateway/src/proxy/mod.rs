//! The data plane: the way of a request, from the head to the upstream and back.
//!
//! `Proxy::answer` is that way, top to bottom: the head and the path are checked; what callers may not say is removed;
//! the credential is taken out; the *path* chooses the room (endpoints, gRPC methods, Passgate's own services); the token
//! is judged, from memory if that can tell; only then it shows whether there is something; and the request is written anew
//! for its upstream.
//!
//! The invariant: nothing goes upstream without a `Permit`, which only `judge` makes, for the very
//! [`Target`] that is forwarded. Whoever has no genuine token cannot tell what exists from what does not.

mod body;
mod call;
mod forward;
mod grpc;
mod head;
mod headers;
mod inbound;
mod judge;
mod lanes;
mod outbound;
mod own;
mod places;
mod query;
mod refusal;
mod rooms;
mod serve;
pub mod target;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use http::{Request, Response};
use hyper::body::Incoming;
use passgate_kit::audit::{Occurrence, Occurrences};
use passgate_kit::client::decider::CachedDecisions;
use passgate_kit::client::{Ambient, SecretString};
use tower::util::BoxCloneSyncService;

pub use body::{Body, BoxError};
pub use head::HeadError;
pub use refusal::{Refusal, Speech};
pub use serve::Limits;

use call::Call;
use forward::Upstreams;
use judge::Judge;
use target::{Target, TargetError};

use crate::dial::Connector;
use crate::registry::RegistryReader;

/// The gateway's own services, called without a connection: administration, health, reflection, behind their access layer.
pub type OwnService = BoxCloneSyncService<Request<tonic::body::Body>, Response<tonic::body::Body>, Infallible>;

/// What the data plane is made of.
#[derive(Debug)]
pub struct ProxyParts {
    /// What there is.
    pub registry: RegistryReader,
    /// Who decides.
    pub decisions: CachedDecisions,
    /// How upstreams are connected to.
    pub connector: Connector,
    /// Where the identity service listens.
    pub identity: Authority,
    /// Where the token service listens, each replica of it.
    pub tokens: Vec<Authority>,
    /// The gateway's own services.
    pub own: OwnService,
    /// The gateway's credential towards Passgate's other services.
    pub credential: Arc<SecretString>,
    /// Host and port that callers are told, for requests in absolute form; `None` if only the address they come in at is ours.
    pub public: Option<Authority>,
    /// The longest that a gRPC call may last; `None` is as long as its caller asks.
    pub longest_call: Option<Duration>,
    /// Time.
    pub ambient: Ambient,
}

/// The data plane.
#[derive(Debug)]
pub struct Proxy {
    registry: RegistryReader,
    judge: Judge,
    upstreams: Upstreams,
    identity: Authority,
    tokens: Vec<Authority>,
    own: OwnService,
    credential: Arc<SecretString>,
    public: Option<Authority>,
    longest_call: Option<Duration>,
    occurrences: Option<Occurrences>,
}

/// The two ends of the connection that a request came by.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The caller's.
    pub peer: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
}

impl Proxy {
    /// A data plane of these parts.
    #[must_use]
    pub fn new(parts: ProxyParts) -> Self {
        Self {
            registry: parts.registry,
            judge: Judge { decisions: parts.decisions, ambient: parts.ambient },
            upstreams: Upstreams::new(parts.connector),
            identity: parts.identity,
            tokens: parts.tokens,
            own: parts.own,
            credential: parts.credential,
            public: parts.public,
            longest_call: parts.longest_call,
            occurrences: None,
        }
    }

    /// The same data plane, which notes each genuine token that it refuses, whoever decided so.
    #[must_use]
    pub fn noting(self, occurrences: Occurrences) -> Self {
        Self { occurrences: Some(occurrences), ..self }
    }

    /// Answers one request, in the language of its caller.
    pub async fn handle(&self, ends: Ends, request: Request<Incoming>) -> Response<Body> {
        let (speech, version) = (Speech::of(request.headers()), request.version());
        match self.answer(ends, request).await {
            Ok(response) => response,
            Err(refusal) => {
                if matches!(refusal, Refusal::Head(_) | Refusal::Target(_) | Refusal::MisplacedToken) {
                    // The rule and the peer, never the bytes.
                    tracing::info!(peer = %ends.peer, rule = ?refusal, "refused: malformed request");
                }
                self.note(&refusal, ends.peer);
                refusal.respond(speech, version)
            }
        }
    }

    /// Notes a genuine token that is refused.
    fn note(&self, refusal: &Refusal, peer: SocketAddr) {
        let Refusal::Denied { denied, asked, token: Some((owner, token_id)) } = refusal else { return };
        let Some(occurrences) = &self.occurrences else { return };
        let peer = peer.ip().to_canonical().to_string();
        let refused = Occurrence::token_refused(*owner, *token_id, denied.reason, Some(peer));
        occurrences.note(match asked {
            Some((resource, _)) => refused.asking_for(resource.to_string()),
            None => refused,
        });
    }

    /// The way of a request.
    async fn answer(&self, ends: Ends, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        let uri = parts.uri.clone();
        head::check(&parts, ends.local, self.public.as_ref())?;
        let target = match Target::parse(uri.path_and_query().map_or("", |path| path.as_str())) {
            // A method's path is its exact bytes or nobody's: to gRPC, all others look the same.
            Err(error) if Speech::of(&parts.headers) == Speech::Grpc && error != TargetError::Token => Target::Nowhere,
            parsed => parsed?,
        };
        let mut call = Call::take(parts, body, ends.peer)?;
        match target {
            Target::Endpoint { name, suffix, query } => self.endpoint(call, name, suffix, query).await,
            Target::Method(resource) => self.method(call, resource).await,
            Target::Nowhere => {
                self.judge.at_the_edge(call.presented())?;
                Err(call.nothing_there())
            }
        }
    }
}
