//! What gRPC over HTTP/2 says in headers: the content type and the timeout.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};

use super::refusal::{Refusal, Speech};

pub(super) const TIMEOUT: &str = "grpc-timeout";

impl Speech {
    /// How whoever sent these headers speaks. gRPC-Web is not gRPC.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match kind.strip_prefix("application/grpc").map(|rest| rest.chars().next()) {
            Some(None | Some('+' | ';')) => Self::Grpc,
            _ => Self::Http,
        }
    }
}

/// How long the caller of a method waits at most; `None` if it does not say.
pub(super) fn asked_timeout(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    let mut values = headers.get_all(TIMEOUT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => parse_timeout(one).map(Some).ok_or(Refusal::GrpcTimeout),
        (Some(_), Some(_)) => Err(Refusal::GrpcTimeout),
    }
}

fn parse_timeout(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// The header that says so, rounded up to what 8 digits can hold.
pub(super) fn timeout_header(timeout: Duration) -> Option<HeaderValue> {
    const MOST: u128 = 99_999_999;
    let (count, unit) = match (timeout.as_micros(), timeout.as_millis()) {
        (micros, _) if micros <= MOST => (micros, 'u'),
        (_, millis) if millis <= MOST => (millis, 'm'),
        _ => (u128::from(timeout.as_secs()).min(MOST), 'S'),
    };
    HeaderValue::from_str(&format!("{count}{unit}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout(text: &str) -> Option<Duration> {
        parse_timeout(&HeaderValue::from_str(text).expect("a value"))
    }

    // The rows of security.md §3.4.

    #[test]
    fn a_malformed_grpc_timeout_is_refused_and_a_large_one_is_not() {
        for wrong in ["", "S", "1", "1s", "123456789S", "-1S", "+1S", "1.5S", " 1S", "1S ", "1h", "0x1S"] {
            assert_eq!(timeout(wrong), None, "{wrong:?}");
        }
        assert_eq!(timeout("0S"), Some(Duration::ZERO));
        assert_eq!(timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(timeout("250m"), Some(Duration::from_millis(250)));
    }

    #[test]
    fn two_timeouts_are_refused() {
        let mut headers = HeaderMap::new();
        assert_eq!(asked_timeout(&headers).expect("fine"), None);
        headers.append(TIMEOUT, HeaderValue::from_static("1S"));
        headers.append(TIMEOUT, HeaderValue::from_static("2S"));
        assert!(matches!(asked_timeout(&headers), Err(Refusal::GrpcTimeout)));
    }

    #[test]
    fn a_timeout_is_written_as_it_is_read() {
        for text in ["250000u", "5000000u", "3600000m"] {
            let duration = timeout(text).expect("a timeout");
            assert_eq!(timeout(timeout_header(duration).expect("a header").to_str().expect("text")), Some(duration));
        }
    }

    #[test]
    fn only_grpc_itself_speaks_grpc() {
        for (kind, speech) in [
            ("application/grpc", Speech::Grpc),
            ("application/grpc+proto", Speech::Grpc),
            ("application/grpc;charset=utf-8", Speech::Grpc),
            ("application/grpc-web", Speech::Http),
            ("application/grpcx", Speech::Http),
            ("text/plain", Speech::Http),
        ] {
            assert_eq!(
                Speech::of(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))])),
                speech,
                "{kind}"
            );
        }
        assert_eq!(Speech::of(&HeaderMap::new()), Speech::Http);
    }
}
