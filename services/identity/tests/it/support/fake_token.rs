//! A stand-in for the token service: it decides by what identity's own directory says, and does as it is told when it is to fail.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use passgate_kit::client::claims::TokenKind;
use passgate_kit::client::client::present;
use passgate_kit::client::decision::{Decision, Denied, Holder, RestsOn};
use passgate_kit::client::keyset::Kid;
use passgate_kit::client::{
    Jti, Patterns, Position, Principal, Reason, Resource, Scopes, SecretString, TokenId, Vector,
};
use passgate_proto::identity::v1::directory_service_client::DirectoryServiceClient;
use passgate_proto::identity::v1::{GetPrincipalRequest, GetPrincipalResponse};
use passgate_proto::token::v1::authorization_service_server::AuthorizationService;
use passgate_proto::token::v1::issuing_service_server::IssuingService;
use passgate_proto::token::v1::*;
use passgate_proto::r#type::v1::{Confirmation, PrincipalState};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// What a token holds.
#[derive(Clone, Debug)]
pub struct Held {
    pub principal: Principal,
    pub scopes: Scopes,
    pub session: Option<u64>,
    pub auth_time: Option<OffsetDateTime>,
    pub token_id: TokenId,
}

/// How PrepareToken goes wrong.
#[derive(Debug)]
pub enum Fault {
    /// Nothing is done.
    Away,
    /// It is done, and the answer is lost.
    LostReply,
    /// It waits until it is told to go on.
    Slow(Arc<Notify>, Arc<Notify>),
    /// It refuses.
    Refuse(Status),
}

#[derive(Debug, Default)]
pub struct State {
    pub tokens: Mutex<HashMap<String, Held>>,
    pub prepared: Mutex<HashMap<String, PrepareTokenRequest>>,
    pub faults: Mutex<VecDeque<Fault>>,
    pub away: Mutex<bool>,
    pub live: Mutex<HashMap<String, i32>>,
    pub ended: Mutex<Vec<(String, String)>>,
    pub sessions: Mutex<Vec<IssueSessionRequest>>,
    pub awaited: Mutex<Vec<AwaitAppliedRequest>>,
    /// Whether AwaitApplied is not answered.
    pub deaf: Mutex<bool>,
    count: AtomicU64,
}

#[derive(Clone)]
pub struct FakeToken {
    pub state: Arc<State>,
    pub identity: Channel,
    pub credential: Arc<SecretString>,
}

impl State {
    pub fn add(&self, held: Held) -> String {
        let text = format!("fake-token-{}", self.count.fetch_add(1, Ordering::Relaxed));
        self.tokens.lock().insert(text.clone(), held);
        text
    }
}

impl FakeToken {
    async fn principal(&self, principal: Principal) -> Result<GetPrincipalResponse, Status> {
        let mut request = Request::new(GetPrincipalRequest { principal: principal.to_string() });
        present(&self.credential, request.metadata_mut())?;
        Ok(DirectoryServiceClient::new(self.identity.clone()).get_principal(request).await?.into_inner())
    }

    fn here(&self) -> Result<(), Status> {
        if *self.state.away.lock() { Err(Status::unavailable("away")) } else { Ok(()) }
    }
}

fn verdict(held: &Held, known: &GetPrincipalResponse, resource: &Resource, action: i32) -> Result<(), Reason> {
    let action = passgate_kit::client::convert::action(action).expect("an action");
    let record = known.principal.as_ref().ok_or(Reason::TokenInvalid)?;
    if record.deleted {
        return Err(Reason::OwnerDeleted);
    }
    if record.state() == PrincipalState::Disabled {
        return Err(Reason::OwnerDisabled);
    }
    if let Some(epoch) = held.session
        && epoch < record.session_epoch
        && record.kept_session != held.token_id.to_string()
    {
        return Err(Reason::TokenRevoked);
    }
    if !held.scopes.covers(resource, action) {
        return Err(Reason::NoScope);
    }
    let groups = known.groups.iter().flat_map(|group| &group.patterns);
    let grants = Patterns::parse_list(record.patterns.iter().chain(groups)).expect("patterns");
    if grants.covers(resource, action) { Ok(()) } else { Err(Reason::NoGrant) }
}

