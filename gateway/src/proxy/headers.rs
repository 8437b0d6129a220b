//! Which headers may pass, by name.
//!
//! Names are folded before they are compared: some servers hand `X_Passgate.Principal` to their application as
//! `X-Passgate-Principal` (RFC 3875 §4.1.18). So everything that folds to one of ours *is* one of ours.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use passgate_kit::client::credential::looks_like_token;
use passgate_kit::client::headers::{AT_LEAST_HEADER, MARK_HEADER};

/// Fields that say something about one connection (RFC 9110 §7.6.1), and those that ask something of us only.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Fields by which a message is framed or routed. They are written anew, and mean nothing in trailers (RFC 9110 §6.5.1).
const FRAMING: [HeaderName; 3] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::HOST];

/// The shortest text that can hold one of our tokens or service credentials.
const SHORTEST_SECRET: usize = 45;

/// Whether some server could read `name` as a header of ours: `x-passgate-…`, or `passgate-…` between our services.
pub(super) fn is_ours(name: &str) -> bool {
    starts_folded(name, "x-passgate-") || starts_folded(name, "passgate-")
}

/// Whether some server could read `name` as what a proxy says about the caller or the original request.
pub(super) fn is_said_by_proxies(name: &str) -> bool {
    const PREFIXES: [&str; 5] = ["x-forwarded", "x-original-", "x-real-ip", "x-rewrite-url", "forwarded"];
    PREFIXES.iter().any(|prefix| starts_folded(name, prefix))
}

/// Whether `name` begins with `prefix` once every character that is no letter or digit is a `-`.
fn starts_folded(name: &str, prefix: &str) -> bool {
    let folded = name.bytes().map(|byte| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' });
    name.len() >= prefix.len() && folded.zip(prefix.bytes()).all(|(one, other)| one == other)
}

/// Removes what callers cannot say for themselves: who they are, and what proxies say. The one header of ours that is a
/// caller's is `passgate-at-least`, in exactly this spelling.
pub(super) fn strip_asserted(headers: &mut HeaderMap) {
    remove_where(headers, |name, _| (is_ours(name) && name != AT_LEAST_HEADER) || is_said_by_proxies(name));
}

/// Removes hop-by-hop fields, those that `Connection` lists, and framing, which is written anew. `true` if the caller takes trailers.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) -> bool {
    let takes_trailers = headers.get_all(header::TE).iter().any(says_trailers);
    let listed: Vec<HeaderName> = listed_in_connection(headers);
    for name in listed.iter().filter(|name| !FRAMING.contains(name)) {
        headers.remove(name);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove(header::TRANSFER_ENCODING);
    takes_trailers
}

fn says_trailers(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|text| text.split(',').any(|item| item.trim().eq_ignore_ascii_case("trailers")))
}

fn listed_in_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|text| text.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

/// Removes every header whose value holds one of our secrets, wherever it was put. `true` if there was one.
pub(super) fn strip_misplaced_tokens(headers: &mut HeaderMap) -> bool {
    remove_where(headers, |_, value| holds_token(value))
}

/// Whether a cookie or the credential for a proxy is one of our tokens.
pub(super) fn has_token_where_it_is_logged(headers: &HeaderMap) -> bool {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    cookies.chain(headers.get_all(header::PROXY_AUTHORIZATION)).any(holds_token)
}

fn holds_token(value: &HeaderValue) -> bool {
    value.len() >= SHORTEST_SECRET && looks_like_token(&String::from_utf8_lossy(value.as_bytes()))
}

/// Cleans an upstream's headers: an upstream is not us, and all endpoints share one browser origin, so that none may set
/// state for the others.
pub(super) fn strip_foreign(headers: &mut HeaderMap, is_built_in: bool) {
    strip_hop_by_hop(headers);
    headers.remove(header::ALT_SVC);
    headers.remove(header::STRICT_TRANSPORT_SECURITY);
    headers.remove("clear-site-data");
    headers.remove("service-worker-allowed");
    remove_where(headers, |name, _| is_ours(name) && !(is_built_in && name == MARK_HEADER));
}

