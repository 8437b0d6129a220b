//! An identity service that knows a few principals by heart: its feed, its snapshot, its echoes.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use passgate_kit::client::{ApiUserId, GroupId, Principal, UserId};
use passgate_proto::identity::v1 as pb;
use passgate_proto::identity::v1::directory_service_server::{DirectoryService, DirectoryServiceServer};
use passgate_proto::identity::v1::watch_principals_request::Message as Asked;
use passgate_proto::identity::v1::watch_principals_response::{self as told, Message as Told};
use passgate_proto::r#type::v1::{Position, PrincipalState};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming, async_trait};
use uuid::Uuid;

/// What became of a creation.
pub use passgate_proto::identity::v1::resolve_creation_response::Outcome;

#[derive(Default)]
struct State {
    next_id: u128,
    principals: BTreeMap<String, pb::PrincipalRecord>,
    groups: BTreeMap<String, pb::GroupRecord>,
    log: Vec<told::PrincipalChange>,
    outcomes: HashMap<String, Outcome>,
    asked: Vec<String>,
    away: bool,
    held: bool,
}

/// The identity service of a test. Clones are the same.
#[derive(Clone)]
pub struct Identity {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
}

impl Default for Identity {
    fn default() -> Self {
        Self { state: Arc::default(), changed: watch::Sender::new(()) }
    }
}

const FEED: Uuid = Uuid::from_u128(0x1d);

/// The position of a change.
pub fn position(number: usize) -> Position {
    let number = number as u64;
    Position { feed_id: FEED.to_string(), number, hash: vec![u8::try_from(number).unwrap_or(u8::MAX); 32] }
}

impl Identity {
    /// A new enabled user that holds `grants`.
    pub fn user(&self, grants: &[&str]) -> Principal {
        let id = UserId::new(self.next_id());
        self.add(id.into(), grants)
    }

    /// A new enabled API user that holds `grants`.
    pub fn api_user(&self, grants: &[&str]) -> Principal {
        let id = ApiUserId::new(self.next_id());
        self.add(id.into(), grants)
    }

    /// The id of an API user that is about to be.
    pub fn future_api_user(&self) -> ApiUserId {
        ApiUserId::new(self.next_id())
    }

    /// Lets it come into being, together with a provisional token.
    pub fn commit_creation(&self, owner: ApiUserId, grants: &[&str], token_id: &str) {
        let record = record(owner.into(), grants);
        self.change(vec![record], Vec::new(), vec![token_id.to_owned()]);
    }

    /// A new group with these members.
    pub fn group(&self, grants: &[&str], members: &[Principal]) -> GroupId {
        let id = GroupId::new(self.next_id());
        let group =
            pb::GroupRecord { id: id.to_string(), name: "a group".to_owned(), deleted: false, patterns: texts(grants) };
        let members = members.iter().map(|member| {
            let mut record = self.record(*member);
            record.group_ids.push(id.to_string());
            record
        });
        let members = members.collect();
        self.change(members, vec![group], Vec::new());
        id
    }

    /// Changes a principal.
    pub fn set(&self, principal: Principal, change: impl FnOnce(&mut pb::PrincipalRecord)) {
        let mut record = self.record(principal);
        change(&mut record);
        self.change(vec![record], Vec::new(), Vec::new());
    }

    /// Changes a group.
    pub fn set_group(&self, id: GroupId, change: impl FnOnce(&mut pb::GroupRecord)) {
        let mut group = self.state.lock().groups.get(&id.to_string()).cloned().expect("a group");
        change(&mut group);
        self.change(Vec::new(), vec![group], Vec::new());
    }

    /// Switches a principal on or off.
    pub fn set_enabled(&self, principal: Principal, enabled: bool) {
        let state = if enabled { PrincipalState::Enabled } else { PrincipalState::Disabled };
        self.set(principal, |record| record.state = state.into());
    }

    /// From now on nobody gets an answer, or everybody again.
    pub fn set_away(&self, away: bool) {
        self.state.lock().away = away;
        self.changed.send_replace(());
    }

    /// From now on the stream says nothing (look-ups still work), or it goes on.
    pub fn set_held(&self, held: bool) {
        self.state.lock().held = held;
        self.changed.send_replace(());
    }

    /// What it says about the creation of a token.
    pub fn resolve(&self, token_id: &str, outcome: Outcome) {
        self.state.lock().outcomes.insert(token_id.to_owned(), outcome);
    }

    /// The number of its newest change.
    pub fn head(&self) -> u64 {
        self.state.lock().log.len() as u64
    }

