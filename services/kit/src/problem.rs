//! What went wrong, as a caller is told: one trait for every error, and the only two places that make an answer of it.
//!
//! An error's `Display` is what the caller reads: what is wrong, with which thing, what to do. Lower errors are its
//! source: they are logged here, once, and are never part of the message. Over gRPC a [`Problem`] becomes a `Status` with
//! `ErrorInfo` ([`to_status`]), over HTTP a problem document of RFC 9457 ([`to_problem_json`]); both say the same.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use passgate_client::Reason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::fields::FieldViolation;

pub use passgate_client::headers::ERROR_DOMAIN;

/// The reason of a refusal, as an HTTP header.
pub const REASON_HEADER: HeaderName = HeaderName::from_static(passgate_client::headers::REASON_HEADER);

/// An error that can be told to a caller.
pub trait Problem: Error {
    /// The gRPC code, and the reason that clients branch on.
    fn told_as(&self) -> (Code, Reason);

    /// The HTTP status: what the code means ([`http_status`]), unless HTTP can say it better.
    fn http_status(&self) -> StatusCode {
        http_status(self.told_as().0)
    }

    /// What a client may want to know beside the message: `ErrorInfo.metadata`.
    fn facts(&self) -> HashMap<String, String> {
        HashMap::new()
    }

    /// Every field of the request that breaks its rule.
    fn fields(&self) -> Vec<FieldViolation> {
        Vec::new()
    }

    /// When trying again can help.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// Whether it belongs to an orderly end: nobody has to act on it, so it is no error in the log.
    fn is_orderly(&self) -> bool {
        false
    }
}

/// The `Status` of any problem.
#[must_use]
pub fn to_status(problem: &dyn Problem) -> Status {
    let (code, reason) = problem.told_as();
    let mut details = ErrorDetails::with_error_info(reason.as_str(), ERROR_DOMAIN, problem.facts());
    for field in problem.fields() {
        details.add_bad_request_violation(field.path, field.rule);
    }
    if let Some(wait) = problem.retry_after() {
        details.set_retry_info(Some(wait));
    }
    log(problem, code, reason);
    Status::with_error_details(code, problem.to_string(), details)
}

/// The problem document of any problem (RFC 9457).
///
/// Its members are `type`, `title`, `status`, `detail`, `reason`, and `facts` and `fields` if there are some.
#[must_use]
pub fn to_problem_json(problem: &dyn Problem) -> Response<Bytes> {
    let (code, reason) = problem.told_as();
    let status = problem.http_status();
    log(problem, code, reason);

    let mut document = serde_json::json!({
        "type": format!("urn:passgate:problem:{}", reason.as_str().to_ascii_lowercase().replace('_', "-")),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": problem.to_string(),
        "reason": reason.as_str(),
    });
    if let Some(members) = document.as_object_mut() {
        let facts: serde_json::Map<_, _> =
            problem.facts().into_iter().map(|(key, value)| (key, value.into())).collect();
        if !facts.is_empty() {
            members.insert("facts".to_owned(), facts.into());
        }
        let fields: Vec<_> = problem
            .fields()
            .into_iter()
            .map(|field| serde_json::json!({ "field": field.path, "rule": field.rule }))
            .collect();
        if !fields.is_empty() {
            members.insert("fields".to_owned(), fields.into());
        }
    }

    let mut response = Response::new(Bytes::from(document.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REASON_HEADER, HeaderValue::from_static(reason.as_str()));
    if let Some(wait) = problem.retry_after() {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}

/// The HTTP status that means the same as a gRPC code, as `google/rpc/code.proto` maps them.
#[must_use]
pub const fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn log(problem: &dyn Problem, code: Code, reason: Reason) {
    if problem.is_orderly() {
        tracing::debug!(reason = reason.as_str(), "request ended: {problem}");
    } else if matches!(code, Code::Internal | Code::Unavailable) {
        tracing::error!(reason = reason.as_str(), causes = %Causes(problem), "request failed: {problem}");
    }
}

/// Every cause of an error, the nearest first.
struct Causes<'a>(&'a dyn Problem);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(out, "{cause}")?;
            next = cause.source();
            if next.is_some() {
                out.write_str(": ")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the thing is away; try again")]
    struct Away(#[source] std::io::Error);

    impl Problem for Away {
        fn told_as(&self) -> (Code, Reason) {
            (Code::Unavailable, Reason::NotNow)
        }
        fn facts(&self) -> HashMap<String, String> {
            HashMap::from([("thing".to_owned(), "anvil".to_owned())])
        }
        fn fields(&self) -> Vec<FieldViolation> {
            vec![FieldViolation { path: "name".to_owned(), rule: "must not be empty".to_owned() }]
        }
        fn retry_after(&self) -> Option<Duration> {
            Some(Duration::from_millis(1500))
        }
    }

    fn away() -> Away {
        Away(std::io::Error::other("driver: secret path /x"))
    }

    #[test]
    fn a_status_carries_reason_facts_fields_and_when_to_retry_but_no_cause() {
        let status = to_status(&away());

        assert_eq!((status.code(), status.message()), (Code::Unavailable, "the thing is away; try again"));
        let details = status.get_error_details();
        let info = details.error_info().expect("error info");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("DEPENDENCY_UNAVAILABLE", "passgate"));
        assert_eq!(info.metadata.get("thing").map(String::as_str), Some("anvil"));
        assert_eq!(details.bad_request().expect("fields").field_violations[0].field, "name");
        assert_eq!(details.retry_info().and_then(|info| info.retry_delay), Some(Duration::from_millis(1500)));
        assert!(!format!("{status:?}").contains("secret path"));
    }

    #[test]
    fn a_problem_document_says_the_same() {
        let response = to_problem_json(&away());

        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[&REASON_HEADER], "DEPENDENCY_UNAVAILABLE");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let body: serde_json::Value = serde_json::from_slice(response.body()).expect("json");
        assert_eq!(
            body,
            serde_json::json!({
                "type": "urn:passgate:problem:dependency-unavailable",
                "title": "Service Unavailable",
                "status": 503,
                "detail": "the thing is away; try again",
                "reason": "DEPENDENCY_UNAVAILABLE",
                "facts": {"thing": "anvil"},
                "fields": [{"field": "name", "rule": "must not be empty"}],
            })
        );
    }

    #[test]
    fn causes_are_written_one_after_the_other() {
        assert_eq!(Causes(&away()).to_string(), "driver: secret path /x");
    }
}