/// Cleans trailers, in either direction.
pub(super) fn strip_trailers(trailers: &mut HeaderMap) {
    strip_hop_by_hop(trailers);
    for name in FRAMING.iter().chain([&header::AUTHORIZATION, &header::COOKIE, &header::SET_COOKIE]) {
        trailers.remove(name);
    }
    remove_where(trailers, |name, _| is_ours(name) || is_said_by_proxies(name) || name == "authorization-bin");
}

fn remove_where(headers: &mut HeaderMap, unwanted: impl Fn(&str, &HeaderValue) -> bool) -> bool {
    let found: Vec<HeaderName> =
        headers.iter().filter(|(name, value)| unwanted(name.as_str(), value)).map(|(name, _)| name.clone()).collect();
    for name in &found {
        headers.remove(name);
    }
    !found.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(names: &[&str]) -> HeaderMap {
        names.iter().map(|name| (name.parse().expect("a name"), HeaderValue::from_static("x"))).collect()
    }

    // The rows of security.md §3.6, and those of §3.2 that are about header names.

    #[test]
    fn aliases_of_our_headers_in_any_spelling_are_dropped() {
        let mut given = headers(&[
            "x-passgate-principal",
            "X_Passgate_Principal",
            "x.passgate.token-id",
            "X-PASSGATE-SCOPES",
            "x~passgate!new",
            "passgate-service",
            "passgate_peer",
            "passgate-change",
            "passgate_at_least",
            "passgate-at-least",
            "x-passage",
            "accept",
        ]);
        given.append("x-passgate-principal", HeaderValue::from_static("doubled"));

        strip_asserted(&mut given);

        assert_eq!(given, headers(&["passgate-at-least", "x-passage", "accept"]));
    }

    #[test]
    fn what_an_untrusted_peer_says_as_a_proxy_is_dropped() {
        let mut given = headers(&[
            "x-forwarded-for",
            "X_Forwarded_Host",
            "x-forwarded-proto",
            "forwarded",
            "x-real-ip",
            "x-original-url",
            "x.original.uri",
            "x-request-id",
        ]);

        strip_asserted(&mut given);

        assert_eq!(given, headers(&["x-request-id"]));
    }

    #[test]
    fn connection_removes_what_it_lists_but_no_framing() {
        let mut given =
            headers(&["authorization", "x-secret", "content-length", "host", "accept", "upgrade", "keep-alive", "te"]);
        given
            .insert("connection", HeaderValue::from_static("Authorization, x-secret ,content-length, host, upgrade,,"));

        assert!(!strip_hop_by_hop(&mut given));

        assert_eq!(given, headers(&["content-length", "host", "accept"]));
    }

    #[test]
    fn trailers_named_authorization_ours_or_framing_are_dropped() {
        let mut given = headers(&[
            "authorization",
            "x-passgate-principal",
            "x_passgate_scopes",
            "content-length",
            "transfer-encoding",
            "host",
            "grpc-status",
            "x-sum",
        ]);

        strip_trailers(&mut given);

        assert_eq!(given, headers(&["grpc-status", "x-sum"]));
    }

    #[test]
    fn an_upstream_sets_no_state_for_the_shared_origin() {
        let given = [
            "alt-svc",
            "clear-site-data",
            "service-worker-allowed",
            "strict-transport-security",
            "x-passgate-reason",
            "connection",
            "passgate-change",
            "etag",
        ];
        let (mut foreign, mut built_in) = (headers(&given), headers(&given));

        strip_foreign(&mut foreign, false);
        strip_foreign(&mut built_in, true);

        assert_eq!(foreign, headers(&["etag"]));
        assert_eq!(built_in, headers(&["passgate-change", "etag"]));
    }

    #[test]
    fn a_token_in_another_header_is_found_and_other_values_are_left_alone() {
        let token = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6IngifQ.e30.x";
        let mut given = headers(&["accept", "cookie"]);
        assert!(!has_token_where_it_is_logged(&given) && !strip_misplaced_tokens(&mut given));

        given.append("cookie", HeaderValue::from_str(&format!("session={token}; a=b")).expect("a value"));
        assert!(has_token_where_it_is_logged(&given));

        given.insert("x-api-key", HeaderValue::from_static(token));
        assert!(strip_misplaced_tokens(&mut given));
        assert_eq!(given, headers(&["accept"]));
    }
}