    /// Which principals were looked up, in order.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().asked.clone()
    }

    fn next_id(&self) -> Uuid {
        let mut state = self.state.lock();
        state.next_id += 1;
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + state.next_id)
    }

    fn add(&self, principal: Principal, grants: &[&str]) -> Principal {
        self.change(vec![record(principal, grants)], Vec::new(), Vec::new());
        principal
    }

    fn record(&self, principal: Principal) -> pb::PrincipalRecord {
        self.state.lock().principals.get(&principal.to_string()).cloned().expect("a principal")
    }

    fn change(&self, principals: Vec<pb::PrincipalRecord>, groups: Vec<pb::GroupRecord>, committed: Vec<String>) {
        let mut state = self.state.lock();
        for record in &principals {
            state.principals.insert(record.principal.clone(), record.clone());
        }
        for group in &groups {
            state.groups.insert(group.id.clone(), group.clone());
        }
        let change = told::PrincipalChange {
            position: Some(position(state.log.len() + 1)),
            principals,
            groups,
            committed_token_ids: committed,
            actor: "users/01900000-0000-7000-8000-0000000000ff".to_owned(),
        };
        state.log.push(change);
        drop(state);
        self.changed.send_replace(());
    }

    /// Serves on a port of the system's choice.
    pub async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Server::builder().add_service(DirectoryServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        address
    }

    fn check<T>(&self, request: &Request<T>) -> Result<(), Status> {
        if self.state.lock().away {
            return Err(Status::unavailable("away"));
        }
        match request.metadata().get("passgate-service") {
            Some(_) => Ok(()),
            None => Err(Status::unauthenticated("no service credential")),
        }
    }

    fn snapshot(&self) -> (usize, [Told; 3]) {
        let state = self.state.lock();
        let head = state.log.len();
        let chunk = told::SnapshotChunk {
            principals: state.principals.values().cloned().collect(),
            groups: state.groups.values().cloned().collect(),
        };
        let begin = told::SnapshotBegin { as_of: Some(position(head)) };
        (head, [Told::SnapshotBegin(begin), Told::SnapshotChunk(chunk), Told::SnapshotEnd(told::SnapshotEnd {})])
    }

    async fn tell(self, mut questions: Streaming<pb::WatchPrincipalsRequest>, to: mpsc::Sender<Answer>) -> Option<()> {
        let say = |message| to.send(Ok(pb::WatchPrincipalsResponse { message: Some(message) }));
        let mut changed = self.changed.subscribe();
        let Some(Asked::Start(start)) = questions.message().await.ok()??.message else { return None };
        let mut told = match start.since.filter(|since| *since == position(usize::try_from(since.number).unwrap())) {
            Some(since) => usize::try_from(since.number).ok()?,
            None => {
                let (head, messages) = self.snapshot();
                for message in messages {
                    say(message).await.ok()?;
                }
                head
            }
        };
        let mut nonces = Vec::new();
        loop {
            let (away, held, news) = {
                let state = self.state.lock();
                (state.away, state.held, state.log[told..].to_vec())
            };
            if away {
                let _ = to.send(Err(Status::unavailable("away"))).await;
                return None;
            }
            if !held {
                for change in news {
                    told += 1;
                    say(Told::Change(change)).await.ok()?;
                }
                for nonce in nonces.drain(..) {
                    let age = Some(prost_types::Duration::default());
                    say(Told::Echo(told::Echo { nonce, position: Some(position(told)), age })).await.ok()?;
                }
            }
            tokio::select! {
                question = questions.message() => {
                    if let Some(Asked::Nonce(nonce)) = question.ok()??.message {
                        nonces.push(nonce.nonce);
                    }
                }
                _ = changed.changed() => {}
            }
        }
    }
}

type Answer = Result<pb::WatchPrincipalsResponse, Status>;

fn record(principal: Principal, grants: &[&str]) -> pb::PrincipalRecord {
    pb::PrincipalRecord {
        principal: principal.to_string(),
        display_name: "somebody".to_owned(),
        state: PrincipalState::Enabled.into(),
        patterns: texts(grants),
        ..pb::PrincipalRecord::default()
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[async_trait]
impl DirectoryService for Identity {
    type WatchPrincipalsStream = ReceiverStream<Answer>;

    async fn get_principal(
        &self,
        request: Request<pb::GetPrincipalRequest>,
    ) -> Result<Response<pb::GetPrincipalResponse>, Status> {
        self.check(&request)?;
        let mut state = self.state.lock();
        let name = &request.get_ref().principal;
        state.asked.push(name.clone());
        let principal = state.principals.get(name).cloned();
        let ids = principal.as_ref().map(|record| record.group_ids.clone()).unwrap_or_default();
        let groups = ids.iter().filter_map(|id| state.groups.get(id).cloned()).collect();
        Ok(Response::new(pb::GetPrincipalResponse { principal, groups, as_of: Some(position(state.log.len())) }))
    }

    async fn watch_principals(
        &self,
        request: Request<Streaming<pb::WatchPrincipalsRequest>>,
    ) -> Result<Response<Self::WatchPrincipalsStream>, Status> {
        self.check(&request)?;
        let (to, answers) = mpsc::channel(16);
        let identity = self.clone();
        tokio::spawn(async move { identity.tell(request.into_inner(), to).await });
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn resolve_creation(
        &self,
        request: Request<pb::ResolveCreationRequest>,
    ) -> Result<Response<pb::ResolveCreationResponse>, Status> {
        self.check(&request)?;
        let outcome = self.state.lock().outcomes.get(&request.get_ref().token_id).copied();
        let outcome = outcome.unwrap_or(Outcome::Preparing).into();
        Ok(Response::new(pb::ResolveCreationResponse { outcome }))
    }
}
