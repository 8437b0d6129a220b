//! `AuthorizationService`.

use futures_util::future::try_join_all;
use passgate_kit::audit::{Occurrence, Occurrences};
use passgate_kit::caller::Caller;
use passgate_kit::client::{Action, Credential, Decision, Position, Resource, Vector};
use passgate_kit::fields::Fields;
use passgate_kit::list::Page;
use passgate_kit::mark::Marks;
use passgate_kit::page::PageTokens;
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::authorization_service_server::AuthorizationService;
use passgate_proto::token::v1::explain_decision_request::Subject;
use tonic::{Request, Response, Status};

use super::{convert, fields as read};
use crate::change::{ChangeLog, Found};
use crate::decision::{Callers, Decider, Explained};
use crate::error::TokenError;

/// How many questions one call may have.
const MAX_QUESTIONS: usize = 100;

/// The RPCs that decide.
#[derive(Debug)]
pub struct AuthorizationRpc {
    decider: Decider,
    callers: Callers,
    pages: PageTokens,
    marks: Marks,
    log: ChangeLog,
    occurrences: Occurrences,
}

/// A question, read. `None` for a text that cannot be a token: it is no error, and no token.
struct Question {
    token: Option<Credential>,
    resource: Resource,
    action: Action,
    at_least: Option<Vector>,
    applied: Option<Position>,
}

impl AuthorizationRpc {
    /// Decides by `decider`.
    #[must_use]
    pub const fn new(
        decider: Decider,
        callers: Callers,
        pages: PageTokens,
        marks: Marks,
        log: ChangeLog,
        occurrences: Occurrences,
    ) -> Self {
        Self { decider, callers, pages, marks, log, occurrences }
    }

    /// Notes a genuine token that is refused. Passgate's own services note what they refuse themselves: they know whether a
    /// token without the grant still reaches its owner's things, and from where the call came.
    fn note(&self, caller: &Caller, question: &Question, decision: &Decision) {
        let (Err(denied), Some(holder)) = (&decision.verdict, &decision.holder) else { return };
        if caller.service().is_some() {
            return;
        }
        let refused = Occurrence::refused_elsewhere(holder, denied.reason, caller.actor().principal);
        self.occurrences.note(refused.asking_for(question.resource.to_string()));
    }

    /// Passes once the memory contains what the asker has applied: an answer that is older is of no use to it.
    async fn catch_up(&self, applied: &Position) -> Result<(), TokenError> {
        self.decider.freshness().wait_for_applied(applied).await?;
        match self.log.find(applied) {
            Found::OtherFeed | Found::OtherHash => Err(TokenError::Undecidable {
                why: "what was applied is not in this feed: connect the change stream again",
            }),
            Found::Here(_) | Found::Compacted | Found::Ahead => Ok(()),
        }
    }

    fn read(&self, fields: &mut Fields, prefix: &str, request: &pb::AuthorizeRequest) -> Option<Question> {
        let token = read_token(fields, &format!("{prefix}token"), &request.token);
        let question = read::question(fields, prefix, &request.resource, request.action);
        let at_least = self.read_mark(fields, &format!("{prefix}at_least"), &request.at_least);
        let applied = request.applied.as_ref().map(Position::try_from).transpose();
        let applied = fields.check(format!("{prefix}applied"), applied);
        let ((resource, action), at_least) = question.zip(at_least)?;
        Some(Question { token: token?, resource, action, at_least, applied: applied? })
    }

    /// A change mark that may be left out. The outer `None` is a wrong one.
    fn read_mark(&self, fields: &mut Fields, path: &str, text: &str) -> Option<Option<Vector>> {
        let mark = Some(text).filter(|text| !text.is_empty()).map(|text| self.marks.read(text)).transpose();
        fields.check(path, mark)
    }

    async fn decide(&self, caller: &Caller, question: &Question) -> Result<Decision, TokenError> {
        let Question { token, resource, action, at_least, applied } = question;
        let decision = match token {
            Some(token) => {
                if let Some(applied) = applied {
                    self.catch_up(applied).await?;
                }
                self.decider.decide(token, resource, *action, at_least.as_ref()).await
            }
            None => Ok(self.decider.stranger()),
        };
        decision.inspect(|decision| self.note(caller, question, decision))
    }
}

/// A token that must be there; `Some(None)` is a text that no token can have.
fn read_token(fields: &mut Fields, path: &str, text: &str) -> Option<Option<Credential>> {
    if text.is_empty() {
        fields.add(path, "must be the token's secret, without `Bearer`");
        return None;
    }
    Some(Credential::parse(text).ok())
}

