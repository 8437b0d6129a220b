//! The rules of an endpoint's smaller fields: HTTP methods, fixed query parameters, timeouts.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;

use super::MAX_TIMEOUT;

/// Most methods in a list.
pub const MAX_METHODS: usize = 32;
/// Most fixed query parameters.
pub const MAX_FIXED_QUERY: usize = 32;
/// Most bytes in the name or the value of a fixed query parameter.
pub const MAX_QUERY_BYTES: usize = 1024;

/// The rule that a field of an endpoint breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Too many methods.
    #[error("must have at most {MAX_METHODS} methods")]
    TooManyMethods,
    /// Not a method that can be let through.
    #[error("must be HTTP methods in capital letters, CONNECT and TRACE not among them: {method:?} is not")]
    Method {
        /// The first such one, cut to what is worth showing.
        method: String,
    },
    /// Too many parameters.
    #[error("must have at most {MAX_FIXED_QUERY} parameters")]
    TooManyParameters,
    /// A parameter that cannot be sent.
    #[error(
        "names must have 1 to {MAX_QUERY_BYTES} bytes and values at most as many, without control characters: {name:?} does not"
    )]
    Parameter {
        /// The first such one, cut to what is worth showing.
        name: String,
    },
    /// A duration out of range.
    #[error("must be more than 0 and at most 1 h, with nanos from 0 to 999999999")]
    Timeout,
}

/// Reads a list of HTTP methods. One that is there twice counts once.
///
/// # Errors
/// The first rule that the list breaks.
pub fn parse_methods(texts: &[String]) -> Result<Vec<Method>, RuleError> {
    if texts.len() > MAX_METHODS {
        return Err(RuleError::TooManyMethods);
    }
    let mut methods = Vec::new();
    for text in texts {
        let method = parse_method(text).ok_or_else(|| RuleError::Method { method: cut(text) })?;
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    Ok(methods)
}

fn parse_method(text: &str) -> Option<Method> {
    let plain = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    let method = Method::from_bytes(text.as_bytes()).ok().filter(|_| plain)?;
    (method != Method::CONNECT && method != Method::TRACE).then_some(method)
}

/// Reads fixed query parameters.
///
/// # Errors
/// The first rule that they break.
pub fn parse_fixed_query<'a>(
    pairs: impl ExactSizeIterator<Item = (&'a String, &'a String)>,
) -> Result<BTreeMap<String, String>, RuleError> {
    if pairs.len() > MAX_FIXED_QUERY {
        return Err(RuleError::TooManyParameters);
    }
    let sendable = |text: &str| text.len() <= MAX_QUERY_BYTES && !text.chars().any(char::is_control);
    let mut parameters = BTreeMap::new();
    for (name, value) in pairs {
        if name.is_empty() || !sendable(name) || !sendable(value) {
            return Err(RuleError::Parameter { name: cut(name) });
        }
        parameters.insert(name.clone(), value.clone());
    }
    Ok(parameters)
}

/// Reads a timeout, in seconds and nanoseconds.
///
/// # Errors
/// If it is out of range.
pub fn parse_timeout(seconds: i64, nanos: i32) -> Result<Duration, RuleError> {
    let seconds = u64::try_from(seconds).map_err(|_| RuleError::Timeout)?;
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000).ok_or(RuleError::Timeout)?;
    let timeout = Duration::new(seconds, nanos);
    if timeout.is_zero() || timeout > MAX_TIMEOUT { Err(RuleError::Timeout) } else { Ok(timeout) }
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: &[&str]) -> Vec<String> {
        items.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn methods_are_capital_letters_and_never_connect_or_trace() {
        assert_eq!(
            parse_methods(&texts(&["GET", "PURGE", "GET"])),
            Ok(vec![Method::GET, Method::from_bytes(b"PURGE").expect("a method")])
        );
        for wrong in ["", "get", "CONNECT", "TRACE", "GE T", "GET\n", "G\u{c9}T", &"A".repeat(33)] {
            assert!(matches!(parse_methods(&texts(&["POST", wrong])), Err(RuleError::Method { .. })), "{wrong:?}");
        }
        assert_eq!(parse_methods(&vec!["GET".to_owned(); 33]), Err(RuleError::TooManyMethods));
    }

    #[test]
    fn fixed_parameters_have_a_name_and_no_control_characters() {
        let pairs = |name: &str, value: &str| std::collections::HashMap::from([(name.to_owned(), value.to_owned())]);
        assert!(parse_fixed_query(pairs("company", "Ä & Söhne").iter()).is_ok());
        assert!(parse_fixed_query(pairs("company", "").iter()).is_ok());
        for (name, value) in
            [("", "x"), ("a\n", "x"), ("a", "x\0"), (&*"a".repeat(1025), "x"), ("a", &*"x".repeat(1025))]
        {
            assert!(
                matches!(parse_fixed_query(pairs(name, value).iter()), Err(RuleError::Parameter { .. })),
                "{name:?}"
            );
        }
        let many: BTreeMap<_, _> = (0..33).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(parse_fixed_query(many.iter()), Err(RuleError::TooManyParameters));
    }

    #[test]
    fn a_timeout_is_more_than_nothing_and_at_most_an_hour() {
        assert_eq!(parse_timeout(0, 1), Ok(Duration::from_nanos(1)));
        assert_eq!(parse_timeout(3600, 0), Ok(Duration::from_secs(3600)));
        for (seconds, nanos) in [(0, 0), (-1, 0), (1, -1), (1, 1_000_000_000), (3600, 1), (i64::MAX, 0)] {
            assert_eq!(parse_timeout(seconds, nanos), Err(RuleError::Timeout), "{seconds} {nanos}");
        }
    }
}
