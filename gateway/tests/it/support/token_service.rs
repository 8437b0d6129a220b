//! A token service that knows a few tokens by heart: each with what its owner holds and its scopes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use passgate_kit::client::{Action, Claims, Jti, Pattern, Patterns, Principal, Resource, Scopes, TokenId, TokenKind};
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::authorization_service_server::{AuthorizationService, AuthorizationServiceServer};
use passgate_proto::token::v1::change_service_server::ChangeServiceServer;
use passgate_proto::token::v1::list_callers_response::{Caller, CallerToken, Source};
use passgate_proto::r#type::v1::{Action as PbAction, PatternList, Positions, PrincipalState};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, async_trait};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::feed::{Feed, ISSUER};

const LIST_CALLERS: &str = "/passgate.token.v1.AuthorizationService/ListCallers";

#[derive(Clone)]
struct Token {
    id: u8,
    grants: Patterns,
    scopes: Scopes,
}

/// The tokens, and whether it answers at all. Clones are the same service.
#[derive(Clone, Default)]
pub struct Tokens {
    known: Arc<Mutex<HashMap<String, Token>>>,
    feed: Feed,
    callers: Arc<Mutex<Vec<(Caller, Pattern)>>>,
    away: Arc<AtomicBool>,
    holdings_unknown: Arc<AtomicBool>,
}

fn patterns(texts: &[&str]) -> Patterns {
    Patterns::parse_list(texts.iter()).expect("patterns")
}

impl Tokens {
    /// A token without scopes, whose owner holds `grants`.
    pub fn add(&self, token: &str, grants: &[&str]) {
        self.insert(token, grants, Scopes::Unrestricted);
    }

    /// A token with scopes, whose owner holds `grants`.
    pub fn add_scoped(&self, token: &str, grants: &[&str], scopes: &[&str]) {
        self.insert(token, grants, Scopes::Only(patterns(scopes)));
    }

    fn insert(&self, token: &str, grants: &[&str], scopes: Scopes) {
        let mut known = self.known.lock();
        let id = u8::try_from(known.len() + 1).expect("few tokens");
        known.insert(token.to_owned(), Token { id, grants: patterns(grants), scopes });
    }

    /// The secret of the token of this name; what has no such token stands for itself.
    pub fn secret(&self, name: &str) -> String {
        let known = self.known.lock().get(name).cloned();
        known.map_or_else(|| name.to_owned(), |token| self.feed.sign(&token.claims(), ISSUER))
    }

    fn find(&self, secret: &str) -> Option<Token> {
        let names: Vec<String> = self.known.lock().keys().cloned().collect();
        let name = names.into_iter().find(|name| self.secret(name) == secret)?;
        self.known.lock().get(&name).cloned()
    }

    /// The stream that it tells changes on.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// From now on nobody gets an answer, or everybody again.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
        self.feed.set_away(away);
    }

    /// From now on nobody learns what tokens cover, while decisions go on.
    pub fn set_holdings_unknown(&self, unknown: bool) {
        self.holdings_unknown.store(unknown, Ordering::SeqCst);
    }

    /// `principal` holds `pattern`, and a token of this id that covers it.
    pub fn add_caller(&self, principal: &str, pattern: &str, token_id: &str) {
        let caller = Caller {
            principal: principal.to_owned(),
            display_name: String::new(),
            state: PrincipalState::Enabled.into(),
            grants: vec![Source { pattern: pattern.to_owned(), holder: principal.to_owned() }],
            tokens: vec![CallerToken { id: token_id.to_owned(), ..CallerToken::default() }],
        };
        self.callers.lock().push((caller, Pattern::parse(pattern).expect("a pattern")));
    }

    /// Serves on a port of the system's choice.
    pub async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Server::builder()
            .add_service(AuthorizationServiceServer::new(self.clone()))
            .add_service(ChangeServiceServer::new(self.feed.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        address
    }

    fn check_service<T>(&self, request: &Request<T>) -> Result<(), Status> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Status::unavailable("away"));
        }
        match request.metadata().get("passgate-service") {
            Some(_) => Ok(()),
            None => Err(Status::unauthenticated("no service credential")),
        }
    }

    fn decide(&self, request: &pb::AuthorizeRequest) -> pb::Decision {
        let as_of = Positions { token: Some(self.feed.position().into()), ..Positions::default() };
        let Some(token) = self.find(&request.token) else {
            return pb::Decision {
                allowed: false,
                reason: "TOKEN_INVALID".to_owned(),
                message: "the token is not valid".to_owned(),
                as_of: Some(as_of),
                rests_on: None,
                holder: None,
            };
        };
        let resource = Resource::parse(&request.resource).expect("the gateway asks for resources");
        let action = match request.action() {
            PbAction::Read => Action::Read,
            PbAction::Write => Action::Write,
            PbAction::Unspecified => panic!("the gateway names the action"),
        };
        let granted = token.grants.covers(&resource, action);
        let scoped = token.scopes.covers(&resource, action);
        let (reason, message) = match (scoped, granted) {
            (true, true) => ("", ""),
            (false, _) => ("NO_SCOPE", "the token's scopes do not cover it"),
            (true, false) => ("NO_GRANT", "no grant covers it"),
        };
        pb::Decision {
            allowed: granted && scoped,
            reason: reason.to_owned(),
            message: message.to_owned(),
            as_of: Some(as_of),
            rests_on: Some(token.rests_on(request, &self.feed)),
            holder: Some(token.holder()),
        }
    }
}