#[tonic::async_trait]
impl AuthorizationService for AuthorizationRpc {
    async fn authorize(
        &self,
        request: Request<pb::AuthorizeRequest>,
    ) -> Result<Response<pb::AuthorizeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut fields = Fields::default();
        let Some(question) = self.read(&mut fields, "", request.get_ref()) else {
            return Err(fields.into_error().into());
        };
        let decision = self.decide(caller, &question).await?;
        Ok(Response::new((&decision).into()))
    }

    async fn batch_authorize(
        &self,
        request: Request<pb::BatchAuthorizeRequest>,
    ) -> Result<Response<pb::BatchAuthorizeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let requests = &request.get_ref().requests;
        let mut fields = Fields::default();
        if requests.is_empty() || requests.len() > MAX_QUESTIONS {
            fields.add("requests", format!("must be 1 to {MAX_QUESTIONS}"));
            return Err(fields.into_error().into());
        }
        let questions: Vec<Option<Question>> = requests
            .iter()
            .enumerate()
            .map(|(at, request)| self.read(&mut fields, &format!("requests[{at}]."), request))
            .collect();
        fields.into_result()?;
        let decisions = try_join_all(questions.iter().flatten().map(|question| self.decide(caller, question))).await?;
        let responses = decisions.iter().map(Into::into).collect();
        Ok(Response::new(pb::BatchAuthorizeResponse { responses }))
    }

    async fn find_lacking(
        &self,
        request: Request<pb::FindLackingRequest>,
    ) -> Result<Response<pb::FindLackingResponse>, Status> {
        let asked = request.get_ref();
        let mut fields = Fields::default();
        let token = read_token(&mut fields, "token", &asked.token);
        let wanted = read::patterns(&mut fields, "patterns", &asked.patterns);
        let at_least = self.read_mark(&mut fields, "at_least", &asked.at_least);
        let Some(((token, wanted), at_least)) = token.zip(wanted).zip(at_least) else {
            return Err(fields.into_error().into());
        };
        let lacking = match &token {
            Some(token) => self.decider.lacking(token, &wanted, at_least.as_ref()).await?,
            None => self.decider.stranger_lacks(&wanted),
        };
        Ok(Response::new(convert::lacking(&lacking)))
    }

    async fn explain_decision(
        &self,
        request: Request<pb::ExplainDecisionRequest>,
    ) -> Result<Response<pb::ExplainDecisionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::default();
        let question = read::question(&mut fields, "", &asked.resource, asked.action);
        let explained = match &asked.subject {
            None => {
                fields.add("token", "must be there, or token_id");
                return Err(fields.into_error().into());
            }
            Some(Subject::Token(text)) => {
                let token = read_token(&mut fields, "token", text);
                let Some(((resource, action), token)) = question.zip(token) else {
                    return Err(fields.into_error().into());
                };
                let explained = self.decider.explain_shown(token.as_ref(), &resource, action).await?;
                if let Some(owner) = explained.owner {
                    caller.target(owner, || TokenError::no_token("of this secret"))?;
                }
                explained
            }
            Some(Subject::TokenId(text)) => {
                let id = read::id(&mut fields, "token_id", text);
                let Some(((resource, action), id)) = question.zip(id) else {
                    return Err(fields.into_error().into());
                };
                let row = self.decider.row_named(id).await?.ok_or_else(|| TokenError::no_token(id))?;
                caller.target_token(row.owner(), row.id(), || TokenError::no_token(id))?;
                self.decider.explain_named(&row, &resource, action).await?
            }
        };
        let Explained { decision, steps, .. } = explained;
        let steps = steps.into_iter().map(convert::step).collect();
        Ok(Response::new(pb::ExplainDecisionResponse { decision: Some((&decision).into()), steps }))
    }

    async fn list_callers(
        &self,
        request: Request<pb::ListCallersRequest>,
    ) -> Result<Response<pb::ListCallersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::default();
        let wanted = read::callable(&mut fields, &asked.resource, asked.action);
        let query = format!("{}\0{}", asked.resource, asked.action);
        let page = Page::parse(&mut fields, &self.pages, caller, &query, asked.page_size, &asked.page_token);
        let Some((wanted, page)) = wanted.zip(page) else {
            return Err(fields.into_error().into());
        };
        let after = page.after.clone().unwrap_or_default();
        let mut found = self.callers.list(&wanted, after, page.limit(), self.decider.now()).await?;
        let next_page_token = page.cut(&self.pages, &mut found, |found| found.principal.to_string());
        let callers = found.into_iter().map(convert::caller).collect();
        Ok(Response::new(pb::ListCallersResponse { callers, next_page_token }))
    }
}
