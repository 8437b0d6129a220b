//! **Inbound**, a guard: cleans what upstreams answer. An upstream is not Passgate: what only Passgate says is taken out,
//! so that a caller can always tell whose refusal it got.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use passgate_kit::problem::ERROR_DOMAIN;
use prost::Message as _;
use tonic_types::pb;

use super::headers;
use super::refusal::Speech;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const ERROR_INFO: &str = "google.rpc.ErrorInfo";

/// gRPC's base64: padded or not when read, not padded when written.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Cleans the head of an answer. Passgate's own services may say what they say.
pub(super) fn clean_head(answer: &mut HeaderMap, speech: Speech, is_built_in: bool) {
    headers::strip_foreign(answer, is_built_in);
    answer.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if speech == Speech::Grpc {
        clean_status(answer, is_built_in);
    }
}

/// Cleans trailers.
pub(super) fn clean_trailers(trailers: &mut HeaderMap, is_built_in: bool) {
    headers::strip_trailers(trailers);
    clean_status(trailers, is_built_in);
}

fn clean_status(headers: &mut HeaderMap, is_built_in: bool) {
    if headers.get_all(STATUS).iter().count() > 1 {
        // Whoever picks the first and whoever picks the last would see two answers.
        headers.insert(STATUS, HeaderValue::from_static("13"));
        headers.insert(MESSAGE, HeaderValue::from_static("the upstream sent more than one status"));
        headers.remove(DETAILS);
    }
    if !is_built_in && let Some(details) = headers.remove(DETAILS).and_then(|value| without_ours(&value)) {
        headers.insert(DETAILS, details);
    }
}

/// The details without an ErrorInfo of our domain. `None` if nobody can read them.
fn without_ours(value: &HeaderValue) -> Option<HeaderValue> {
    let bytes = BASE64.decode(value.as_bytes()).ok()?;
    let mut status = pb::Status::decode(bytes.as_slice()).ok()?;
    let before = status.details.len();
    status.details.retain(|detail| !is_ours(&detail.type_url, &detail.value));
    if status.details.len() == before {
        return Some(value.clone());
    }
    HeaderValue::from_str(&BASE64.encode(status.encode_to_vec())).ok()
}

fn is_ours(type_url: &str, value: &[u8]) -> bool {
    type_url.ends_with(ERROR_INFO)
        && pb::ErrorInfo::decode(value).map_or(true, |info| info.domain.trim().eq_ignore_ascii_case(ERROR_DOMAIN))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    fn details_with(domain: &str) -> HeaderMap {
        let mut details = ErrorDetails::with_error_info("TOKEN_REVOKED", domain, HashMap::new());
        details.set_help(Vec::new());
        let status = Status::with_error_details(Code::Unauthenticated, "no", details);
        status.into_http::<()>().headers().clone()
    }

    fn told(headers: &HeaderMap) -> ErrorDetails {
        Status::from_header_map(headers).expect("a status").get_error_details()
    }

    #[test]
    fn an_upstream_cannot_refuse_in_our_name() {
        for domain in ["passgate", "Passgate", " passgate "] {
            let mut forged = details_with(domain);
            clean_trailers(&mut forged, false);

            assert!(told(&forged).error_info().is_none(), "{domain}");
            assert!(told(&forged).help().is_some(), "the rest stays");
        }
    }

    #[test]
    fn other_domains_and_our_own_services_are_left_alone() {
        let (mut foreign, mut ours) = (details_with("shop.example"), details_with("passgate"));
        clean_trailers(&mut foreign, false);
        clean_trailers(&mut ours, true);

        assert!(told(&foreign).error_info().is_some());
        assert!(told(&ours).error_info().is_some());
    }

    #[test]
    fn two_statuses_become_one_that_says_so() {
        let mut trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
        trailers.append(STATUS, HeaderValue::from_static("16"));

        clean_trailers(&mut trailers, false);

        assert_eq!(trailers.get_all(STATUS).iter().collect::<Vec<_>>(), ["13"]);
    }

    #[test]
    fn details_that_nobody_can_read_are_dropped() {
        let mut trailers = HeaderMap::from_iter([(DETAILS, HeaderValue::from_static("!!!"))]);
        clean_trailers(&mut trailers, false);
        assert!(trailers.is_empty());
    }
}
