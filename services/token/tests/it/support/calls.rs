//! Calls of the token service, in the words of tests.

use passgate_kit::client::Principal;
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::authorization_service_client::AuthorizationServiceClient;
use passgate_proto::token::v1::change_service_client::ChangeServiceClient;
use passgate_proto::token::v1::issuing_service_client::IssuingServiceClient;
use passgate_proto::token::v1::key_service_client::KeyServiceClient;
use passgate_proto::token::v1::token_service_client::TokenServiceClient;
use passgate_proto::r#type::v1::{Action, PatternList};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::{Harness, NOW, Replica};

/// A refusal: code and reason.
pub type Refusal = (Code, String);

/// Code and reason of a refusal. Each must have its ErrorInfo.
pub fn told(status: &Status) -> Refusal {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "passgate");
    (status.code(), info.reason)
}

/// A refusal as tests write it.
pub fn refused(code: Code, reason: &str) -> Refusal {
    (code, reason.to_owned())
}

/// The fields that a refusal names, in order. Every `INVALID_ARGUMENT` names some.
pub fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_details_bad_request().expect("the fields");
    details.field_violations.into_iter().map(|violation| violation.field).collect()
}

/// A message with a token.
pub fn with_token<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("metadata"));
    request
}

/// A message with a service credential.
pub fn with_service<T>(credential: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("passgate-service", credential.parse().expect("metadata"));
    request
}

/// Patterns as a message has them.
pub fn list(patterns: &[&str]) -> Option<PatternList> {
    Some(PatternList { patterns: patterns.iter().map(ToString::to_string).collect() })
}

/// A request for a token of this name.
pub fn named(name: &str) -> pb::CreateTokenRequest {
    pb::CreateTokenRequest { name: name.to_owned(), ..pb::CreateTokenRequest::default() }
}

/// A length of time as a message has it.
pub fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

/// The change mark of an answer.
pub fn mark<T>(response: &tonic::Response<T>) -> String {
    response.metadata().get("passgate-change").expect("a change mark").to_str().expect("text").to_owned()
}

impl Replica {
    pub fn tokens(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel.clone())
    }

    pub fn issuing(&self) -> IssuingServiceClient<Channel> {
        IssuingServiceClient::new(self.channel.clone())
    }

    pub fn authorization(&self) -> AuthorizationServiceClient<Channel> {
        AuthorizationServiceClient::new(self.channel.clone())
    }

    pub fn changes(&self) -> ChangeServiceClient<Channel> {
        ChangeServiceClient::new(self.channel.clone())
    }

    pub fn keys(&self) -> KeyServiceClient<Channel> {
        KeyServiceClient::new(self.channel.clone())
    }

    /// May `token` read `resource`? Asked as the gateway asks.
    pub async fn authorize(&self, gateway: &str, token: &str, resource: &str) -> Result<(), Refusal> {
        let question = question(token, resource);
        let answer = self.authorization().authorize(with_service(gateway, question)).await;
        let decision = answer.map_err(|status| told(&status))?.into_inner().decision.expect("a decision");
        if decision.allowed { Ok(()) } else { Err((Code::Ok, decision.reason)) }
    }
}

/// The question whether `token` may read `resource`.
pub fn question(token: &str, resource: &str) -> pb::AuthorizeRequest {
    pb::AuthorizeRequest {
        token: token.to_owned(),
        resource: resource.to_owned(),
        action: Action::Read.into(),
        at_least: String::new(),
        applied: None,
    }
}

/// The denial of Authorize.
pub fn denied(reason: &str) -> Result<(), Refusal> {
    Err((Code::Ok, reason.to_owned()))
}

impl Harness {
    /// Signs a user in: its session token.
    pub async fn session(&self, user: Principal) -> String {
        self.issue_session(user, 0).await.session_token
    }

    pub async fn issue_session(&self, user: Principal, epoch: u64) -> pb::IssueSessionResponse {
        let request = pb::IssueSessionRequest {
            principal: user.to_string(),
            session_epoch: epoch,
            auth_time: Some(prost_types::Timestamp { seconds: NOW.unix_timestamp(), nanos: 0 }),
            peer: "192.0.2.1".to_owned(),
        };
        let request = with_service(&self.installation.identity_credential, request);
        self.replica.issuing().issue_session(request).await.expect("a session").into_inner()
    }

