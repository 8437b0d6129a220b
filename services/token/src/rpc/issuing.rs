//! `IssuingService`: what the identity service asks for.

use passgate_kit::audit::{Occurrence, Occurrences};
use passgate_kit::client::convert::timestamp;
use passgate_kit::client::{ApiUserId, Credential, Description, Name, Position, Principal, TokenId, UserId};
use passgate_kit::feed::Actor;
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::mark::Marks;
use passgate_kit::request::{BodyDigest, confirm_within};
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::issuing_service_server::IssuingService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{convert, fields as read};
use crate::change::Confirmer;
use crate::decision::Freshness;
use crate::session::Sessions;
use crate::token::{Creation, Lifetime, NewToken, Preparation, Tokens};

/// The RPCs of issuing.
#[derive(Debug)]
pub struct IssuingRpc {
    tokens: Tokens,
    sessions: Sessions,
    marks: Marks,
    confirmer: Confirmer,
    freshness: Freshness,
    occurrences: Occurrences,
}

impl IssuingRpc {
    /// The RPCs of `tokens` and `sessions`.
    #[must_use]
    pub const fn new(
        tokens: Tokens,
        sessions: Sessions,
        marks: Marks,
        confirmer: Confirmer,
        freshness: Freshness,
        occurrences: Occurrences,
    ) -> Self {
        Self { tokens, sessions, marks, confirmer, freshness, occurrences }
    }

    fn parse_preparation(&self, request: &pb::PrepareTokenRequest) -> Result<Preparation, FieldViolations> {
        let mut fields = Fields::default();
        let creation = fields.check("creation_id", Uuid::try_parse(&request.creation_id));
        let id = fields.check("token_id", TokenId::parse(&request.token_id));
        let owner = fields.check("owner", ApiUserId::parse_resource_name(&request.owner));
        let name = fields.check("name", Name::parse(&request.name));
        let scopes = read::scopes(&mut fields, "scopes", request.scopes.as_ref());
        let lifetime = match &request.ttl {
            None => Some(Lifetime::Default),
            Some(ttl) => read::duration(&mut fields, "ttl", ttl).map(Lifetime::For),
        };
        let end =
            lifetime.and_then(|wanted| fields.check("ttl", self.tokens.rules().expiry(wanted, self.tokens.now())));
        let description = fields.check("description", Description::parse(&request.description));
        let labels = read::labels(&mut fields, "labels", &request.labels);
        let caller = fields.check("caller_token", Credential::parse(&request.caller_token));
        let at_least =
            Some(&request.at_least).filter(|text| !text.is_empty()).map(|text| self.marks.read(text)).transpose();
        let at_least = fields.check("at_least", at_least);
        let (Some(creation), Some(id), Some(owner), Some(name), Some(scopes)) = (creation, id, owner, name, scopes)
        else {
            return Err(fields.into_error());
        };
        let (Some(expire_time), Some(description), Some(labels), Some(caller), Some(at_least)) =
            (end, description, labels, caller, at_least)
        else {
            return Err(fields.into_error());
        };
        let new = NewToken { name, owner: Some(owner.into()), scopes, expire_time, description, labels, request: None };
        let digest = *digest(request).as_bytes();
        let peer = Some(request.peer.clone()).filter(|peer| !peer.is_empty());
        Ok(Preparation { creation: Creation { id: creation, digest }, id, owner, new, caller, at_least, peer })
    }
}

/// What makes a request another one: not who asks, from where and when.
fn digest(request: &pb::PrepareTokenRequest) -> BodyDigest {
    let body = pb::PrepareTokenRequest {
        caller_token: String::new(),
        at_least: String::new(),
        peer: String::new(),
        ..request.clone()
    };
    BodyDigest::of(&body)
}

