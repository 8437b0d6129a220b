//! How a refusal is told: to gRPC as a status with `ErrorInfo`, to everybody else as problem+json (RFC 9457), with
//! `WWW-Authenticate` (RFC 6750) where a credential is at fault. Both say the same.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::decision::Denied;
use crate::headers::{ERROR_DOMAIN, REASON_HEADER};
use crate::reason::Reason;
use crate::source::Undecidable;

/// When to try again after what is expected to pass.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Why a request is not let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: Code,
    reason: Reason,
    detail: String,
}

impl Refusal {
    fn new(code: Code, reason: Reason, detail: &str) -> Self {
        Self { code, reason, detail: detail.to_owned() }
    }

    /// No credential at all.
    pub(super) fn missing() -> Self {
        let detail = "a token is needed: send it as \"authorization: Bearer <token>\"";
        Self::new(Code::Unauthenticated, Reason::TokenMissing, detail)
    }

    /// Something that is no one bearer token.
    pub(super) fn malformed() -> Self {
        let detail = "the credential is not valid: send exactly one token as \"authorization: Bearer <token>\"";
        Self::new(Code::Unauthenticated, Reason::TokenInvalid, detail)
    }

    /// Nothing that a token could be for.
    pub(super) fn nothing_there() -> Self {
        Self::new(Code::Unimplemented, Reason::Unimplemented, "there is no such method")
    }

    /// Its gRPC status.
    pub(super) fn to_status(&self) -> Status {
        let mut details = ErrorDetails::with_error_info(self.reason.as_str(), ERROR_DOMAIN, HashMap::new());
        if self.code == Code::Unavailable {
            details.set_retry_info(Some(TRY_AGAIN));
        }
        Status::with_error_details(self.code, &self.detail, details)
    }

    /// Its answer to a request that speaks gRPC.
    pub(super) fn to_grpc(&self) -> Response<Full<Bytes>> {
        self.to_status().into_http()
    }

    /// Its answer to any other request.
    pub(super) fn to_http(&self) -> Response<Full<Bytes>> {
        let status = match self.code {
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::InvalidArgument => StatusCode::BAD_REQUEST,
            Code::Unimplemented => StatusCode::NOT_FOUND,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        // The members and their words are those of the services' own problem documents.
        let problem = serde_json::json!({
            "type": format!("urn:passgate:problem:{}", self.reason.as_str().to_ascii_lowercase().replace('_', "-")),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.detail,
            "reason": self.reason.as_str(),
        });
        let mut response = Response::new(Full::new(Bytes::from(problem.to_string())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(HeaderName::from_static(REASON_HEADER), HeaderValue::from_static(self.reason.as_str()));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(TRY_AGAIN.as_secs()));
        }
        response
    }

    /// What RFC 6750 §3 asks for.
    fn challenge(&self) -> Option<&'static str> {
        match (self.code, self.reason) {
            (Code::Unauthenticated, Reason::TokenMissing) => Some(r#"Bearer realm="passgate""#),
            (Code::Unauthenticated, _) => Some(r#"Bearer realm="passgate", error="invalid_token""#),
            (Code::PermissionDenied, _) => Some(r#"Bearer realm="passgate", error="insufficient_scope""#),
            _ => None,
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let code = match denied.reason {
            Reason::NoGrant | Reason::NoScope => Code::PermissionDenied,
            Reason::Undecidable => Code::Unavailable,
            // All others are about the token itself.
            _ => Code::Unauthenticated,
        };
        Self { code, reason: denied.reason, detail: denied.detail }
    }
}

impl From<&Undecidable> for Refusal {
    fn from(undecidable: &Undecidable) -> Self {
        let (code, reason) = match undecidable {
            Undecidable::BadQuestion(_) => (Code::InvalidArgument, Reason::InvalidField),
            Undecidable::Unreachable(_)
            | Undecidable::NotUpToDate(_)
            | Undecidable::NotTrusted(_)
            | Undecidable::Stale { .. }
            | Undecidable::Busy
            | Undecidable::BadAnswer(_) => (Code::Unavailable, Reason::Undecidable),
        };
        Self { code, reason, detail: undecidable.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http_body_util::BodyExt as _;

    use super::*;

    fn denied(reason: Reason) -> Refusal {
        Denied { reason, detail: "no".to_owned() }.into()
    }

    #[tokio::test]
    async fn a_refusal_says_the_same_over_grpc_and_http() {
        let undecidable = Refusal::from(&Undecidable::Busy);
        let cases = [
            (Refusal::missing(), Code::Unauthenticated, 401, "TOKEN_MISSING"),
            (Refusal::malformed(), Code::Unauthenticated, 401, "TOKEN_INVALID"),
            (denied(Reason::TokenRevoked), Code::Unauthenticated, 401, "TOKEN_REVOKED"),
            (denied(Reason::NoGrant), Code::PermissionDenied, 403, "NO_GRANT"),
            (denied(Reason::NoScope), Code::PermissionDenied, 403, "NO_SCOPE"),
            (denied(Reason::Undecidable), Code::Unavailable, 503, "UNDECIDABLE"),
            (undecidable, Code::Unavailable, 503, "UNDECIDABLE"),
            (Refusal::nothing_there(), Code::Unimplemented, 404, "UNIMPLEMENTED"),
        ];
        for (refusal, code, status, reason) in cases {
            let grpc = refusal.to_status();
            assert_eq!(grpc.code(), code);
            let info = grpc.get_details_error_info().expect("ErrorInfo");
            assert_eq!((&*info.reason, &*info.domain), (reason, "passgate"));
            assert_eq!(grpc.get_details_retry_info().is_some(), status == 503);

            let http = refusal.to_http();
            assert_eq!(http.status().as_u16(), status);
            assert_eq!(http.headers()[REASON_HEADER], reason);
            assert_eq!(http.headers().contains_key(RETRY_AFTER), status == 503);
            let body = http.into_body().collect().await.expect("a body").to_bytes();
            let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!((&problem["reason"], &problem["detail"]), (&reason.into(), &grpc.message().into()));
        }
    }

    #[test]
    fn a_challenge_tells_no_credential_from_a_wrong_one_and_from_a_missing_right() {
        let challenge = |refusal: Refusal| {
            let headers: HeaderMap = refusal.to_http().headers().clone();
            headers.get(WWW_AUTHENTICATE).map(|value| value.to_str().expect("text").to_owned())
        };
        assert_eq!(challenge(Refusal::missing()).as_deref(), Some(r#"Bearer realm="passgate""#));
        assert!(challenge(denied(Reason::TokenExpired)).expect("one").contains(r#"error="invalid_token""#));
        assert!(challenge(denied(Reason::NoGrant)).expect("one").contains(r#"error="insufficient_scope""#));
        assert_eq!(challenge(Refusal::from(&Undecidable::Busy)), None);
    }
}
