//! What the data plane refuses, and how it says so.
//!
//! Each refusal is one [`Problem`] told in the caller's language: to gRPC as a trailers-only status with `ErrorInfo`, to
//! everybody else as problem+json (RFC 9457) with `WWW-Authenticate` (RFC 6750) where a credential is at fault. What is told
//! to somebody without a genuine token depends on nothing but the refusal: not on the path, not on the cause.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Empty, Full};
use passgate_kit::client::decision::Denied;
use passgate_kit::client::source::Undecidable;
use passgate_kit::client::{Action, Principal, Reason, Resource, TokenId};
use passgate_kit::problem::{Problem, http_status, to_problem_json, to_status};
use tonic::Code;

use super::body::{Body, BoxError};
use super::head::HeadError;
use super::target::TargetError;

const REALM: &str = "Bearer realm=\"passgate\"";
const INVALID_TOKEN: &str = "Bearer realm=\"passgate\", error=\"invalid_token\"";
/// When to try again after what is expected to pass.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How the caller speaks, which is how it is refused. Its content type says so, and nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Anything but gRPC.
    Http,
    /// gRPC over HTTP/2.
    Grpc,
}

/// Why a request is not forwarded, or is not answered by its upstream.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The head is malformed.
    #[error("{0}")]
    Head(#[from] HeadError),
    /// The path is malformed.
    #[error("{0}")]
    Target(#[from] TargetError),
    /// One of our tokens in a cookie, or where the credential for a proxy belongs.
    #[error("a token belongs in \"authorization: Bearer\" and nowhere else: send it there, and replace this one")]
    MisplacedToken,
    /// No credential at all.
    #[error("a token is needed: send it as \"authorization: Bearer <token>\"")]
    TokenMissing,
    /// No genuine token. The cause is logged and not told.
    #[error("the credential is not valid: send one token of this installation as \"authorization: Bearer <token>\"")]
    TokenInvalid,
    /// A genuine token that is not good, or does not cover what is asked for.
    #[error("{}", denied.detail)]
    Denied {
        /// Why not.
        denied: Denied,
        /// What was asked for; `None` if it did not matter.
        asked: Option<(Resource, Action)>,
        /// Whose token it is, and which one; `None` if that is not known.
        token: Option<(Principal, TokenId)>,
    },
    /// Nobody can know now.
    #[error("it cannot be decided now whether this is allowed; try again")]
    Undecidable(#[source] Option<Undecidable>),
    /// The token service refuses the question: all of it but the change mark is ours.
    #[error("passgate-at-least must be a change mark of this installation, as an answer to a write gave it")]
    ChangeMark(#[source] Undecidable),
    /// The keys or the registry at hand may be out of date.
    #[error("the gateway has not heard from the rest of Passgate for too long to decide; try again")]
    NotCurrent,
    /// The right is there, the thing is not.
    #[error("there is nothing at this path")]
    NothingThere,
    /// The same, told to whoever calls a method.
    #[error("there is no such method")]
    NoSuchMethod,
    /// The endpoint does not take this method.
    #[error("the endpoint does not take the method {method}")]
    MethodNotAllowed {
        /// What was sent.
        method: Method,
        /// What it takes; empty if it takes what is not forbidden to all.
        allowed: Vec<Method>,
    },
    /// A gRPC call to an endpoint.
    #[error("endpoints are called by plain HTTP: send another content-type than application/grpc")]
    GrpcOnEndpoint,
    /// Another call to a gRPC method.
    #[error("methods are called by gRPC: send content-type application/grpc over HTTP/2")]
    NotGrpc,
    /// The body is too large.
    #[error("the body may have at most {limit} bytes")]
    BodyTooLarge {
        /// The bound.
        limit: u64,
    },
    /// `grpc-timeout` cannot be read.
    #[error("grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n")]
    GrpcTimeout,
    /// The caller's own deadline passed.
    #[error("the deadline passed before the upstream was done")]
    DeadlineExceeded,
    /// The upstream does not accept connections.
    #[error("the upstream cannot be reached; try again")]
    Unreachable(#[source] BoxError),
    /// The dial guard forbids the upstream's address.
    #[error("the upstream's address is not allowed by this gateway's configuration")]
    UpstreamForbidden(#[source] BoxError),
    /// The upstream took the request and gave no answer that can be read, or not all of it.
    #[error("the upstream broke off before its answer was complete")]
    UpstreamBroken(#[source] BoxError),
    /// The upstream did not begin its answer in time.
    #[error("the upstream did not begin to answer within {0:?}")]
    UpstreamSlow(Duration),
}

impl Refusal {
    /// Tells the caller.
    pub(super) fn respond(&self, speech: Speech, version: Version) -> Response<Body> {
        let mut response = match speech {
            Speech::Grpc => to_status(self).into_http::<()>().map(|()| empty()),
            Speech::Http => to_problem_json(self).map(full),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if speech == Speech::Http {
            self.add_challenge(headers);
            self.add_allow(headers);
        }
        if matches!(self, Self::Head(_) | Self::Target(_)) && version < Version::HTTP_2 {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// The end of a gRPC call that had begun to be answered.
    pub(super) fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        if to_status(self).add_header(&mut trailers).is_err() {
            trailers.insert("grpc-status", HeaderValue::from_static("13"));
        }
        trailers
    }

    fn add_challenge(&self, headers: &mut HeaderMap) {
        let challenge = match (self, http_status(self.told_as().0)) {
            (Self::TokenMissing, _) => Some(HeaderValue::from_static(REALM)),
            (_, StatusCode::UNAUTHORIZED) => Some(HeaderValue::from_static(INVALID_TOKEN)),
            (Self::Denied { asked: Some((resource, action)), .. }, StatusCode::FORBIDDEN) => {
                HeaderValue::from_str(&format!("{REALM}, error=\"insufficient_scope\", scope=\"{resource}:{action}\""))
                    .ok()
            }
            _ => None,
        };
        if let Some(challenge) = challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
    }

    /// RFC 9110 §15.5.6: a 405 says what is allowed.
    fn add_allow(&self, headers: &mut HeaderMap) {
        let allowed: Vec<&str> = match self {
            Self::MethodNotAllowed { allowed, .. } if !allowed.is_empty() => {
                allowed.iter().map(Method::as_str).collect()
            }
            Self::MethodNotAllowed { .. } | Self::Head(HeadError::Method) => {
                vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
            }
            _ => return,
        };
        if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
            headers.insert(header::ALLOW, allowed);
        }
    }
}

impl Problem for Refusal {
    fn told_as(&self) -> (Code, Reason) {
        match self {
            Self::Head(HeadError::Method) => (Code::Unimplemented, Reason::MethodNotAllowed),
            Self::Target(TargetError::Token) | Self::MisplacedToken => (Code::InvalidArgument, Reason::TokenInUrl),
            Self::Head(_) | Self::Target(_) | Self::GrpcTimeout | Self::ChangeMark(_) => {
                (Code::InvalidArgument, Reason::MalformedRequest)
            }
            Self::TokenMissing => (Code::Unauthenticated, Reason::TokenMissing),
            Self::TokenInvalid => (Code::Unauthenticated, Reason::TokenInvalid),
            Self::Denied { denied, .. } => (denied_code(denied.reason), denied.reason),
            Self::Undecidable(_) | Self::NotCurrent => (Code::Unavailable, Reason::Undecidable),
            Self::NothingThere => (Code::Unimplemented, Reason::NotFound),
            Self::NoSuchMethod => (Code::Unimplemented, Reason::Unimplemented),
            Self::MethodNotAllowed { .. } => (Code::Unimplemented, Reason::MethodNotAllowed),
            Self::GrpcOnEndpoint | Self::NotGrpc => (Code::InvalidArgument, Reason::UnsupportedMediaType),
            Self::BodyTooLarge { .. } => (Code::ResourceExhausted, Reason::BodyTooLarge),
            Self::DeadlineExceeded | Self::UpstreamSlow(_) => (Code::DeadlineExceeded, Reason::UpstreamUnavailable),
            Self::Unreachable(_) | Self::UpstreamForbidden(_) | Self::UpstreamBroken(_) => {
                (Code::Unavailable, Reason::UpstreamUnavailable)
            }
        }
    }

    fn http_status(&self) -> StatusCode {
        match self {
            Self::Head(HeadError::Method) | Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Head(HeadError::Expect) => StatusCode::EXPECTATION_FAILED,
            Self::NothingThere | Self::NoSuchMethod => StatusCode::NOT_FOUND,
            Self::GrpcOnEndpoint | Self::NotGrpc => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UpstreamForbidden(_) | Self::UpstreamBroken(_) => StatusCode::BAD_GATEWAY,
            _ => http_status(self.told_as().0),
        }
    }

    fn facts(&self) -> HashMap<String, String> {
        match self {
            Self::Denied { asked: Some((resource, action)), .. } => HashMap::from([
                ("resource".to_owned(), resource.to_string()),
                ("action".to_owned(), action.to_string()),
            ]),
            _ => HashMap::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        (self.http_status() == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER)
    }
}

/// A denial is about the token, about rights, or about what cannot be known.
fn denied_code(reason: Reason) -> Code {
    match reason {
        Reason::NoGrant | Reason::NoScope => Code::PermissionDenied,
        Reason::Undecidable => Code::Unavailable,
        _ => Code::Unauthenticated,
    }
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
        response.headers().get(name).map(|value| value.to_str().expect("text"))
    }

    #[test]
    fn a_missing_credential_is_challenged_without_an_error_and_a_bad_one_with() {
        let missing = Refusal::TokenMissing.respond(Speech::Http, Version::HTTP_11);
        let invalid = Refusal::TokenInvalid.respond(Speech::Http, Version::HTTP_11);

        assert_eq!((missing.status(), invalid.status()), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
        assert_eq!(header(&missing, "www-authenticate"), Some("Bearer realm=\"passgate\""));
        assert_eq!(header(&invalid, "www-authenticate"), Some("Bearer realm=\"passgate\", error=\"invalid_token\""));
        assert_eq!(header(&missing, "x-passgate-reason"), Some("TOKEN_MISSING"));
        assert_eq!(header(&invalid, "cache-control"), Some("no-store"));
    }

    #[test]
    fn a_lacking_right_is_403_with_the_scope_that_would_do() {
        let resource = Resource::parse("endpoints/sales").expect("a resource");
        let denied = Denied { reason: Reason::NoScope, detail: "the token's scopes do not cover it".to_owned() };
        let refusal = Refusal::Denied { denied, asked: Some((resource, Action::Read)), token: None };

        let response = refusal.respond(Speech::Http, Version::HTTP_2);

        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(
            header(&response, "www-authenticate"),
            Some("Bearer realm=\"passgate\", error=\"insufficient_scope\", scope=\"endpoints/sales:read\"")
        );
    }

    #[test]
    fn what_cannot_be_decided_is_503_with_retry_after_and_unavailable_over_grpc() {
        let http = Refusal::NotCurrent.respond(Speech::Http, Version::HTTP_11);
        let grpc = Refusal::NotCurrent.respond(Speech::Grpc, Version::HTTP_2);

        assert_eq!((http.status(), header(&http, "retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("1")));
        assert_eq!((grpc.status(), header(&grpc, "grpc-status")), (StatusCode::OK, Some("14")));
        assert!(header(&grpc, "grpc-status-details-bin").is_some());
    }

    #[test]
    fn a_malformed_request_closes_an_http_1_connection() {
        let close = |version| {
            header(&Refusal::Target(TargetError::DotSegment).respond(Speech::Http, version), "connection")
                .map(str::to_owned)
        };
        assert_eq!(close(Version::HTTP_11).as_deref(), Some("close"));
        assert_eq!(close(Version::HTTP_2), None);
    }
}