#[tonic::async_trait]
impl IssuingService for IssuingRpc {
    async fn issue_session(
        &self,
        request: Request<pb::IssueSessionRequest>,
    ) -> Result<Response<pb::IssueSessionResponse>, Status> {
        let asked = request.get_ref();
        let mut fields = Fields::default();
        let owner = fields.check("principal", UserId::parse_resource_name(&asked.principal));
        let auth_time = match &asked.auth_time {
            Some(time) => read::time(&mut fields, "auth_time", time),
            None => {
                fields.add("auth_time", "must be there");
                None
            }
        };
        let (Some(owner), Some(auth_time)) = (owner, auth_time) else {
            return Err(fields.into_error().into());
        };
        let peer = Some(asked.peer.clone()).filter(|peer| !peer.is_empty());
        let begun = self.sessions.begin(owner, asked.session_epoch, auth_time, peer).await?;
        let (session, secret) = &begun.value;
        let response = pb::IssueSessionResponse {
            session_token: secret.expose().to_owned(),
            token_id: session.id.to_string(),
            expire_time: Some(timestamp(session.expire_time)),
        };
        Ok(self.marks.with_change(Response::new(response), &begun))
    }

    async fn end_session(
        &self,
        request: Request<pb::EndSessionRequest>,
    ) -> Result<Response<pb::EndSessionResponse>, Status> {
        let asked = request.get_ref();
        let mut fields = Fields::default();
        let owner = fields.check("principal", UserId::parse_resource_name(&asked.principal));
        let id = fields.check("token_id", TokenId::parse(&asked.token_id));
        let (Some(owner), Some(id)) = (owner, id) else {
            return Err(fields.into_error().into());
        };
        let actor = Actor { via: "identity".to_owned(), ..Actor::principal(owner.into(), Some(id), None) };
        let ended = self.sessions.end(owner, id, actor).await?;
        Ok(self.marks.with_change(Response::new(pb::EndSessionResponse {}), &ended))
    }

    async fn prepare_token(
        &self,
        request: Request<pb::PrepareTokenRequest>,
    ) -> Result<Response<pb::PrepareTokenResponse>, Status> {
        let asked = self.parse_preparation(request.get_ref())?;
        let peer = asked.peer.clone();
        let prepared = self.tokens.prepare(asked).await?;
        let made = &prepared.value.token;
        if prepared.value.secret.is_some() {
            let actor = Actor::principal(made.created_by, made.created_with, peer);
            let actor = Actor { via: "identity".to_owned(), ..actor };
            let shown = Occurrence::secret_shown(format!("tokens/{}", made.id), "CREATE_API_USER", actor);
            self.occurrences.note(shown);
        }
        let token = Some(convert::token(made, self.tokens.now()));
        let response = match &prepared.value.secret {
            Some(secret) => {
                pb::PrepareTokenResponse { token, secret: secret.expose().to_owned(), secret_no_longer_shown: false }
            }
            None => pb::PrepareTokenResponse { token, secret: String::new(), secret_no_longer_shown: true },
        };
        Ok(self.marks.with_change(Response::new(response), &prepared))
    }

    async fn await_applied(
        &self,
        request: Request<pb::AwaitAppliedRequest>,
    ) -> Result<Response<pb::AwaitAppliedResponse>, Status> {
        let asked = request.get_ref();
        let mut fields = Fields::default();
        let identity = asked.identity.as_ref().ok_or("must be there").map(Position::try_from);
        let identity = fields.check("identity", identity).and_then(|position| fields.check("identity", position));
        let within = confirm_within(&mut fields, "within", asked.within.as_ref());
        let Some((identity, within)) = identity.zip(within) else { return Err(fields.into_error().into()) };
        let within = within.unwrap_or_default();
        let confirmed = self.confirmer.confirm_identity(&self.freshness, identity, within).await;
        Ok(Response::new(pb::AwaitAppliedResponse { confirmation: Some(convert::confirmation(&confirmed)) }))
    }

    async fn count_live_tokens(
        &self,
        request: Request<pb::CountLiveTokensRequest>,
    ) -> Result<Response<pb::CountLiveTokensResponse>, Status> {
        let principal = Principal::parse(&request.get_ref().principal)
            .map_err(|rule| FieldViolations::one("principal", rule.to_string()))?;
        let live = self.tokens.count_live(principal).await?;
        let live_tokens = i32::try_from(live).unwrap_or(i32::MAX);
        Ok(Response::new(pb::CountLiveTokensResponse { live_tokens }))
    }
}
