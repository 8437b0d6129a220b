//! Short ways to call, and to read a refusal.

use passgate_proto::gateway::v1 as pb;
use passgate_proto::gateway::v1::api_service_client::ApiServiceClient;
use passgate_proto::gateway::v1::endpoint_service_client::EndpointServiceClient;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

/// Sends a token along.
#[derive(Clone)]
pub struct Bearer(pub String);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = format!("Bearer {}", self.0).parse().expect("a header");
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

pub type EndpointClient = EndpointServiceClient<InterceptedService<Channel, Bearer>>;
pub type ApiClient = ApiServiceClient<InterceptedService<Channel, Bearer>>;

/// Code and reason of a refusal.
pub fn told(status: &Status) -> (Code, String) {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "passgate");
    (status.code(), info.reason.clone())
}

/// A fact of a refusal.
pub fn fact(status: &Status, name: &str) -> String {
    let details = status.get_error_details();
    let info = details.error_info().expect("ErrorInfo");
    info.metadata.get(name).unwrap_or_else(|| panic!("no {name} in {info:?}")).clone()
}

/// The fields that a refusal names, in their order; it must be a refusal for its fields.
pub fn wrong_fields(status: &Status) -> Vec<String> {
    assert_eq!(told(status), (Code::InvalidArgument, "INVALID_FIELD".to_owned()), "{status:?}");
    let details = status.get_error_details();
    details.bad_request().expect("fields").field_violations.iter().map(|field| field.field.clone()).collect()
}

/// An endpoint with only what it must have.
pub fn endpoint(name: &str) -> pb::Endpoint {
    pb::Endpoint {
        name: name.to_owned(),
        upstream: "http://upstream.example/base".to_owned(),
        ..pb::Endpoint::default()
    }
}

/// An API with only what it must have.
pub fn api(name: &str) -> pb::Api {
    pb::Api { name: name.to_owned(), upstream: "http://upstream.example:9000".to_owned(), ..pb::Api::default() }
}

pub fn create_endpoint(endpoint: pb::Endpoint) -> pb::CreateEndpointRequest {
    pb::CreateEndpointRequest { endpoint: Some(endpoint), ..pb::CreateEndpointRequest::default() }
}

pub fn create_api(api: pb::Api) -> pb::CreateApiRequest {
    pb::CreateApiRequest { api: Some(api), ..pb::CreateApiRequest::default() }
}

pub fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(ToString::to_string).collect() })
}

pub fn update_endpoint(endpoint: pb::Endpoint, paths: &[&str]) -> pb::UpdateEndpointRequest {
    pb::UpdateEndpointRequest { endpoint: Some(endpoint), update_mask: mask(paths) }
}

pub fn update_api(api: pb::Api, paths: &[&str]) -> pb::UpdateApiRequest {
    pb::UpdateApiRequest { api: Some(api), update_mask: mask(paths) }
}
