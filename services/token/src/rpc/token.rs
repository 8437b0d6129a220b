//! `TokenService`.

use std::time::Duration;

use passgate_kit::audit::{Occurrence, Occurrences};
use passgate_kit::caller::{Caller, CallerError, Reach};
use passgate_kit::client::{Description, Name, Principal, TokenKind};
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::filter::Listing;
use passgate_kit::list::Page;
use passgate_kit::mark::Marks;
use passgate_kit::page::PageTokens;
use passgate_kit::request::{BodyDigest, RequestId, confirm_within};
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::create_token_request::Expiry;
use passgate_proto::token::v1::token_service_server::TokenService;
use passgate_proto::r#type::v1::Confirmation;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{convert, fields as read};
use crate::change::Confirmer;
use crate::decision::{Decider, Row};
use crate::error::TokenError;
use crate::settle::Settled;
use crate::store::listing::TOKENS;
use crate::store::token::Listed;
use crate::token::{Examples, Issued, Lifetime, NewToken, Token, TokenChange, Tokens};
use passgate_kit::field_mask::Mask;

/// The field that asks for a confirmation.
const CONFIRM_WITHIN: &str = "confirm_within";
const CHANGEABLE: &[&str] = &["name", "description", "labels", "scopes", "expire_time"];

/// The RPCs of named tokens.
#[derive(Debug)]
pub struct TokenRpc {
    tokens: Tokens,
    decider: Decider,
    examples: Examples,
    pages: PageTokens,
    marks: Marks,
    confirmer: Confirmer,
    occurrences: Occurrences,
}

impl TokenRpc {
    /// The RPCs of `tokens`.
    #[must_use]
    pub const fn new(
        tokens: Tokens,
        decider: Decider,
        examples: Examples,
        pages: PageTokens,
        marks: Marks,
        confirmer: Confirmer,
        occurrences: Occurrences,
    ) -> Self {
        Self { tokens, decider, examples, pages, marks, confirmer, occurrences }
    }

    /// Who has acknowledged what was done, if that is asked for.
    async fn confirmation<T>(&self, settled: &Settled<T>, within: Option<Duration>) -> Option<Confirmation> {
        let confirmed = self.confirmer.confirm(settled.committed.position, settled.at, within?).await;
        Some(convert::confirmation(&confirmed))
    }

    fn shown(&self, token: &Token) -> Option<pb::Token> {
        Some(convert::token(token, self.tokens.now()))
    }

    async fn created(&self, issued: &Issued) -> Result<pb::CreateTokenResponse, TokenError> {
        let effective = self.tokens.effective(issued.token.owner, &issued.token.scopes).await?;
        Ok(pb::CreateTokenResponse {
            token: self.shown(&issued.token),
            secret: issued.secret.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default(),
            effective_patterns: effective.to_strings(),
            curl_example: self.examples.curl(&effective),
            grpcurl_example: self.examples.grpcurl(),
            secret_no_longer_shown: issued.secret.is_none(),
        })
    }

    fn parse_new(&self, request: &pb::CreateTokenRequest) -> Result<NewToken, FieldViolations> {
        let mut fields = Fields::default();
        let name = fields.check("name", Name::parse(&request.name));
        let owner = match request.owner.as_str() {
            "" => Some(None),
            text => read::principal(&mut fields, "owner", text).map(Some),
        };
        let scopes = read::scopes(&mut fields, "scopes", request.scopes.as_ref());
        let (path, lifetime) = match &request.expiry {
            None => ("ttl", Some(Lifetime::Default)),
            Some(Expiry::ExpireTime(time)) => {
                ("expire_time", read::time(&mut fields, "expire_time", time).map(Lifetime::Until))
            }
            Some(Expiry::Ttl(ttl)) => ("ttl", read::duration(&mut fields, "ttl", ttl).map(Lifetime::For)),
        };
        let rules = self.tokens.rules();
        let end = lifetime.and_then(|wanted| fields.check(path, rules.expiry(wanted, self.tokens.now())));
        let description = fields.check("description", Description::parse(&request.description));
        let labels = read::labels(&mut fields, "labels", &request.labels);
        let request_id = fields.check("request_id", RequestId::parse(&request.request_id));
        let (Some(name), Some(owner), Some(scopes), Some(expire_time)) = (name, owner, scopes, end) else {
            return Err(fields.into_error());
        };
        let (Some(description), Some(labels), Some(request_id)) = (description, labels, request_id) else {
            return Err(fields.into_error());
        };
        let request = request_id.map(|id| (id, BodyDigest::of(request)));
        Ok(NewToken { name, owner, scopes, expire_time, description, labels, request })
    }
}

