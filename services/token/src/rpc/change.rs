//! `ChangeService`.

use std::time::Duration;

use passgate_kit::caller::Caller;
use passgate_kit::client::convert::timestamp;
use passgate_kit::client::{Name, Position};
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::list::Page;
use passgate_kit::page::PageTokens;
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::change_service_server::ChangeService;
use passgate_proto::token::v1::watch_changes_request::Message;
use passgate_proto::token::v1::watch_changes_response as told;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::convert;
use crate::change::{Changes, DeciderList, End, Listed, Messages, Start};
use crate::error::TokenError;
use crate::key::Keys;

/// How long a stream may be open before the decider says who it is.
const FIRST_MESSAGE: Duration = Duration::from_secs(10);

/// The RPCs of changes.
#[derive(Debug)]
pub struct ChangeRpc {
    changes: Changes,
    list: DeciderList,
    pages: PageTokens,
}

impl ChangeRpc {
    /// The RPCs of `changes`, and of those who watch them.
    #[must_use]
    pub const fn new(changes: Changes, list: DeciderList, pages: PageTokens) -> Self {
        Self { changes, list, pages }
    }
}

/// The keys that tokens are signed with, as deciders are told them.
pub fn keys(keys: &Keys) -> told::Keys {
    told::Keys { keys: keys.list().iter().map(convert::key).collect(), issuer: keys.issuer().to_owned() }
}

/// Reads what a decider says first.
async fn first(requests: &mut Streaming<pb::WatchChangesRequest>) -> Result<Start, Status> {
    let silent = || FieldViolations::one("start", "must be said within ten seconds");
    let first = tokio::time::timeout(FIRST_MESSAGE, requests.message()).await.map_err(|_| silent())??;
    let Some(Message::Start(start)) = first.and_then(|first| first.message) else {
        return Err(FieldViolations::one("start", "must be the first message of the stream").into());
    };
    Ok(read_start(&start)?)
}

fn read_start(start: &pb::watch_changes_request::Start) -> Result<Start, FieldViolations> {
    let mut fields = Fields::default();
    let name = fields.check("start.name", Name::parse(&start.name));
    let id = fields.check("start.decider_id", Uuid::try_parse(&start.decider_id).map_err(|_| "must be a UUID"));
    let since = fields.check("start.since", start.since.as_ref().map(Position::try_from).transpose());
    match (name, id, since) {
        (Some(name), Some(id), Some(since)) => Ok(Start { name: name.to_string(), id, since }),
        _ => Err(fields.into_error()),
    }
}

fn decider(listed: Listed) -> pb::Decider {
    pb::Decider {
        id: listed.key.id.to_string(),
        principal: listed.key.principal,
        name: listed.name,
        applied: listed.applied.map(Into::into),
        behind: listed.behind,
        lease_left: prost_types::Duration::try_from(listed.lease_left).ok(),
        last_heard_time: Some(timestamp(listed.heard)),
        watch_time: Some(timestamp(listed.watching_since)),
        streams: i32::try_from(listed.streams).unwrap_or(i32::MAX),
    }
}

#[tonic::async_trait]
impl ChangeService for ChangeRpc {
    type WatchChangesStream = Messages;

    async fn watch_changes(
        &self,
        request: Request<Streaming<pb::WatchChangesRequest>>,
    ) -> Result<Response<Messages>, Status> {
        let guest = self.changes.guests.admit(Caller::of(&request)?)?;
        let mut requests = request.into_inner();
        let start = first(&mut requests).await?;
        let messages = self.changes.open(guest, start, requests).map_err(|end: End| Status::from(end))?;
        Ok(Response::new(messages))
    }

    async fn list_deciders(
        &self,
        request: Request<pb::ListDecidersRequest>,
    ) -> Result<Response<pb::ListDecidersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::default();
        let page = Page::parse(&mut fields, &self.pages, caller, "", asked.page_size, &asked.page_token);
        let Some(page) = page else { return Err(fields.into_error().into()) };
        let mut all = self.list.all().await.map_err(TokenError::from)?;
        let after = page.after.clone().unwrap_or_default();
        let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        all.sort_by_cached_key(cursor);
        let mut found: Vec<Listed> = all.into_iter().filter(|listed| cursor(listed) > after).take(limit).collect();
        let next_page_token = page.cut(&self.pages, &mut found, cursor);
        Ok(Response::new(pb::ListDecidersResponse {
            deciders: found.into_iter().map(decider).collect(),
            next_page_token,
        }))
    }
}

/// Orders deciders: by whose credential they use, their names, and their ids.
fn cursor(listed: &Listed) -> String {
    format!("{}\n{}\n{}", listed.key.principal, listed.name, listed.key.id)
}
