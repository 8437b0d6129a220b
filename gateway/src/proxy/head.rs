//! What the head of a request must not be, as far as hyper shows it: two hosts, two framings, a proxy's forms.

use std::net::SocketAddr;

use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::Authority;
use http::{Method, Version};

/// The rule that a head breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// CONNECT or TRACE.
    #[error("CONNECT and TRACE are not served")]
    Method,
    /// Not exactly one host.
    #[error("the request must name exactly one host")]
    Host,
    /// `GET http://other/…`: we are nobody's open proxy.
    #[error("the request names another host than the one it is sent to")]
    ForeignHost,
    /// `Content-Length` beside `Transfer-Encoding`, or another encoding than one `chunked`.
    #[error("the length of the body must be said in exactly one way")]
    Framing,
    /// Another expectation than `100-continue`.
    #[error("no other expectation than 100-continue is met")]
    Expect,
}

/// Checks a head. `local` is the address that the connection came in at; `public` the one that the configuration tells callers.
///
/// # Errors
/// The first rule that it breaks.
pub(super) fn check(parts: &Parts, local: SocketAddr, public: Option<&Authority>) -> Result<(), HeadError> {
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        return Err(HeadError::Method);
    }
    check_framing(&parts.headers)?;
    check_host(parts, local, public)?;
    check_expect(&parts.headers)
}

fn check_framing(headers: &HeaderMap) -> Result<(), HeadError> {
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let fine = match (encodings.next(), encodings.next()) {
        (None, _) => headers.get_all(header::CONTENT_LENGTH).iter().count() <= 1,
        (Some(one), None) => {
            one.as_bytes().eq_ignore_ascii_case(b"chunked") && !headers.contains_key(header::CONTENT_LENGTH)
        }
        (Some(_), Some(_)) => false,
    };
    if fine { Ok(()) } else { Err(HeadError::Framing) }
}

/// RFC 9112 §3.2, RFC 9113 §8.3.1. A request of HTTP/1.0 may name no host.
fn check_host(parts: &Parts, local: SocketAddr, public: Option<&Authority>) -> Result<(), HeadError> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(one), None) => Some(host_of(one).ok_or(HeadError::Host)?),
        (None, _) => None,
        (Some(_), Some(_)) => return Err(HeadError::Host),
    };
    let Some(named) = parts.uri.authority() else {
        return if host.is_some() || parts.version < Version::HTTP_11 { Ok(()) } else { Err(HeadError::Host) };
    };
    let same = host.as_ref().is_none_or(|host| same_host(host, named));
    if !same || named.as_str().contains('@') {
        return Err(HeadError::Host);
    }
    // In HTTP/2 it is the ordinary place of the host; in HTTP/1.1 it is how a proxy is asked.
    let ours = parts.version >= Version::HTTP_2 || is_ours(named, local, public);
    if ours { Ok(()) } else { Err(HeadError::ForeignHost) }
}

fn host_of(value: &HeaderValue) -> Option<Authority> {
    let text = value.to_str().ok().filter(|text| !text.contains(['@', ',', ' ', '\t', '/']))?;
    text.parse().ok()
}

fn same_host(one: &Authority, other: &Authority) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

fn is_ours(named: &Authority, local: SocketAddr, public: Option<&Authority>) -> bool {
    let here = named.port_u16().unwrap_or(80) == local.port()
        && (named.host().eq_ignore_ascii_case("localhost")
            || named.host().trim_matches(['[', ']']).parse() == Ok(local.ip().to_canonical()));
    here || public.is_some_and(|public| same_host(public, named))
}

fn check_expect(headers: &HeaderMap) -> Result<(), HeadError> {
    let known = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(header::EXPECT).iter().all(known) { Ok(()) } else { Err(HeadError::Expect) }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn judge(method: &str, uri: &str, version: Version, headers: &[(&str, &str)]) -> Result<(), HeadError> {
        let mut request = Request::builder().method(method).uri(uri).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let local = "127.0.0.1:8080".parse().expect("an address");
        let public = Authority::from_static("api.example.com");
        check(&request.body(()).expect("a request").into_parts().0, local, Some(&public))
    }

    fn h1(headers: &[(&str, &str)]) -> Result<(), HeadError> {
        judge("GET", "/endpoints/a", Version::HTTP_11, headers)
    }

    // The rows of security.md §3.2 that hyper lets us see.

    #[test]
    fn no_host_two_hosts_a_list_or_userinfo_is_refused() {
        assert_eq!(h1(&[("host", "a:1")]), Ok(()));
        for wrong in [
            &[][..],
            &[("host", "a"), ("host", "a")],
            &[("host", "a, b")],
            &[("host", "u@a")],
            &[("host", "a/b")],
            &[("host", "")],
        ] {
            assert_eq!(h1(wrong), Err(HeadError::Host), "{wrong:?}");
        }
    }

    #[test]
    fn content_length_beside_transfer_encoding_or_another_encoding_is_refused() {
        assert_eq!(h1(&[("host", "a"), ("transfer-encoding", "Chunked")]), Ok(()));
        assert_eq!(h1(&[("host", "a"), ("content-length", "1")]), Ok(()));
        for wrong in [
            &[("transfer-encoding", "chunked"), ("content-length", "1")][..],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "x"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "chunked, identity")],
            &[("content-length", "1"), ("content-length", "1")],
        ] {
            let headers: Vec<_> = [("host", "a")].iter().chain(wrong).copied().collect();
            assert_eq!(h1(&headers), Err(HeadError::Framing), "{wrong:?}");
        }
    }

    #[test]
    fn absolute_form_is_for_ourselves_only() {
        for (uri, host, judged) in [
            ("http://127.0.0.1:8080/endpoints/a", "127.0.0.1:8080", Ok(())),
            ("http://localhost:8080/endpoints/a", "localhost:8080", Ok(())),
            ("http://API.example.com/endpoints/a", "api.example.com", Ok(())),
            ("http://evil.example/endpoints/a", "evil.example", Err(HeadError::ForeignHost)),
            ("http://127.0.0.1:8081/endpoints/a", "127.0.0.1:8081", Err(HeadError::ForeignHost)),
            ("http://evil.example/endpoints/a", "api.example.com", Err(HeadError::Host)),
            ("http://u@api.example.com/endpoints/a", "api.example.com", Err(HeadError::Host)),
        ] {
            assert_eq!(judge("GET", uri, Version::HTTP_11, &[("host", host)]), judged, "{uri} {host}");
        }
    }

    #[test]
    fn an_authority_that_differs_from_host_is_refused_in_http_2() {
        assert_eq!(judge("GET", "http://a/endpoints/a", Version::HTTP_2, &[]), Ok(()));
        assert_eq!(judge("GET", "http://a/endpoints/a", Version::HTTP_2, &[("host", "A")]), Ok(()));
        assert_eq!(judge("GET", "http://a/endpoints/a", Version::HTTP_2, &[("host", "b")]), Err(HeadError::Host));
    }

    #[test]
    fn connect_and_trace_and_odd_expectations_are_refused() {
        assert_eq!(judge("TRACE", "/", Version::HTTP_11, &[("host", "a")]), Err(HeadError::Method));
        assert_eq!(judge("CONNECT", "a:80", Version::HTTP_11, &[("host", "a:80")]), Err(HeadError::Method));
        assert_eq!(h1(&[("host", "a"), ("expect", "tea")]), Err(HeadError::Expect));
        assert_eq!(h1(&[("host", "a"), ("expect", "100-Continue")]), Ok(()));
    }
}
