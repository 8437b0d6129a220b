//! The token service behind a data plane: it decides as it is told.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use passgate_kit::client::decider::{Parts, Settings};
use passgate_kit::client::{Action, Resource};
use passgate_kit::client::{
    Ambient, CachedDecisions, ChangeMark, Decision, Denied, Holder, MarkKey, Patterns, Reason, RestsOn, Scopes,
    SecretString, TokenKind, Vector,
};
use passgate_kit::server::channel;
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::authorization_service_server::{AuthorizationService, AuthorizationServiceServer};
use passgate_proto::token::v1::change_service_server::ChangeServiceServer;
use passgate_proto::r#type::v1::Action as PbAction;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, async_trait};
use uuid::Uuid;

use super::harness::{OWN_CREDENTIAL, PATIENCE, jti, principal, token_id};
use crate::support::Feed;

/// The key of the change marks.
const MARK_KEY: [u8; 32] = [7; 32];

/// What the token service does.
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

impl Decisions {
    fn decide(&self, request: &pb::AuthorizeRequest, feed: &Feed) -> Result<Decision, Status> {
        let position = feed.position(); // before it is computed
        let resource = Resource::parse(&request.resource).expect("the gateway asks for resources");
        let action = if request.action() == PbAction::Read { Action::Read } else { Action::Write };
        let asked = format!("{resource}:{action}");
        let is_allowed = self.allowed.lock().contains(&asked);
        self.asked.lock().push(asked);
        if *self.is_away.lock() {
            return Err(Status::unavailable("away"));
        }
        let reason = self.refused.lock().or((!is_allowed).then_some(Reason::NoGrant));
        let denied = reason.map(|reason| Denied { reason, detail: format!("refused: {reason}") });
        let (token_id, jti, principal) = (token_id(), jti(), principal());
        Ok(Decision {
            verdict: denied.map_or(Ok(()), Err),
            as_of: Vector { token: Some(position), ..Vector::default() },
            rests_on: Some(RestsOn { token_id, jti, kid: feed.kid(), principal, groups: Vec::new(), resource, action }),
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

/// The decider of a data plane, at work, and what it asks and watches. It ends when dropped.
pub struct Desk {
    pub told: Arc<Decisions>,
    pub feed: Feed,
    pub decisions: CachedDecisions,
    _stop: DropGuard,
}

impl Desk {
    /// Starts one, and waits for its lease unless the token service is away from the start.
    pub async fn start(is_there: bool, change: impl FnOnce(&mut Settings)) -> Self {
        let (told, feed) = (Arc::new(Decisions::default()), Feed::default());
        feed.set_away(!is_there);
        let address = serve(&told, &feed).await;
        let mut settings = Settings::new("test", Uuid::from_u128(5));
        change(&mut settings);
        let (decisions, watching) = CachedDecisions::new(Parts {
            replicas: vec![channel(&format!("http://{address}")).expect("a URL")],
            service_credential: Arc::new(SecretString::new(OWN_CREDENTIAL.to_owned())),
            marks: Some(Arc::new(MarkKey::new(MARK_KEY))),
            ambient: Ambient::system(),
            settings,
        });
        let stop = CancellationToken::new();
        tokio::spawn(watching.run(stop.clone()));
        if is_there {
            tokio::time::timeout(PATIENCE, decisions.live()).await.expect("a lease in time");
        }
        Self { told, feed, decisions, _stop: stop.drop_guard() }
    }

    /// From now on everything is refused for this, or as before; and the decider knows that something changed.
    pub async fn refuse(&self, reason: Option<Reason>) {
        *self.told.refused.lock() = reason;
        self.feed.change_until(&["*"], &self.decisions).await;
    }

    /// The mark of the last change.
    pub fn mark(&self) -> String {
        let known = Vector { token: Some(self.feed.position()), ..Vector::default() };
        ChangeMark::encode(&known, &MarkKey::new(MARK_KEY))
    }
}

async fn serve(told: &Arc<Decisions>, feed: &Feed) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let asker = Asker { told: Arc::clone(told), feed: feed.clone() };
    let server = Server::builder()
        .add_service(AuthorizationServiceServer::new(asker))
        .add_service(ChangeServiceServer::new(feed.clone()));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    address
}

struct Asker {
    told: Arc<Decisions>,
    feed: Feed,
}

#[async_trait]
impl AuthorizationService for Asker {
    async fn authorize(
        &self,
        request: Request<pb::AuthorizeRequest>,
    ) -> Result<Response<pb::AuthorizeResponse>, Status> {
        let decision = self.told.decide(request.get_ref(), &self.feed)?;
        Ok(Response::new((&decision).into()))
    }

    async fn batch_authorize(
        &self,
        _: Request<pb::BatchAuthorizeRequest>,
    ) -> Result<Response<pb::BatchAuthorizeResponse>, Status> {
        Err(Status::unimplemented("the data plane does not ask this"))
    }

    async fn find_lacking(
        &self,
        _: Request<pb::FindLackingRequest>,
    ) -> Result<Response<pb::FindLackingResponse>, Status> {
        Err(Status::unimplemented("the data plane does not ask this"))
    }

    async fn explain_decision(
        &self,
        _: Request<pb::ExplainDecisionRequest>,
    ) -> Result<Response<pb::ExplainDecisionResponse>, Status> {
        Err(Status::unimplemented("the data plane does not ask this"))
    }

    async fn list_callers(
        &self,
        _: Request<pb::ListCallersRequest>,
    ) -> Result<Response<pb::ListCallersResponse>, Status> {
        Err(Status::unimplemented("the data plane does not ask this"))
    }
}
