//! Who could call something new as soon as it is there, for the dry run of a create. It is asked of the token service with
//! the caller's own token, so that nobody learns here who may what, without the right to learn it there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use passgate_kit::caller::Caller;
use passgate_kit::client::headers::AT_LEAST_HEADER;
use passgate_kit::client::source::Undecidable;
use passgate_proto::gateway::v1::PossibleCaller;
use passgate_proto::token::v1::authorization_service_client::AuthorizationServiceClient;
use passgate_proto::token::v1::{ListCallersRequest, ListCallersResponse, list_callers_response};
use passgate_proto::r#type::v1::Action;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::error::RegistryError;

/// The most that are listed for an action: the most that the token service has on a page.
const MOST: i32 = 1000;
/// How long the token service may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks for them.
#[derive(Clone, Debug)]
pub struct PossibleCallers {
    replicas: Arc<[Channel]>,
}

/// Who could call it.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// In the order of their names.
    pub callers: Vec<PossibleCaller>,
    /// There are more.
    pub more: bool,
}

impl PossibleCallers {
    /// Asks the token service, whose replicas these go to.
    pub fn new(replicas: Vec<Channel>) -> Self {
        Self { replicas: replicas.into() }
    }

    /// Who could call `resource`, `endpoints/{name}` or `apis/{name}/*`, with either action.
    ///
    /// # Errors
    /// The token service's refusal, above all of a caller that may not know; or that it does not answer.
    pub async fn of(&self, caller: &Caller, resource: &str) -> Result<Found, Status> {
        let (read, write) =
            tokio::try_join!(self.ask(caller, resource, Action::Read), self.ask(caller, resource, Action::Write))?;
        let more = [&read, &write].into_iter().any(|page| !page.next_page_token.is_empty());
        let mut found: BTreeMap<String, PossibleCaller> = BTreeMap::new();
        for one in read.callers.into_iter().chain(write.callers) {
            add(found.entry(one.principal.clone()).or_default(), one);
        }
        Ok(Found { callers: found.into_values().collect(), more })
    }

    /// Asks one replica, and the next one if that is not there.
    async fn ask(&self, caller: &Caller, resource: &str, action: Action) -> Result<ListCallersResponse, Status> {
        let mut failed = away(None);
        for replica in &*self.replicas {
            let mut service = AuthorizationServiceClient::new(replica.clone());
            let answer = timeout(DEADLINE, service.list_callers(question(caller, resource, action))).await;
            match answer {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) if status.code() != Code::Unavailable => return Err(refused(status)),
                Ok(Err(status)) => failed = refused(status),
                Err(_) => failed = away(None),
            }
        }
        Err(failed)
    }
}

fn question(caller: &Caller, resource: &str, action: Action) -> Request<ListCallersRequest> {
    let message = ListCallersRequest {
        resource: resource.to_owned(),
        action: action.into(),
        page_size: MOST,
        ..Default::default()
    };
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    let metadata = request.metadata_mut().as_mut();
    if let Some(token) = caller.credential.as_ref().and_then(|credential| credential.to_header()) {
        metadata.insert(http::header::AUTHORIZATION, token);
    }
    if let Some(mark) = caller.at_least_text.as_ref().and_then(|mark| mark.parse().ok()) {
        metadata.insert(AT_LEAST_HEADER, mark);
    }
    request
}

/// What the token service says with details is for the caller; anything else only means that it did not answer.
fn refused(status: Status) -> Status {
    if status.details().is_empty() || status.code() == Code::Internal {
        return away(Some(status));
    }
    Status::with_details(status.code(), status.message(), status.details().to_vec().into())
}

fn away(cause: Option<Status>) -> Status {
    RegistryError::from(Undecidable::Unreachable(cause.map(Box::new))).into()
}

fn add(entry: &mut PossibleCaller, one: list_callers_response::Caller) {
    entry.principal = one.principal;
    entry.display_name = one.display_name;
    entry.state = one.state;
    entry.grants.extend(one.grants.into_iter().map(|grant| grant.pattern));
    entry.token_ids.extend(one.tokens.into_iter().map(|token| token.id));
    for list in [&mut entry.grants, &mut entry.token_ids] {
        list.sort_unstable();
        list.dedup();
    }
}
