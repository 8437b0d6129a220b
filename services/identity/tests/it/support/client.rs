//! Calls of the service, each with its credentials.

use std::sync::Arc;

use passgate_kit::client::SecretString;
use passgate_kit::client::headers::{MARK_HEADER, PEER_HEADER};
use passgate_proto::identity::v1::api_user_service_client::ApiUserServiceClient;
use passgate_proto::identity::v1::audit_service_client::AuditServiceClient;
use passgate_proto::identity::v1::directory_service_client::DirectoryServiceClient;
use passgate_proto::identity::v1::grant_service_client::GrantServiceClient;
use passgate_proto::identity::v1::group_service_client::GroupServiceClient;
use passgate_proto::identity::v1::session_service_client::SessionServiceClient;
use passgate_proto::identity::v1::user_service_client::UserServiceClient;
use passgate_proto::identity::v1::{SignInRequest, SignInResponse};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Puts a token, or a service's credential, into each call, and the address that the gateway saw.
#[derive(Clone, Default)]
pub struct With {
    pub token: Option<String>,
    pub credential: Option<Arc<SecretString>>,
    pub peer: Option<String>,
}

impl Interceptor for With {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("metadata"));
        }
        if let Some(credential) = &self.credential {
            passgate_kit::client::client::present(credential, request.metadata_mut())?;
        }
        if let Some(peer) = &self.peer {
            request.metadata_mut().insert(PEER_HEADER, peer.parse().expect("metadata"));
        }
        Ok(request)
    }
}

type Called = InterceptedService<Channel, With>;

/// Calls with one credential.
#[derive(Clone)]
pub struct Client(pub Channel, pub With);

macro_rules! services {
    ($($method:ident $client:ident;)+) => {
        impl Client {
            $(pub fn $method(&self) -> $client<Called> {
                $client::with_interceptor(self.0.clone(), self.1.clone())
            })+
        }
    };
}

services! {
    users UserServiceClient;
    api_users ApiUserServiceClient;
    groups GroupServiceClient;
    grants GrantServiceClient;
    sessions SessionServiceClient;
    audit AuditServiceClient;
    directory DirectoryServiceClient;
}

/// Signs in.
pub async fn sign_in(
    client: &Client,
    email: &str,
    password: &str,
    new_password: Option<&str>,
) -> Result<SignInResponse, Status> {
    let request = SignInRequest {
        email: email.to_owned(),
        password: password.to_owned(),
        new_password: new_password.map(str::to_owned),
    };
    client.sessions().sign_in(request).await.map(tonic::Response::into_inner)
}

/// Whether an answer carries a change mark.
pub fn has_mark<T>(answer: &tonic::Response<T>) -> bool {
    answer.metadata().contains_key(MARK_HEADER)
}
