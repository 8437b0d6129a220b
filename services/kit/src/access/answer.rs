//! Mends what tonic itself answers: every refusal carries an `ErrorInfo`, also those that no handler of ours made.

use http::Response;
use passgate_client::Reason;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::problem::ERROR_DOMAIN;

/// The answer as it came, or with details where it is a refusal without any.
pub(super) fn with_details(response: Response<Body>) -> Response<Body> {
    let headers = response.headers();
    if !headers.contains_key("grpc-status") || headers.contains_key("grpc-status-details-bin") {
        return response;
    }
    match Status::from_header_map(headers) {
        Some(status) if status.code() != Code::Ok => mended(&status).into_http(),
        _ => response,
    }
}

fn mended(status: &Status) -> Status {
    let undecodable = status.code() == Code::Internal && status.message().contains("failed to decode");
    let (code, reason) = match status.code() {
        Code::Internal if undecodable => (Code::InvalidArgument, Reason::MalformedRequest),
        Code::Unimplemented => (Code::Unimplemented, Reason::Unimplemented),
        Code::OutOfRange | Code::ResourceExhausted => (Code::ResourceExhausted, Reason::BodyTooLarge),
        Code::InvalidArgument => (Code::InvalidArgument, Reason::MalformedRequest),
        Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded => (status.code(), Reason::NotNow),
        code => (code, Reason::Internal),
    };
    let message =
        if undecodable { "the message cannot be decoded: check it against the contract" } else { status.message() };
    let details = ErrorDetails::with_error_info(reason.as_str(), ERROR_DOMAIN, []);
    Status::with_error_details(code, message, details)
}
