//! The address of an upstream: read once, at registration, into parts that cannot mean two things.
//!
//! Everything that a resolver, an HTTP library and a person could read differently is refused: userinfo, query, fragment,
//! odd spellings of IP addresses (`0x7f.1`, `2130706433`, `127.1`), zones, escapes that hide a separator.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderValue;
use http::uri::{Authority, Scheme};

/// Most bytes in an upstream's URL.
pub const MAX_UPSTREAM_BYTES: usize = 2048;

/// The rule that an upstream's URL breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// Nothing there.
    #[error("must not be empty: say https://host[:port], or http://host[:port]")]
    Empty,
    /// Too long.
    #[error("must have at most {MAX_UPSTREAM_BYTES} bytes")]
    TooLong,
    /// A character that no URL has.
    #[error("must be a URL: printable ASCII without spaces")]
    Characters,
    /// Another scheme.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// `user:password@`.
    #[error("must not contain a user or password")]
    UserInfo,
    /// `?…`.
    #[error("must not contain a query: use fixed_query")]
    Query,
    /// `#…`.
    #[error("must not contain a fragment")]
    Fragment,
    /// No port number, or one that no server has.
    #[error("must have a port from 1 to 65535, without leading zeros, or none for 443 (80 for http)")]
    Port,
    /// Neither a DNS name nor an address.
    #[error("must name a host: a DNS name, an IPv4 address, or an IPv6 address in brackets")]
    Host,
    /// An IP address in another than its one canonical form.
    #[error("must write an IP address in its canonical form, like 192.0.2.1 or [2001:db8::1]")]
    Address,
    /// A path that could be read in two ways.
    #[error(
        "must have a plain path: no empty, `.` or `..` segments, and no escaped slashes, dots or control characters"
    )]
    Path,
    /// A path where none belongs.
    #[error("must not contain a path: a gRPC server's methods say their own")]
    PathOnApi,
}

/// The host of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name, in lower case.
    Name(Box<str>),
    /// An address.
    Address(IpAddr),
}

/// `https://host[:port][/base/path]`, or the same with `http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    is_secure: bool,
    host: Host,
    port: u16,
    authority: Authority,
    host_header: HeaderValue,
    base_path: Box<str>,
}

impl UpstreamUrl {
    /// Reads the URL of an HTTP upstream.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, UpstreamError> {
        check_characters(text)?;
        let (is_secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(UpstreamError::Scheme),
        };
        let usual = if is_secure { 443 } else { 80 };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(UpstreamError::UserInfo);
        }
        let (host, port) = split_port(authority, usual)?;
        let host = Host::parse(host)?;
        let base_path = parse_path(path)?.into();
        let authority = if port == usual { host.to_string() } else { format!("{host}:{port}") };
        let authority = Authority::try_from(authority).map_err(|_| UpstreamError::Host)?;
        let host_header = HeaderValue::try_from(authority.as_str()).map_err(|_| UpstreamError::Host)?;
        Ok(Self { is_secure, host, port, authority, host_header, base_path })
    }

    /// Reads the URL of a gRPC upstream, which has no path.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse_origin(text: &str) -> Result<Self, UpstreamError> {
        let url = Self::parse(text)?;
        if url.base_path.is_empty() { Ok(url) } else { Err(UpstreamError::PathOnApi) }
    }

    /// Whether TLS is spoken to it, as the scheme says.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        if self.is_secure { Scheme::HTTPS } else { Scheme::HTTP }
    }

    /// Where to connect to.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The port: 1 to 65535.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as `Host` and `:authority` have them: without the port where it is the scheme's own.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The same as a header value, whose clones share its bytes.
    #[must_use]
    pub const fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// What stands before every path: empty, or `/a/b`, never with a slash at the end.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.base_path
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}{}", self.scheme(), self.authority, self.base_path)
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, UpstreamError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(UpstreamError::Host)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| UpstreamError::Address)?;
            return if address.to_string() == inner {
                Ok(Self::Address(address.into()))
            } else {
                Err(UpstreamError::Address)
            };
        }
        if ends_in_a_number(text) {
            // Whatever a lenient resolver would read as an IPv4 address is one, or it is refused.
            let address: Ipv4Addr = text.parse().map_err(|_| UpstreamError::Address)?;
            return Ok(Self::Address(address.into()));
        }
        if text.len() > 253 || !text.split('.').all(is_label) {
            return Err(UpstreamError::Host);
        }
        Ok(Self::Name(text.to_ascii_lowercase().into()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(out),
            Self::Address(IpAddr::V6(address)) => write!(out, "[{address}]"),
        }
    }
}

fn check_characters(text: &str) -> Result<(), UpstreamError> {
    match text {
        "" => Err(UpstreamError::Empty),
        _ if text.len() > MAX_UPSTREAM_BYTES => Err(UpstreamError::TooLong),
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(UpstreamError::Characters),
        _ if text.contains('?') => Err(UpstreamError::Query),
        _ if text.contains('#') => Err(UpstreamError::Fragment),
        _ => Ok(()),
    }
}

fn split_port(authority: &str, usual: u16) -> Result<(&str, u16), UpstreamError> {
    let after_host = authority.rfind(']').unwrap_or(0);
    let Some(colon) = authority.rfind(':').filter(|colon| *colon >= after_host) else {
        return Ok((authority, usual));
    };
    let (host, port) = authority.split_at(colon);
    let digits = port.trim_start_matches(':');
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    match digits.parse() {
        Ok(number) if plain => Ok((host, number)),
        Ok(_) | Err(_) => Err(UpstreamError::Port),
    }
}

