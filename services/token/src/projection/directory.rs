//! The identity service, as this one asks it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use passgate_kit::client::client::present;
use passgate_kit::client::{Position, Principal, SecretString, TokenId};
use passgate_proto::identity::v1 as pb;
use passgate_proto::identity::v1::directory_service_client::DirectoryServiceClient;
use passgate_proto::identity::v1::resolve_creation_response::Outcome as PbOutcome;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use super::record::{GroupRecord, PrincipalRecord};

/// How long one question may take.
const DEADLINE: Duration = Duration::from_secs(2);

/// Asks the identity service. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    client: DirectoryServiceClient<Channel>,
    credential: Arc<SecretString>,
}

/// What the identity service says of a principal.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The principal and its groups; `None` if there never was one.
    pub found: Option<(PrincipalRecord, Vec<GroupRecord>)>,
    /// What that is true for.
    pub as_of: Position,
}

/// What became of the creation of a provisional token's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Under way.
    Preparing,
    /// Both came into being.
    Committed,
    /// Neither did, or nobody knows of it.
    Aborted,
}

impl Directory {
    /// Asks over `channel`, as the service that `credential` names.
    #[must_use]
    pub fn new(channel: Channel, credential: Arc<SecretString>) -> Self {
        Self { client: DirectoryServiceClient::new(channel), credential }
    }

    /// A principal with its groups.
    ///
    /// # Errors
    /// If there is no answer, or none that can be read.
    pub async fn principal(&self, principal: Principal) -> Result<Looked, Status> {
        let request = self.request(pb::GetPrincipalRequest { principal: principal.to_string() })?;
        let answer = bounded(self.client.clone().get_principal(request)).await?;
        let as_of = position(answer.as_of.as_ref())?;
        let Some(record) = &answer.principal else { return Ok(Looked { found: None, as_of }) };
        let record = PrincipalRecord::try_from(record).map_err(unreadable)?;
        let groups = answer.groups.iter().map(GroupRecord::try_from).collect::<Result<_, _>>().map_err(unreadable)?;
        Ok(Looked { found: Some((record, groups)), as_of })
    }

    /// What became of the creation that a provisional token belongs to.
    ///
    /// # Errors
    /// If there is no answer, or none that can be read.
    pub async fn outcome(&self, token: TokenId) -> Result<Outcome, Status> {
        let request = self.request(pb::ResolveCreationRequest { token_id: token.to_string() })?;
        let answer = bounded(self.client.clone().resolve_creation(request)).await?;
        match answer.outcome() {
            PbOutcome::Preparing => Ok(Outcome::Preparing),
            PbOutcome::Committed => Ok(Outcome::Committed),
            PbOutcome::Aborted => Ok(Outcome::Aborted),
            PbOutcome::Unspecified => Err(unreadable("the identity service did not say what became of a creation")),
        }
    }

    /// The stream of changes. What is sent on `questions` goes to the identity service.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn watch(
        &self,
        questions: ReceiverStream<pb::WatchPrincipalsRequest>,
    ) -> Result<Streaming<pb::WatchPrincipalsResponse>, Status> {
        let mut request = Request::new(questions);
        present(&self.credential, request.metadata_mut())?;
        bounded(self.client.clone().watch_principals(request)).await
    }

    fn request<T>(&self, message: T) -> Result<Request<T>, Status> {
        let mut request = Request::new(message);
        request.set_timeout(DEADLINE);
        present(&self.credential, request.metadata_mut())?;
        Ok(request)
    }
}

async fn bounded<T>(call: impl Future<Output = Result<tonic::Response<T>, Status>>) -> Result<T, Status> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(answer) => answer.map(tonic::Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("the identity service did not answer in time")),
    }
}

/// A position that must be there.
pub(super) fn position(message: Option<&passgate_proto::r#type::v1::Position>) -> Result<Position, Status> {
    message.and_then(|message| Position::try_from(message).ok()).ok_or_else(|| unreadable("a position cannot be read"))
}

pub(super) fn unreadable(cause: impl fmt::Display) -> Status {
    Status::internal(cause.to_string())
}

impl fmt::Debug for Directory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Directory(..)")
    }
}