impl Token {
    fn uuid(&self, kind: u8) -> String {
        format!("01890a5d-ac96-774b-bcce-b302099a{kind:02x}{:02x}", self.id)
    }

    fn holder(&self) -> pb::Holder {
        pb::Holder {
            principal: format!("users/{}", self.uuid(1)),
            token_id: self.uuid(2),
            jti: self.uuid(3),
            session: false,
            scopes: self.scopes.patterns().map(|scopes| PatternList { patterns: scopes.to_strings() }),
            expire_time: None,
            auth_time: None,
        }
    }

    fn claims(&self) -> Claims {
        Claims {
            token_id: TokenId::parse(&self.uuid(2)).expect("an id"),
            jti: Jti::parse(&self.uuid(3)).expect("an id"),
            kind: TokenKind::Named,
            owner: Principal::parse(&format!("users/{}", self.uuid(1))).expect("a principal"),
            issued_at: 1_000_000_000,
            expires_at: None,
            auth_time: None,
            scopes: self.scopes.to_claim(),
        }
    }

    fn rests_on(&self, request: &pb::AuthorizeRequest, feed: &Feed) -> pb::RestsOn {
        pb::RestsOn {
            token_id: self.uuid(2),
            jti: self.uuid(3),
            kid: feed.kid().to_string(),
            principal: format!("users/{}", self.uuid(1)),
            group_ids: Vec::new(),
            resource: request.resource.clone(),
            action: request.action,
        }
    }
}

#[async_trait]
impl AuthorizationService for Tokens {
    async fn authorize(
        &self,
        request: Request<pb::AuthorizeRequest>,
    ) -> Result<Response<pb::AuthorizeResponse>, Status> {
        self.check_service(&request)?;
        let decision = Some(self.decide(request.get_ref()));
        let evidence_age = Some(prost_types::Duration::default());
        Ok(Response::new(pb::AuthorizeResponse { decision, evidence_age }))
    }

    async fn batch_authorize(
        &self,
        _: Request<pb::BatchAuthorizeRequest>,
    ) -> Result<Response<pb::BatchAuthorizeResponse>, Status> {
        Err(Status::unimplemented("the gateway does not ask this"))
    }

    async fn find_lacking(
        &self,
        request: Request<pb::FindLackingRequest>,
    ) -> Result<Response<pb::FindLackingResponse>, Status> {
        self.check_service(&request)?;
        if self.holdings_unknown.load(Ordering::SeqCst) {
            return Err(Status::unavailable("away"));
        }
        let asked = request.get_ref();
        let wanted = Patterns::parse_list(&asked.patterns).expect("the gateway asks for patterns");
        let held = self.find(&asked.token).map(|token| token.scopes.meet_with_grants(&token.grants));
        Ok(Response::new(pb::FindLackingResponse {
            lacking: held.unwrap_or_default().lacking(&wanted).to_strings(),
            reason: String::new(),
            as_of: Some(Positions { token: Some(self.feed.position().into()), ..Positions::default() }),
            evidence_age: Some(prost_types::Duration::default()),
        }))
    }

    async fn explain_decision(
        &self,
        _: Request<pb::ExplainDecisionRequest>,
    ) -> Result<Response<pb::ExplainDecisionResponse>, Status> {
        Err(Status::unimplemented("the gateway does not ask this"))
    }

    async fn list_callers(
        &self,
        request: Request<pb::ListCallersRequest>,
    ) -> Result<Response<pb::ListCallersResponse>, Status> {
        assert!(request.metadata().get("passgate-service").is_none(), "asked in the caller's name, not the gateway's");
        let token = request.metadata().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let holder = self.find(token.trim_start_matches("Bearer ")).expect("the caller's token");
        if !holder.grants.covers(&Resource::parse(&format!("apis{LIST_CALLERS}")).expect("a resource"), Action::Read) {
            let facts = HashMap::from([("resource".to_owned(), format!("apis{LIST_CALLERS}"))]);
            let details = ErrorDetails::with_error_info("NO_GRANT", "passgate", facts);
            return Err(Status::with_error_details(Code::PermissionDenied, "no grant covers it", details));
        }
        let asked = request.get_ref();
        let action = if asked.action() == PbAction::Read { Action::Read } else { Action::Write };
        let wanted = Pattern::parse(&asked.resource).expect("a pattern").limited_to(action);
        let callers = self.callers.lock();
        let found = callers.iter().filter(|(_, held)| held.meet(&wanted).is_some()).map(|(caller, _)| caller.clone());
        Ok(Response::new(pb::ListCallersResponse { callers: found.collect(), next_page_token: String::new() }))
    }
}
