//! The admin RPCs: one file for each gRPC service, which reads the request, calls the registry, and writes the answer.

mod api;
mod api_fields;
mod convert;
mod endpoint;
mod endpoint_fields;
mod mask;
mod page;

pub use api::ApiRpc;
pub use endpoint::EndpointRpc;

use passgate_kit::caller::Caller;
use passgate_kit::idempotency::Claim;
use passgate_kit::request::{BodyDigest, RequestId};

/// What a create that may be repeated claims.
fn claim(caller: &Caller, method: &'static str, request_id: RequestId, body: BodyDigest, resource: String) -> Claim {
    let token_id = caller.holder().map(|holder| holder.token_id);
    Claim { principal: caller.actor().principal, method, request_id, body, resource, token_id }
}