fn parse_update(request: &pb::UpdateTokenRequest) -> Result<(Uuid, String, TokenChange), FieldViolations> {
    let mut fields = Fields::default();
    let mask = fields.check("update_mask", Mask::parse(request.update_mask.as_ref(), CHANGEABLE));
    let Some(token) = &request.token else {
        fields.add("token", "must be there");
        return Err(fields.into_error());
    };
    let id = read::id(&mut fields, "token.id", &token.id);
    let mut change = TokenChange::default();
    if let Some(mask) = mask {
        if mask.has("name") {
            change.name = fields.check("token.name", Name::parse(&token.name));
        }
        if mask.has("description") {
            change.description = fields.check("token.description", Description::parse(&token.description));
        }
        if mask.has("labels") {
            change.labels = read::labels(&mut fields, "token.labels", &token.labels);
        }
        if mask.has("scopes") {
            change.scopes = read::scopes(&mut fields, "token.scopes", token.scopes.as_ref());
        }
        if mask.has("expire_time") {
            change.expire_time = match &token.expire_time {
                None => Some(None),
                Some(time) => read::time(&mut fields, "token.expire_time", time).map(Some),
            };
        }
    }
    match id {
        Some(id) if fields.is_empty() => Ok((id, token.etag.clone(), change)),
        _ => Err(fields.into_error()),
    }
}

fn parse_id(text: &str) -> Result<Uuid, FieldViolations> {
    let mut fields = Fields::default();
    read::id(&mut fields, "id", text).ok_or_else(|| fields.into_error())
}

