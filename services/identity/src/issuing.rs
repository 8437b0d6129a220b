//! What this service asks of the token service: sessions, provisional tokens, how many tokens live.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use passgate_kit::client::client::present;
use passgate_kit::client::{Position, SecretString, UserId};
use passgate_proto::token::v1::issuing_service_client::IssuingServiceClient;
use passgate_proto::token::v1::{
    AwaitAppliedRequest, CountLiveTokensRequest, EndSessionRequest, IssueSessionRequest, IssueSessionResponse,
    PrepareTokenRequest, PrepareTokenResponse,
};
use passgate_proto::r#type::v1::Confirmation;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::error::IdentityError;

/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// The token service, as this service's credential opens it.
#[derive(Clone)]
pub struct Issuing {
    client: IssuingServiceClient<Channel>,
    credential: Arc<SecretString>,
}

impl fmt::Debug for Issuing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Issuing(..)")
    }
}

impl Issuing {
    /// The token service behind `channel`.
    pub fn new(channel: Channel, credential: Arc<SecretString>) -> Self {
        Self { client: IssuingServiceClient::new(channel), credential }
    }

    /// A session token for who has just signed in.
    pub async fn session(&self, request: IssueSessionRequest) -> Result<IssueSessionResponse, IdentityError> {
        let request = self.request(request)?;
        let mut client = self.client.clone();
        answer(async move { client.issue_session(request).await }).await
    }

    /// Ends one session.
    pub async fn end_session(&self, principal: String, token_id: String) -> Result<(), IdentityError> {
        let request = self.request(EndSessionRequest { principal, token_id })?;
        let mut client = self.client.clone();
        answer(async move { client.end_session(request).await }).await.map(drop)
    }

    /// A provisional token.
    pub async fn prepare(&self, request: PrepareTokenRequest) -> Result<PrepareTokenResponse, IdentityError> {
        let request = self.request(request)?;
        let mut client = self.client.clone();
        answer(async move { client.prepare_token(request).await }).await
    }

    /// How many named tokens of a principal are live.
    pub async fn live_tokens(&self, principal: String) -> Result<i32, IdentityError> {
        let request = self.request(CountLiveTokensRequest { principal })?;
        let mut client = self.client.clone();
        answer(async move { client.count_live_tokens(request).await }).await.map(|counted| counted.live_tokens)
    }

    /// Waits until everybody who keeps decisions has acknowledged the change at `position`, for at most `within`. Nobody is
    /// named if the token service does not answer: the change is made, and nothing is known of who has it.
    pub async fn confirmed(&self, position: Position, within: Duration) -> Confirmation {
        let wait = |within| prost_types::Duration::try_from(within).ok();
        let message = AwaitAppliedRequest { identity: Some(position.into()), within: wait(within) };
        let longest = within.saturating_add(DEADLINE);
        let asked = async {
            let mut request = self.request(message)?;
            request.set_timeout(longest);
            let mut client = self.client.clone();
            match tokio::time::timeout(longest, client.await_applied(request)).await {
                Ok(answer) => answer.map_err(sorted).map(|answer| answer.into_inner().confirmation),
                Err(_) => Err(IdentityError::TokenServiceAway(None)),
            }
        };
        match asked.await {
            Ok(confirmation) => confirmation.unwrap_or_default(),
            Err(error) => {
                let cause = std::error::Error::source(&error);
                tracing::warn!(cause = ?cause, "a change is made, but not confirmed: {error}");
                Confirmation::default()
            }
        }
    }

    fn request<T>(&self, message: T) -> Result<Request<T>, IdentityError> {
        let mut request = Request::new(message);
        request.set_timeout(DEADLINE);
        present(&self.credential, request.metadata_mut()).map_err(away)?;
        Ok(request)
    }
}

/// The question about a session.
pub fn session_of(user: UserId, epoch: i64, auth_time: time::OffsetDateTime, peer: &str) -> IssueSessionRequest {
    IssueSessionRequest {
        principal: user.resource_name(),
        session_epoch: epoch.unsigned_abs(),
        auth_time: Some(passgate_kit::client::convert::timestamp(auth_time)),
        peer: peer.to_owned(),
    }
}

async fn answer<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, IdentityError> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(sorted(status)),
        Err(_) => Err(IdentityError::TokenServiceAway(None)),
    }
}

/// What is said to this service about itself, or not said at all, is no word for the caller.
fn sorted(status: Status) -> IdentityError {
    match status.code() {
        Code::InvalidArgument
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::AlreadyExists
        | Code::NotFound
        | Code::Aborted
        | Code::ResourceExhausted => IdentityError::TokenRefused(Box::new(status)),
        _ => away(status),
    }
}

fn away(status: Status) -> IdentityError {
    IdentityError::TokenServiceAway(Some(Box::new(status)))
}