#[tonic::async_trait]
impl AuthorizationService for FakeToken {
    async fn authorize(&self, request: Request<AuthorizeRequest>) -> Result<Response<AuthorizeResponse>, Status> {
        self.here()?;
        let asked = request.into_inner();
        let held = self.state.tokens.lock().get(&asked.token).cloned();
        let Some(held) = held else {
            let denied = Denied { reason: Reason::TokenInvalid, detail: "the token is not valid".to_owned() };
            let decision = Decision {
                verdict: Err(denied),
                as_of: Vector::default(),
                rests_on: None,
                holder: None,
                evidence_age: Duration::ZERO,
            };
            return Ok(Response::new((&decision).into()));
        };
        let known = self.principal(held.principal).await?;
        let resource = Resource::parse(&asked.resource).expect("a resource");
        let verdict = verdict(&held, &known, &resource, asked.action)
            .map_err(|reason| Denied { reason, detail: format!("{reason} on {resource}") });
        let as_of = known.as_of.as_ref().and_then(|position| Position::try_from(position).ok());
        let jti = Jti::new(held.token_id.as_uuid());
        let decision = Decision {
            verdict,
            as_of: Vector { identity: as_of, ..Vector::default() },
            rests_on: Some(RestsOn {
                token_id: held.token_id,
                jti,
                kid: Kid::of(&[3; 32]),
                principal: held.principal,
                groups: Vec::new(),
                resource,
                action: passgate_kit::client::convert::action(asked.action).expect("an action"),
            }),
            holder: Some(Holder {
                principal: held.principal,
                token_id: held.token_id,
                jti,
                kind: if held.session.is_some() { TokenKind::Session } else { TokenKind::Named },
                scopes: held.scopes,
                auth_time: held.auth_time,
                expires_at: None,
            }),
            evidence_age: Duration::ZERO,
        };
        Ok(Response::new((&decision).into()))
    }

    async fn batch_authorize(
        &self,
        _: Request<BatchAuthorizeRequest>,
    ) -> Result<Response<BatchAuthorizeResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn find_lacking(&self, _: Request<FindLackingRequest>) -> Result<Response<FindLackingResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn explain_decision(
        &self,
        _: Request<ExplainDecisionRequest>,
    ) -> Result<Response<ExplainDecisionResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_callers(&self, _: Request<ListCallersRequest>) -> Result<Response<ListCallersResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

#[tonic::async_trait]
impl IssuingService for FakeToken {
    async fn issue_session(
        &self,
        request: Request<IssueSessionRequest>,
    ) -> Result<Response<IssueSessionResponse>, Status> {
        self.here()?;
        let asked = request.into_inner();
        let auth_time = asked.auth_time.expect("an auth time");
        let token_id = TokenId::new(Uuid::from_u128(u128::from(self.state.count.fetch_add(1, Ordering::Relaxed))));
        let session_token = self.state.add(Held {
            principal: Principal::parse(&asked.principal).expect("a principal"),
            scopes: Scopes::Unrestricted,
            session: Some(asked.session_epoch),
            auth_time: Some(OffsetDateTime::from_unix_timestamp(auth_time.seconds).expect("a time")),
            token_id,
        });
        self.state.sessions.lock().push(asked);
        Ok(Response::new(IssueSessionResponse { session_token, token_id: token_id.to_string(), expire_time: None }))
    }

    async fn end_session(&self, request: Request<EndSessionRequest>) -> Result<Response<EndSessionResponse>, Status> {
        self.here()?;
        let asked = request.into_inner();
        self.state.ended.lock().push((asked.principal, asked.token_id));
        Ok(Response::new(EndSessionResponse {}))
    }

    async fn prepare_token(
        &self,
        request: Request<PrepareTokenRequest>,
    ) -> Result<Response<PrepareTokenResponse>, Status> {
        self.here()?;
        let asked = request.into_inner();
        let fault = self.state.faults.lock().pop_front();
        match &fault {
            Some(Fault::Away) => return Err(Status::unavailable("away")),
            Some(Fault::Refuse(status)) => return Err(status.clone()),
            Some(Fault::Slow(arrived, go_on)) => {
                arrived.notify_one();
                go_on.notified().await;
            }
            Some(Fault::LostReply) | None => {}
        }
        let mut prepared = self.state.prepared.lock();
        let first = prepared.entry(asked.token_id.clone()).or_insert_with(|| asked.clone());
        assert_eq!(*first, asked, "a repeat asks for the same");
        if let Some(Fault::LostReply) = fault {
            return Err(Status::unavailable("the answer is lost"));
        }
        let token = Token {
            id: asked.token_id.clone(),
            owner: asked.owner,
            name: asked.name,
            scopes: asked.scopes,
            ..Token::default()
        };
        let secret = format!("secret-of-{}", asked.token_id);
        Ok(Response::new(PrepareTokenResponse { token: Some(token), secret, secret_no_longer_shown: false }))
    }

    async fn await_applied(
        &self,
        request: Request<AwaitAppliedRequest>,
    ) -> Result<Response<AwaitAppliedResponse>, Status> {
        self.here()?;
        if *self.state.deaf.lock() {
            return Err(Status::unavailable("it does not answer"));
        }
        let asked = request.into_inner();
        self.state.awaited.lock().push(asked.clone());
        let confirmation = Confirmation { complete: true, took: asked.within, ..Confirmation::default() };
        Ok(Response::new(AwaitAppliedResponse { confirmation: Some(confirmation) }))
    }

    async fn count_live_tokens(
        &self,
        request: Request<CountLiveTokensRequest>,
    ) -> Result<Response<CountLiveTokensResponse>, Status> {
        self.here()?;
        let live_tokens = self.state.live.lock().get(&request.get_ref().principal).copied().unwrap_or_default();
        Ok(Response::new(CountLiveTokensResponse { live_tokens }))
    }
}