    /// Makes a token.
    pub async fn create(&self, by: &str, request: pb::CreateTokenRequest) -> Result<pb::CreateTokenResponse, Status> {
        Ok(self.replica.tokens().create_token(with_token(by, request)).await?.into_inner())
    }

    /// Makes a token of this name for oneself: its id and secret.
    pub async fn token(&self, by: &str, name: &str) -> (String, String) {
        let made = self.create(by, named(name)).await.expect("a token");
        (made.token.expect("a token").id, made.secret)
    }

    /// May `token` read `resource`?
    pub async fn authorize(&self, token: &str, resource: &str) -> Result<(), Refusal> {
        self.replica.authorize(&self.installation.gateway, token, resource).await
    }

    /// Waits until what `token` gets for `resource` is `wanted`: for changes at identity, which arrive in their own time.
    pub async fn until(&self, token: &str, resource: &str, wanted: Result<(), Refusal>) {
        let reached = async {
            while self.authorize(token, resource).await != wanted {
                tokio::task::yield_now().await;
            }
        };
        let reached = tokio::time::timeout(std::time::Duration::from_secs(10), reached).await;
        assert!(reached.is_ok(), "{resource}: {:?}, not {wanted:?}", self.authorize(token, resource).await);
    }

    /// Waits until the service has everything that the identity service has told. `token` is any genuine one.
    pub async fn caught_up(&self, token: &str) {
        let at_least = self.identity_mark(self.identity().head());
        let caught_up = async {
            loop {
                let request = pb::AuthorizeRequest { at_least: at_least.clone(), ..question(token, "endpoints/a") };
                let request = with_service(&self.installation.gateway, request);
                if self.replica.authorization().authorize(request).await.is_ok() {
                    return;
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), caught_up).await.expect("it catches up");
    }

    /// Lets time go by, and waits until the service has heard from everybody since. `token` is any genuine one.
    pub async fn later(&self, token: &str, passed: std::time::Duration) {
        self.installation.clock.advance(passed);
        let fresh = async {
            while matches!(self.authorize(token, "endpoints/a").await, Err((Code::Unavailable, _))) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), fresh).await.expect("fresh again");
    }

    pub async fn get(&self, by: &str, id: &str) -> Result<pb::Token, Refusal> {
        let answer = self.replica.tokens().get_token(with_token(by, pb::GetTokenRequest { id: id.to_owned() })).await;
        Ok(answer.map_err(|status| told(&status))?.into_inner().token.expect("a token"))
    }

    pub async fn revoke(&self, by: &str, id: &str) -> Result<pb::RevokeTokenResponse, Refusal> {
        let request =
            pb::RevokeTokenRequest { id: id.to_owned(), revoke_reason: "lost".to_owned(), confirm_within: None };
        let answer = self.replica.tokens().revoke_token(with_token(by, request)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| told(&status))
    }

    pub async fn disable(&self, by: &str, id: &str) -> Result<pb::Token, Refusal> {
        let request = pb::DisableTokenRequest { id: id.to_owned(), confirm_within: None };
        let answer = self.replica.tokens().disable_token(with_token(by, request)).await;
        Ok(answer.map_err(|status| told(&status))?.into_inner().token.expect("a token"))
    }

    pub async fn enable(&self, by: &str, id: &str) -> Result<pb::Token, Refusal> {
        let request = pb::EnableTokenRequest { id: id.to_owned() };
        let answer = self.replica.tokens().enable_token(with_token(by, request)).await;
        Ok(answer.map_err(|status| told(&status))?.into_inner().token.expect("a token"))
    }

    pub async fn update(&self, by: &str, token: pb::Token, paths: &[&str]) -> Result<pb::Token, Status> {
        let mask = prost_types::FieldMask { paths: paths.iter().map(ToString::to_string).collect() };
        let request = pb::UpdateTokenRequest { token: Some(token), update_mask: Some(mask) };
        let answer = self.replica.tokens().update_token(with_token(by, request)).await?;
        Ok(answer.into_inner().token.expect("a token"))
    }

    pub async fn names(&self, by: &str, request: pb::ListTokensRequest) -> Result<Vec<String>, Status> {
        let answer = self.replica.tokens().list_tokens(with_token(by, request)).await?.into_inner();
        Ok(answer.tokens.into_iter().map(|token| token.name).collect())
    }
}