fn count(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

#[tonic::async_trait]
impl TokenService for TokenRpc {
    async fn create_token(
        &self,
        request: Request<pb::CreateTokenRequest>,
    ) -> Result<Response<pb::CreateTokenResponse>, Status> {
        let caller = Caller::of(&request)?;
        let new = self.parse_new(request.get_ref())?;
        let made = self.tokens.create(caller, new).await?;
        let response = self.created(&made.value).await?;
        if made.value.secret.is_some() {
            let subject = format!("tokens/{}", made.value.token.id);
            self.occurrences.note(Occurrence::secret_shown(subject, "CREATE_TOKEN", caller.actor()));
        }
        Ok(self.marks.with_change(Response::new(response), &made))
    }

    async fn get_token(&self, request: Request<pb::GetTokenRequest>) -> Result<Response<pb::GetTokenResponse>, Status> {
        let caller = Caller::of(&request)?;
        let token = self.tokens.get(caller, parse_id(&request.get_ref().id)?).await?;
        Ok(Response::new(pb::GetTokenResponse { token: self.shown(&token) }))
    }

    async fn get_self(&self, request: Request<pb::GetSelfRequest>) -> Result<Response<pb::GetSelfResponse>, Status> {
        let caller = Caller::of(&request)?;
        let holder = caller.holder().ok_or(CallerError::NoPrincipal)?;
        let row = self.decider.memory().row(holder.token_id, holder.kind).await.map_err(TokenError::from)?;
        let row = row.ok_or_else(|| TokenError::no_token(holder.token_id))?;
        let token = match &*row {
            Row::Named(token) => self.shown(token),
            Row::Session(session) => Some(convert::session(session)),
        };
        let effective = self.tokens.effective(holder.principal, &row.scopes()).await?;
        let session = holder.kind == TokenKind::Session;
        Ok(Response::new(pb::GetSelfResponse { token, effective_patterns: effective.to_strings(), session }))
    }

    async fn list_tokens(
        &self,
        request: Request<pb::ListTokensRequest>,
    ) -> Result<Response<pb::ListTokensResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::default();
        let owner = match asked.owner.as_str() {
            "" => Some(None),
            text => read::principal(&mut fields, "owner", text).map(Some),
        };
        let state = fields.check("state", convert::read_state(asked.state).ok_or("must be a state of tokens"));
        let listing = Listing::parse(&mut fields, &TOKENS, &asked.filter, &asked.order_by);
        let query = format!("{}\0{}\0{}\0{}", asked.owner, asked.state, asked.filter, asked.order_by);
        let page = Page::parse(&mut fields, &self.pages, caller, &query, asked.page_size, &asked.page_token);
        let (Some(owner), Some(state), Some(listing), Some(page)) = (owner, state, listing, page) else {
            return Err(fields.into_error().into());
        };
        let owner = listed_owner(caller, owner)?;
        let listed = Listed { owner, state, listing, after: page.after.clone() };
        let mut found = self.tokens.list(listed, page.limit()).await?;
        let next_page_token = page.cut(&self.pages, &mut found, |(_, cursor)| cursor.clone());
        let tokens = found.iter().filter_map(|(token, _)| self.shown(token)).collect();
        Ok(Response::new(pb::ListTokensResponse { tokens, next_page_token }))
    }

    async fn update_token(
        &self,
        request: Request<pb::UpdateTokenRequest>,
    ) -> Result<Response<pb::UpdateTokenResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (id, etag, change) = parse_update(request.get_ref())?;
        let changed = self.tokens.update(caller, id, etag, change).await?;
        let response = pb::UpdateTokenResponse { token: self.shown(&changed.value) };
        Ok(self.marks.with_change(Response::new(response), &changed))
    }

    async fn disable_token(
        &self,
        request: Request<pb::DisableTokenRequest>,
    ) -> Result<Response<pb::DisableTokenResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut fields = Fields::default();
        let id = read::id(&mut fields, "id", &request.get_ref().id);
        let within = confirm_within(&mut fields, CONFIRM_WITHIN, request.get_ref().confirm_within.as_ref());
        let Some((id, within)) = id.zip(within) else { return Err(fields.into_error().into()) };
        let done = self.tokens.disable(caller, id).await?;
        let response = pb::DisableTokenResponse {
            token: self.shown(&done.committed.value),
            confirmation: self.confirmation(&done, within).await,
        };
        Ok(self.marks.with_change(Response::new(response), &done.committed))
    }

    async fn enable_token(
        &self,
        request: Request<pb::EnableTokenRequest>,
    ) -> Result<Response<pb::EnableTokenResponse>, Status> {
        let caller = Caller::of(&request)?;
        let changed = self.tokens.enable(caller, parse_id(&request.get_ref().id)?).await?;
        let response = pb::EnableTokenResponse { token: self.shown(&changed.value) };
        Ok(self.marks.with_change(Response::new(response), &changed))
    }

    async fn revoke_token(
        &self,
        request: Request<pb::RevokeTokenRequest>,
    ) -> Result<Response<pb::RevokeTokenResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::default();
        let id = read::id(&mut fields, "id", &asked.id);
        let reason = fields.check("revoke_reason", Description::parse(&asked.revoke_reason));
        let within = confirm_within(&mut fields, CONFIRM_WITHIN, asked.confirm_within.as_ref());
        let (Some(id), Some(reason), Some(within)) = (id, reason, within) else {
            return Err(fields.into_error().into());
        };
        let done = self.tokens.revoke(caller, id, reason).await?;
        let response = pb::RevokeTokenResponse {
            token: self.shown(&done.committed.value.token),
            live_descendants: count(done.committed.value.live_descendants),
            confirmation: self.confirmation(&done, within).await,
        };
        Ok(self.marks.with_change(Response::new(response), &done.committed))
    }

    async fn revoke_all_tokens(
        &self,
        request: Request<pb::RevokeAllTokensRequest>,
    ) -> Result<Response<pb::RevokeAllTokensResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::default();
        let principal = read::principal(&mut fields, "principal", &asked.principal);
        let reason = fields.check("revoke_reason", Description::parse(&asked.revoke_reason));
        let within = confirm_within(&mut fields, CONFIRM_WITHIN, asked.confirm_within.as_ref());
        let (Some(principal), Some(reason), Some(within)) = (principal, reason, within) else {
            return Err(fields.into_error().into());
        };
        let done = self.tokens.revoke_all(caller, principal, reason).await?;
        let response = pb::RevokeAllTokensResponse {
            revoked_tokens: count(done.committed.value.tokens),
            ended_sessions: count(done.committed.value.sessions),
            confirmation: self.confirmation(&done, within).await,
        };
        Ok(self.marks.with_change(Response::new(response), &done.committed))
    }
}

/// Whose tokens a list has: one's own unless the caller is granted the method, or says somebody else.
fn listed_owner(caller: &Caller, owner: Option<Principal>) -> Result<Option<Principal>, TokenError> {
    match (owner, caller.reach) {
        (Some(owner), _) => {
            caller.target(owner, || TokenError::no_principal(owner))?;
            Ok(Some(owner))
        }
        (None, Reach::All) => Ok(None),
        (None, Reach::OwnOnly | Reach::ItselfOnly) => Ok(Some(caller.principal()?)),
    }
}