/// Whether a lenient reader would take the host for an IPv4 address (WHATWG URL, "ends in a number").
fn ends_in_a_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let digits = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    digits || hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A label of a host name; `_` is there because container networks use it.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn parse_path(path: &str) -> Result<&str, UpstreamError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let Some(segments) = path.strip_prefix('/') else {
        return Ok(path);
    };
    if segments.split('/').all(is_segment) { Ok(path) } else { Err(UpstreamError::Path) }
}

/// A segment that every reader takes for the same (RFC 3986 §3.3), parameters like `..;x` counted in.
fn is_segment(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or(segment);
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let good = match byte {
            b'%' => is_harmless_escape(bytes.next(), bytes.next()),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            | b':' | b'@' => true,
            _ => byte.is_ascii_alphanumeric(),
        };
        if !good {
            return false;
        }
    }
    !matches!(name, "" | "." | "..")
}

fn is_harmless_escape(high: Option<u8>, low: Option<u8>) -> bool {
    let nibble = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let (Some(high), Some(low)) = (nibble(high), nibble(low)) else {
        return false;
    };
    let byte = u8::try_from(high * 16 + low).unwrap_or(0);
    !byte.is_ascii_control() && !matches!(byte, b'/' | b'\\' | b'.' | b'%' | b';')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_is_read_into_its_parts_and_written_in_one_form() {
        for (text, authority, port, base_path) in [
            ("http://orders", "orders", 80, ""),
            ("http://orders/", "orders", 80, ""),
            ("http://Orders.Example:80/v1/", "orders.example", 80, "/v1"),
            ("http://orders:8080/a/b%20c", "orders:8080", 8080, "/a/b%20c"),
            ("http://192.0.2.1:1", "192.0.2.1:1", 1, ""),
            ("http://[2001:db8::1]", "[2001:db8::1]", 80, ""),
            ("http://[2001:db8::1]:65535/x", "[2001:db8::1]:65535", 65535, "/x"),
            ("http://my_service:3000", "my_service:3000", 3000, ""),
            ("https://orders", "orders", 443, ""),
            ("https://orders:443/a", "orders", 443, "/a"),
            ("https://orders:80", "orders:80", 80, ""),
            ("http://orders:443", "orders:443", 443, ""),
        ] {
            let url = UpstreamUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));

            assert_eq!((url.authority().as_str(), url.port(), url.base_path()), (authority, port, base_path), "{text}");
            assert_eq!(UpstreamUrl::parse(&url.to_string()).as_ref(), Ok(&url), "{text} again");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused_by_its_rule() {
        use UpstreamError as E;
        for (text, rule) in [
            ("", E::Empty),
            ("HTTPS://orders", E::Scheme),
            ("https:/orders", E::Scheme),
            ("https://", E::Host),
            ("https://user@orders", E::UserInfo),
            ("HTTP://orders", E::Scheme),
            ("ftp://orders", E::Scheme),
            ("unix:///run/../x", E::Scheme),
            ("orders:80", E::Scheme),
            ("http://", E::Host),
            ("http:///x", E::Host),
            ("http://user@orders", E::UserInfo),
            ("http://user:pw@orders", E::UserInfo),
            ("http://orders?x=1", E::Query),
            ("http://orders#x", E::Fragment),
            ("http://orders:0", E::Port),
            ("http://orders:", E::Port),
            ("http://orders:080", E::Port),
            ("http://orders:65536", E::Port),
            ("http://orders:+80", E::Port),
            ("http://orders::80", E::Host),
            ("http://or ders", E::Characters),
            ("http://ordérs", E::Characters),
            ("http://orders.", E::Host),
            ("http://-orders", E::Host),
            ("http://ord%65rs", E::Host),
            ("http://a..b", E::Host),
            ("http://0xa9fea9fe", E::Address),
            ("http://2852039166", E::Address),
            ("http://0251.0376.0251.0376", E::Address),
            ("http://127.1", E::Address),
            ("http://127.0.0.01", E::Address),
            ("http://127.0.0.1.", E::Address),
            ("http://1.2.3.4.5", E::Address),
            ("http://foo.0x7f", E::Address),
            ("http://[::1", E::Host),
            ("http://[fe80::1%25eth0]", E::Address),
            ("http://[0:0:0:0:0:0:0:1]", E::Address),
            ("http://[2001:DB8::1]", E::Address),
            ("http://[::ffff:7f00:1]", E::Address),
            ("http://::1", E::Host),
            ("http://orders/a//b", E::Path),
            ("http://orders//", E::Path),
            ("http://orders/../b", E::Path),
            ("http://orders/..;x/b", E::Path),
            ("http://orders/%2e%2e/b", E::Path),
            ("http://orders/a%2Fb", E::Path),
            ("http://orders/a%00b", E::Path),
            ("http://orders/a\\b", E::Path),
            ("http://orders/a%5cb", E::Path),
            ("http://orders/a%2", E::Path),
            ("http://orders/a%252e", E::Path),
        ] {
            assert_eq!(UpstreamUrl::parse(text), Err(rule), "{text}");
        }
    }

    #[test]
    fn a_grpc_upstream_has_no_path() {
        assert!(UpstreamUrl::parse_origin("http://orders:9000").is_ok());
        assert!(UpstreamUrl::parse_origin("http://orders:9000/").is_ok());
        assert_eq!(UpstreamUrl::parse_origin("http://orders:9000/v1"), Err(UpstreamError::PathOnApi));
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_means_the_same_when_written_and_read_again(text in "https?://[a-z0-9.:\\[\\]x_-]{0,20}(/[a-zA-Z0-9%./;]{0,12})?") {
            if let Ok(url) = UpstreamUrl::parse(&text) {
                prop_assert_eq!(UpstreamUrl::parse(&url.to_string()), Ok(url));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = UpstreamUrl::parse(&text);
        }
    }
}
