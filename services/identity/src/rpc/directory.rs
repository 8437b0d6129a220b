//! `passgate.identity.v1.DirectoryService`: for the token service alone.

use passgate_kit::access::Refusal;
use passgate_kit::caller::Caller;
use passgate_kit::client::{Position, Principal, TokenId};
use passgate_kit::fields::FieldViolations;
use passgate_kit::problem::to_status;
use passgate_proto::identity::v1::directory_service_server::DirectoryService;
use passgate_proto::identity::v1::watch_principals_request::Message;
use passgate_proto::identity::v1::{
    GetPrincipalRequest, GetPrincipalResponse, ResolveCreationRequest, ResolveCreationResponse, WatchPrincipalsRequest,
    WatchPrincipalsResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Rooms, parse};
use crate::acting::look;
use crate::directory::{group_record, principal_record, watch};
use crate::store::{GroupFacts, PrincipalFacts, query};

/// How many messages wait for the reader.
const BUFFERED: usize = 64;

#[tonic::async_trait]
impl DirectoryService for Rooms {
    async fn get_principal(
        &self,
        request: Request<GetPrincipalRequest>,
    ) -> Result<Response<GetPrincipalResponse>, Status> {
        let who = parse::one("principal", Principal::parse(&request.get_ref().principal))?;
        let answer = look(&self.store, move |db| {
            Box::pin(async move {
                let mut answer = GetPrincipalResponse {
                    as_of: Some(passgate_kit::feed::head(db).await?.into()),
                    ..GetPrincipalResponse::default()
                };
                let Some(row) = query::any_principal(db, who).await? else {
                    return Ok(answer);
                };
                let groups = query::groups_of(db, &row.principal).await?;
                for name in &groups {
                    let id = passgate_kit::client::GroupId::parse_resource_name(name)
                        .map_err(passgate_kit::store::StoreError::unreadable)?;
                    if let Some(group) = query::group(db, id).await? {
                        let patterns = patterns(db, name).await?;
                        answer.groups.push(group_record(GroupFacts::of(&group, patterns)));
                    }
                }
                let patterns = patterns(db, &row.principal).await?;
                answer.principal = Some(principal_record(PrincipalFacts::of(&row, patterns, groups)));
                Ok(answer)
            })
        });
        Ok(Response::new(answer.await?))
    }

    type WatchPrincipalsStream = ReceiverStream<Result<WatchPrincipalsResponse, Status>>;

    async fn watch_principals(
        &self,
        request: Request<Streaming<WatchPrincipalsRequest>>,
    ) -> Result<Response<Self::WatchPrincipalsStream>, Status> {
        let reader = Caller::of(&request)?
            .service()
            .cloned()
            .ok_or_else(|| to_status(&Refusal::NotThatService { known: false }))?;
        let mut requests = request.into_inner();
        let since = match requests.message().await?.and_then(|first| first.message) {
            Some(Message::Start(start)) => start.since,
            Some(Message::Nonce(_)) | None => {
                return Err(FieldViolations::one("start", "must be the first message of the stream").into());
            }
        };
        let since = since.as_ref().map(Position::try_from).transpose();
        let since = since.map_err(|error| FieldViolations::one("start.since", error.to_string()))?;
        let (sender, receiver) = mpsc::channel(BUFFERED);
        let directory = self.directory.clone();
        directory.streams.clone().spawn(watch(directory, reader, since, requests, sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn resolve_creation(
        &self,
        request: Request<ResolveCreationRequest>,
    ) -> Result<Response<ResolveCreationResponse>, Status> {
        let id = parse::one("token_id", TokenId::parse(&request.get_ref().token_id))?;
        let outcome = self.creations.resolve(id).await?;
        Ok(Response::new(ResolveCreationResponse { outcome: outcome.into() }))
    }
}

async fn patterns(
    db: &sea_orm::DatabaseTransaction,
    holder: &str,
) -> Result<Vec<String>, passgate_kit::store::StoreError> {
    Ok(query::grants_of(db, holder).await?.into_iter().map(|grant| grant.pattern).collect())
}
