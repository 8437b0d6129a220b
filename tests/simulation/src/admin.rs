//! Calls of an administrator, over the network like everybody's.

use std::time::Duration;

use anyhow::Context as _;
use passgate_client::{Ambient, ChangeMark, MARK_HEADER, MarkKey, Vector};
use passgate_proto::identity::v1 as identity;
use passgate_proto::identity::v1::grant_service_client::GrantServiceClient;
use passgate_proto::identity::v1::session_service_client::SessionServiceClient;
use passgate_proto::identity::v1::user_service_client::UserServiceClient;
use passgate_proto::token::v1 as token;
use passgate_proto::token::v1::token_service_client::TokenServiceClient;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::cast::{IDENTITY, TOKENS, channel};
use crate::net::HostId;

/// How long a call may take. What happens to it afterwards is unknown.
const DEADLINE: Duration = Duration::from_secs(3);
/// The administrator's own password.
const PASSWORD: &str = "the administrator's own words";

/// An administrator with channels to every service.
#[derive(Clone)]
pub struct Admin {
    identity: Channel,
    tokens: [Channel; 2],
    token: String,
}

impl Admin {
    /// One who presents `token`.
    ///
    /// # Errors
    /// Never: the addresses are some.
    pub fn new(ambient: &Ambient, token: &str) -> anyhow::Result<Self> {
        let [one, two] = TOKENS;
        let tokens = [channel(ambient, one)?, channel(ambient, two)?];
        Ok(Self { identity: channel(ambient, IDENTITY)?, tokens, token: token.to_owned() })
    }

    /// Signs the first user in with its one-time password, and gives it one of its own.
    ///
    /// # Errors
    /// As the service says.
    pub async fn sign_in(ambient: &Ambient, password: &str) -> anyhow::Result<Self> {
        let mut sessions = SessionServiceClient::new(channel(ambient, IDENTITY)?);
        let request = identity::SignInRequest {
            email: "admin@localhost".to_owned(),
            password: password.to_owned(),
            new_password: Some(PASSWORD.to_owned()),
        };
        let signed_in = sessions.sign_in(request).await.context("signing in")?.into_inner();
        Self::new(ambient, &signed_in.session_token)
    }

    /// What it presents.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Makes a user who holds `grants`. Its id.
    ///
    /// # Errors
    /// As the service says.
    pub async fn create_user(&self, email: &str, grants: &[String]) -> anyhow::Result<String> {
        let request =
            identity::CreateUserRequest { email: email.to_owned(), grants: grants.to_vec(), ..Default::default() };
        let made = UserServiceClient::new(self.identity.clone()).create_user(self.with(request)?).await?;
        Ok(made.into_inner().user.context("a user")?.id)
    }

    /// Makes a token of `owner` (`users/{id}`). Its id and secret.
    ///
    /// # Errors
    /// As the service says.
    pub async fn create_token(&self, name: &str, owner: &str) -> anyhow::Result<(String, String)> {
        let request =
            token::CreateTokenRequest { name: name.to_owned(), owner: owner.to_owned(), ..Default::default() };
        let made = self.service(0)?.create_token(self.with(request)?).await?.into_inner();
        Ok((made.token.context("a token")?.id, made.secret))
    }

    /// Disables or enables a user.
    ///
    /// # Errors
    /// As the service says, or nobody does.
    pub async fn set_user(&self, id: &str, enabled: bool) -> Result<MetadataMap, Status> {
        let mut users = UserServiceClient::new(self.identity.clone());
        let id = id.to_owned();
        if enabled {
            marks(users.enable_user(self.with(identity::EnableUserRequest { id })?).await)
        } else {
            let request = identity::DisableUserRequest { id, ..Default::default() };
            marks(users.disable_user(self.with(request)?).await)
        }
    }

    /// Gives a user a grant, or takes it away.
    ///
    /// # Errors
    /// As the service says, or nobody does.
    pub async fn set_grant(&self, holder: &str, pattern: &str, given: bool) -> Result<MetadataMap, Status> {
        let mut grants = GrantServiceClient::new(self.identity.clone());
        let (holder, patterns) = (holder.to_owned(), vec![pattern.to_owned()]);
        if given {
            marks(grants.grant(self.with(identity::GrantRequest { holder, patterns })?).await)
        } else {
            let request = identity::RevokeRequest { holder, patterns, ..Default::default() };
            marks(grants.revoke(self.with(request)?).await)
        }
    }

    /// Disables or enables a token, at one of the replicas.
    ///
    /// # Errors
    /// As the service says, or nobody does.
    pub async fn set_token(&self, replica: usize, id: &str, enabled: bool) -> Result<MetadataMap, Status> {
        let mut tokens = self.service(replica)?;
        let id = id.to_owned();
        if enabled {
            marks(tokens.enable_token(self.with(token::EnableTokenRequest { id })?).await)
        } else {
            let request = token::DisableTokenRequest { id, ..Default::default() };
            marks(tokens.disable_token(self.with(request)?).await)
        }
    }

    /// Revokes a token, at one of the replicas.
    ///
    /// # Errors
    /// As the service says, or nobody does.
    pub async fn revoke(&self, replica: usize, id: &str) -> Result<MetadataMap, Status> {
        let request = token::RevokeTokenRequest { id: id.to_owned(), ..Default::default() };
        marks(self.service(replica)?.revoke_token(self.with(request)?).await)
    }

    fn service(&self, replica: usize) -> Result<TokenServiceClient<Channel>, Status> {
        let channel = self.tokens.get(replica).ok_or_else(|| Status::internal("there is no such replica"))?;
        Ok(TokenServiceClient::new(channel.clone()))
    }

    fn with<T>(&self, message: T) -> Result<Request<T>, Status> {
        let mut request = Request::new(message);
        request.set_timeout(DEADLINE);
        let bearer = format!("Bearer {}", self.token).parse();
        let bearer = bearer.map_err(|_| Status::internal("the token cannot be sent"))?;
        request.metadata_mut().insert("authorization", bearer);
        Ok(request)
    }
}

fn marks<T>(answer: Result<Response<T>, Status>) -> Result<MetadataMap, Status> {
    answer.map(|answer| answer.metadata().clone())
}

/// What a write's answer says of the feeds; `None` if it changed nothing.
#[must_use]
pub fn mark(answer: &MetadataMap, key: &MarkKey) -> Option<Vector> {
    let text = answer.get(MARK_HEADER)?.to_str().ok()?;
    ChangeMark::decode(text, key).ok()
}

/// Which replica a host is.
#[must_use]
pub fn replica(host: HostId) -> Option<usize> {
    TOKENS.iter().position(|token| *token == host)
}
