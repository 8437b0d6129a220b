//! `passgate.identity.v1.GrantService`.

use std::time::Duration;

use passgate_kit::caller::{Caller, Reach};
use passgate_kit::client::{Action, Pattern, Patterns, Resource};
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::request::confirm_within;
use passgate_proto::identity::v1::grant_service_server::GrantService;
use passgate_proto::identity::v1::{
    GrantRequest, GrantResponse, ListGrantsRequest, ListGrantsResponse, RevokeRequest, RevokeResponse,
};
use sea_orm::DatabaseTransaction;
use tonic::{Request, Response, Status};

use super::{Rooms, convert, parse};
use crate::acting::look;
use crate::error::IdentityError;
use crate::principal::grant;
use crate::principal::holder::Holder;
use crate::store::{grant_row, grants, query};
use passgate_kit::list::Page;

#[tonic::async_trait]
impl GrantService for Rooms {
    async fn grant(&self, request: Request<GrantRequest>) -> Result<Response<GrantResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let (holder, patterns) = parse_change(&request.get_ref().holder, &request.get_ref().patterns)?;
        let done =
            self.act(&caller, move |acting| Box::pin(async move { grant::give(acting, holder, patterns).await }));
        self.answer(done.await?, |rows| GrantResponse { grants: rows.into_iter().map(convert::grant).collect() })
    }

    async fn revoke(&self, request: Request<RevokeRequest>) -> Result<Response<RevokeResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let ((holder, patterns), within) = parse_revocation(&wanted)?;
        let done =
            self.act(&caller, move |acting| Box::pin(async move { grant::take(acting, holder, patterns).await }));
        let told = |rows: Vec<grant_row::Model>, confirmation| RevokeResponse {
            grants: rows.into_iter().map(convert::grant).collect(),
            confirmation,
        };
        self.answer_confirmed(done.await?, within, told).await
    }

    async fn list_grants(&self, request: Request<ListGrantsRequest>) -> Result<Response<ListGrantsResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let wanted = request.into_inner();
        let mut fields = Fields::default();
        let holder = (!wanted.holder.is_empty()).then(|| fields.check("holder", Holder::parse(&wanted.holder)));
        let resource =
            (!wanted.resource.is_empty()).then(|| fields.check("resource", Resource::parse(&wanted.resource)));
        let asked = format!("{}\n{}", wanted.holder, wanted.resource);
        let page = Page::parse(&mut fields, &self.pages, &caller, &asked, wanted.page_size, &wanted.page_token);
        let Some(page) = page.filter(|_| fields.is_empty()) else {
            return Err(fields.into_error().into());
        };
        let holder = reachable(&caller, holder.flatten())?;
        let resource = resource.flatten();
        let (after, limit) = (page.after.as_deref().and_then(cursor), page.limit());
        let found = look(&self.store, move |db| {
            Box::pin(async move {
                if let Some(holder) = holder {
                    refuse_unknown(db, holder).await?;
                }
                listed(db, holder.map(|holder| holder.to_string()), resource, after, limit).await
            })
        });
        let mut found = found.await?;
        let next_page_token = page.cut(&self.pages, &mut found, |row| format!("{} {}", row.holder, row.pattern));
        let grants = found.into_iter().map(convert::grant).collect();
        Ok(Response::new(ListGrantsResponse { grants, next_page_token }))
    }
}

/// Whose grants the caller may list: all, or its own, for which it need not name itself.
fn reachable(caller: &Caller, holder: Option<Holder>) -> Result<Option<Holder>, IdentityError> {
    match holder {
        Some(Holder::Principal(principal)) => {
            caller.target(principal, || IdentityError::NotFound(principal.to_string()))?;
            Ok(holder)
        }
        Some(Holder::Group(id)) if caller.reach != Reach::All => Err(IdentityError::NotFound(id.resource_name())),
        Some(Holder::Group(_)) => Ok(holder),
        None if caller.reach == Reach::All => Ok(None),
        None => Ok(Some(Holder::Principal(caller.principal()?))),
    }
}

async fn refuse_unknown(db: &DatabaseTransaction, holder: Holder) -> Result<(), IdentityError> {
    let known = match holder {
        Holder::Principal(principal) => query::principal(db, principal).await?.is_some(),
        Holder::Group(id) => query::group(db, id).await?.is_some(),
    };
    if known { Ok(()) } else { Err(IdentityError::NotFound(holder.to_string())) }
}

/// Grants after `after` that cover `resource`: what covers is not a question for SQL, so pages are read until one is full.
async fn listed(
    db: &DatabaseTransaction,
    holder: Option<String>,
    resource: Option<Resource>,
    mut after: Option<(String, String)>,
    limit: u64,
) -> Result<Vec<grant_row::Model>, IdentityError> {
    let Some(resource) = resource else {
        return Ok(grants::page(db, holder, after, limit).await?);
    };
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut covering = Vec::new();
    loop {
        let found = grants::page(db, holder.clone(), after, 1000).await?;
        let Some(last) = found.last() else { break };
        after = Some((last.holder.clone(), last.pattern.clone()));
        covering.extend(found.into_iter().filter(|row| covers(row, &resource)));
        if covering.len() >= wanted {
            covering.truncate(wanted);
            break;
        }
    }
    Ok(covering)
}

fn covers(row: &grant_row::Model, resource: &Resource) -> bool {
    let pattern = Pattern::parse(&row.pattern);
    pattern.is_ok_and(|pattern| [Action::Read, Action::Write].iter().any(|action| pattern.covers(resource, *action)))
}

/// Neither part has a space.
fn cursor(text: &str) -> Option<(String, String)> {
    text.split_once(' ').map(|(holder, pattern)| (holder.to_owned(), pattern.to_owned()))
}

fn parse_change(holder: &str, patterns: &[String]) -> Result<(Holder, Patterns), FieldViolations> {
    let mut fields = Fields::default();
    let change = read_change(&mut fields, holder, patterns);
    change.filter(|_| fields.is_empty()).ok_or_else(|| fields.into_error())
}

fn parse_revocation(wanted: &RevokeRequest) -> Result<((Holder, Patterns), Option<Duration>), FieldViolations> {
    let mut fields = Fields::default();
    let change = read_change(&mut fields, &wanted.holder, &wanted.patterns);
    let within = confirm_within(&mut fields, parse::CONFIRM_WITHIN, wanted.confirm_within.as_ref());
    change.zip(within).filter(|_| fields.is_empty()).ok_or_else(|| fields.into_error())
}

fn read_change(fields: &mut Fields, holder: &str, patterns: &[String]) -> Option<(Holder, Patterns)> {
    let holder = fields.check("holder", Holder::parse(holder));
    if patterns.is_empty() {
        fields.add("patterns", "must name at least one pattern");
    }
    let patterns = parse::patterns(fields, "patterns", patterns);
    holder.zip(patterns)
}
