//! Calls without grpcurl, where milliseconds count: the contracts' own client.

use std::net::SocketAddr;

use passgate_proto::identity::v1::api_user_service_client::ApiUserServiceClient;
use passgate_proto::identity::v1::{CreateApiUserRequest, CreateApiUserResponse, InitialToken};
use tonic::{Request, Status};

/// What came, and the change mark with it.
#[derive(Clone, Debug)]
pub struct Created {
    pub message: CreateApiUserResponse,
    pub mark: String,
}

/// CreateApiUser with its token, as whoever has `session`. The same `request_id` is the same request.
pub async fn create_api_user(identity: SocketAddr, session: &str, request_id: &str) -> Result<Created, Status> {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{identity}")).expect("an address");
    let channel = endpoint.connect().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(CreateApiUserRequest {
        name: format!("machine {request_id}"),
        token: Some(InitialToken { name: "first".to_owned(), ..InitialToken::default() }),
        grants: vec!["endpoints/*".to_owned()],
        request_id: request_id.to_owned(),
        ..CreateApiUserRequest::default()
    });
    let bearer = format!("Bearer {session}").parse().expect("plain characters");
    request.metadata_mut().insert("authorization", bearer);
    let answer = ApiUserServiceClient::new(channel).create_api_user(request).await?;
    let mark = answer.metadata().get("passgate-change").and_then(|mark| mark.to_str().ok()).unwrap_or_default();
    Ok(Created { mark: mark.to_owned(), message: answer.into_inner() })
}
