//! **Target**, a guard: the path of a request, read once into the only thing that routing *and* forwarding accept.
//!
//! What could be read in two ways is refused, never repaired. So the bytes that are judged are the bytes that are
//! forwarded: the upstream's path is the endpoint's base path and [`Suffix`], which is a slice of what was checked here.
//! Names compare by bytes: an escape, another case or another alphabet in a name is another name, which nothing has.

use std::borrow::Cow;

use passgate_kit::client::credential::looks_like_token;
use passgate_kit::client::{EndpointName, Resource};

const ENDPOINTS: &str = "endpoints";

/// What the path of a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// `/endpoints/{name}…`
    Endpoint {
        /// The endpoint.
        name: EndpointName,
        /// What follows the name.
        suffix: Suffix<'a>,
        /// What follows the `?`.
        query: Option<&'a str>,
    },
    /// `/{package.Service}/{Method}`, and nothing behind it.
    Method(Resource),
    /// A path that means one thing, but no endpoint and no method can have it.
    Nowhere,
}

/// The part of a path behind an endpoint's name: empty, or `/…`. Only [`Target::parse`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suffix<'a>(&'a str);

impl<'a> Suffix<'a> {
    /// The bytes, as they came.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// The rule that a path breaks. The path itself is in no message and no log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not `/…`: authority form, `*`.
    #[error("the request's target must be a path")]
    Form,
    /// A space, a control character or a byte above 0x7e.
    #[error("the path must be printable ASCII: escape everything else")]
    Characters,
    /// `\`, which some servers take for `/`, or `#`, which belongs to no request.
    #[error("the path must not contain `\\` or `#`")]
    Separator,
    /// `//`
    #[error("the path must not contain empty segments")]
    EmptySegment,
    /// `.` or `..` in any spelling, parameters aside.
    #[error("the path must not contain `.` or `..` segments, in no spelling")]
    DotSegment,
    /// `%` without two hexadecimal digits.
    #[error("the path has a `%` that begins no escape")]
    Escape,
    /// An escaped slash, backslash, percent sign or control character.
    #[error("the path must not contain escaped slashes, backslashes, percent signs or control characters")]
    HiddenSeparator,
    /// Escapes that are no UTF-8, such as overlong forms.
    #[error("the escapes in the path must be UTF-8")]
    Encoding,
    /// `/endpoints;x/…` or `/endpoints/{name};x/…`: is the name what stands before the `;`?
    #[error("the names in the path must have no parameters")]
    NameParameters,
    /// One of our tokens.
    #[error(
        "a token does not belong in a URL, where it gets logged: send it as \"authorization: Bearer\", and replace this one"
    )]
    Token,
}

impl<'a> Target<'a> {
    /// Reads the path and query of a request, as they came.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn parse(path_and_query: &'a str) -> Result<Self, TargetError> {
        if looks_like_token(path_and_query) {
            return Err(TargetError::Token);
        }
        check_characters(path_and_query)?;
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        let below_root = path.strip_prefix('/').ok_or(TargetError::Form)?;
        check_segments(below_root)?;
        match below_root.split_once('/') {
            Some((ENDPOINTS, rest)) => Ok(endpoint(rest, query)),
            _ if query.is_none() => Ok(Resource::parse_grpc_path(path).map_or(Self::Nowhere, Self::Method)),
            _ => Ok(Self::Nowhere),
        }
    }
}

fn endpoint<'a>(rest: &'a str, query: Option<&'a str>) -> Target<'a> {
    let (name, suffix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match EndpointName::parse(name) {
        Ok(name) => Target::Endpoint { name, suffix: Suffix(suffix), query },
        Err(_) => Target::Nowhere,
    }
}

fn check_characters(target: &str) -> Result<(), TargetError> {
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TargetError::Characters);
    }
    let path = target.split('?').next().unwrap_or_default();
    if path.contains('\\') || target.contains('#') { Err(TargetError::Separator) } else { Ok(()) }
}

/// Checks each segment of a path without its first slash. Only the last may be empty.
fn check_segments(below_root: &str) -> Result<(), TargetError> {
    let mut segments = below_root.split('/').enumerate().peekable();
    while let Some((at, segment)) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err(TargetError::EmptySegment);
        }
        let decoded = decode(segment)?;
        let bare = decoded.split(|byte| *byte == b';').next().unwrap_or_default();
        if matches!(bare, b"." | b"..") {
            return Err(TargetError::DotSegment);
        }
        let is_name = at == 0 || (at == 1 && below_root.starts_with("endpoints/"));
        if is_name && bare.len() < decoded.len() {
            return Err(TargetError::NameParameters);
        }
    }
    Ok(())
}

/// The bytes that a segment stands for.
fn decode(segment: &str) -> Result<Cow<'_, [u8]>, TargetError> {
    if !segment.contains('%') {
        return Ok(Cow::Borrowed(segment.as_bytes()));
    }
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(if byte == b'%' { escaped(&mut rest)? } else { byte });
    }
    match std::str::from_utf8(&decoded) {
        Ok(_) => Ok(Cow::Owned(decoded)),
        Err(_) => Err(TargetError::Encoding),
    }
}

fn escaped(rest: &mut std::str::Bytes<'_>) -> Result<u8, TargetError> {
    let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(TargetError::Escape);
    let byte = u8::try_from(digit()? * 16 + digit()?).map_err(|_| TargetError::Escape)?;
    if byte.is_ascii_control() || matches!(byte, b'/' | b'\\' | b'%') {
        return Err(TargetError::HiddenSeparator);
    }
    Ok(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(path: &str) -> TargetError {
        Target::parse(path).expect_err(path)
    }

    #[test]
    fn a_plain_path_is_an_endpoint_with_the_rest_untouched() {
        for (path, suffix, query) in [
            ("/endpoints/sales", "", None),
            ("/endpoints/sales/", "/", None),
            ("/endpoints/sales/a/b.json", "/a/b.json", None),
            ("/endpoints/sales/a;v=1/b", "/a;v=1/b", None),
            ("/endpoints/sales/%C3%A9/x%20y?q=/..//%2f", "/%C3%A9/x%20y", Some("q=/..//%2f")),
            ("/endpoints/sales?", "", Some("")),
            ("/endpoints/sales/...", "/...", None),
        ] {
            let name = EndpointName::parse("sales").expect("a name");
            assert_eq!(Target::parse(path), Ok(Target::Endpoint { name, suffix: Suffix(suffix), query }), "{path}");
        }
    }

    #[test]
    fn a_grpc_path_is_a_method() {
        let method = Resource::parse("apis/shop.v1.Orders/List").expect("a resource");
        assert_eq!(Target::parse("/shop.v1.Orders/List"), Ok(Target::Method(method)));
    }

    // The rows of security.md §3.5.

    #[test]
    fn dots_raw_or_encoded_double_slashes_backslashes_hidden_separators_and_non_ascii_are_refused() {
        use TargetError as E;
        for (path, rule) in [
            ("/endpoints/public/../private", E::DotSegment),
            ("/endpoints/a/.", E::DotSegment),
            ("/endpoints/a/..", E::DotSegment),
            ("/./endpoints/a", E::DotSegment),
            ("/endpoints/a/%2e%2e/b", E::DotSegment),
            ("/endpoints/a/.%2E/b", E::DotSegment),
            ("/endpoints/a/%2e", E::DotSegment),
            ("//endpoints/a", E::EmptySegment),
            ("/endpoints//a", E::EmptySegment),
            ("/endpoints/a//b", E::EmptySegment),
            ("/endpoints/a//", E::EmptySegment),
            ("/endpoints/a\\b", E::Separator),
            ("/endpoints/a/%5c", E::HiddenSeparator),
            ("/endpoints/a/%2f", E::HiddenSeparator),
            ("/endpoints%2Fa", E::HiddenSeparator),
            ("/endpoints/a/%00", E::HiddenSeparator),
            ("/endpoints/a/%252e", E::HiddenSeparator),
            ("/endpoints/a/%0d%0a", E::HiddenSeparator),
            ("/endpoints/a/%7f", E::HiddenSeparator),
            ("/endpoints/a\u{1}", E::Characters),
            ("/endpoints/a b", E::Characters),
            ("/endpoints/a\tb", E::Characters),
            ("/endpoints/é", E::Characters),
            ("/endpoints/a?é", E::Characters),
            ("/endpoints/a/%", E::Escape),
            ("/endpoints/a/%2", E::Escape),
            ("/endpoints/a/%zz", E::Escape),
            ("/endpoints/a/%+1", E::Escape),
            ("", E::Form),
            ("*", E::Form),
            ("endpoints/a", E::Form),
        ] {
            assert_eq!(refused(path), rule, "{path}");
        }
    }

    #[test]
    fn parameters_are_refused_where_they_hide_dots_or_a_name_and_forwarded_elsewhere() {
        use TargetError as E;
        for (path, rule) in [
            ("/endpoints/a/..;/b", E::DotSegment),
            ("/endpoints/a/..;x=1/b", E::DotSegment),
            ("/endpoints/a/..%3b/b", E::DotSegment),
            ("/endpoints/a/.;a=b", E::DotSegment),
            ("/endpoints/a;x=1/b", E::NameParameters),
            ("/endpoints/a%3Bx/b", E::NameParameters),
            ("/endpoints;x/a", E::NameParameters),
        ] {
            assert_eq!(refused(path), rule, "{path}");
        }
        assert!(matches!(Target::parse("/endpoints/a/b;c=d"), Ok(Target::Endpoint { suffix: Suffix("/b;c=d"), .. })));
    }

    #[test]
    fn overlong_fullwidth_and_homoglyph_names_never_match() {
        for path in ["/endpoints/a%c0%ae", "/endpoints/a/%c0%af", "/endpoints/a/%ed%a0%80"] {
            assert_eq!(refused(path), TargetError::Encoding, "{path}");
        }
        assert_eq!(refused("/endpoints/a/%u002f"), TargetError::Escape);
        for path in ["/endpoints/%EF%BC%8Fa", "/endpoints/s%D0%B0les", "/endpoints/%73ales", "/%65ndpoints/sales"] {
            assert_eq!(Target::parse(path), Ok(Target::Nowhere), "{path}");
        }
    }

    #[test]
    fn a_name_in_another_case_or_with_a_trailing_dot_does_not_match_and_a_fragment_is_refused() {
        for path in ["/endpoints/Sales", "/endpoints/sales.", "/Endpoints/sales/x", "/ENDPOINTS/sales/x", "/endpoints/"]
        {
            assert_eq!(Target::parse(path), Ok(Target::Nowhere), "{path}");
        }
        for path in ["/endpoints/sales#x", "/endpoints/sales?x#y"] {
            assert_eq!(refused(path), TargetError::Separator, "{path}");
        }
    }

    #[test]
    fn a_method_path_is_taken_by_its_exact_bytes() {
        for path in
            ["/shop.v1.Orders/List/", "/shop.v1.Orders/List?x", "/shop.v1.Orders", "/shop.v1.Orders/%4cist", "/"]
        {
            assert_eq!(Target::parse(path), Ok(Target::Nowhere), "{path}");
        }
    }

    #[test]
    fn a_token_in_the_url_is_refused_without_being_told() {
        let token = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6IngifQ.e30.x";
        for path in
            [format!("/endpoints/a?token={token}"), format!("/endpoints/a/{token}"), format!("/x?api_key={token}#")]
        {
            let error = refused(&path);
            assert_eq!(error, TargetError::Token);
            assert!(!format!("{error} {error:?}").contains("eyJ"));
        }
        assert!(Target::parse("/endpoints/a?token=abc&access_token=x").is_ok(), "others are left alone");
    }

    /// What a lenient server may make of a path: decode, cut parameters, collapse slashes, resolve dots.
    fn lenient(path: &str) -> String {
        let mut decoded = path.to_owned();
        for _ in 0..2 {
            let bytes = decode_leniently(&decoded);
            decoded = String::from_utf8_lossy(&bytes).replace('\\', "/");
        }
        let mut kept: Vec<&str> = Vec::new();
        for segment in decoded.split('/') {
            match segment.split(';').next().unwrap_or_default() {
                "" | "." => {}
                ".." => drop(kept.pop()),
                segment => kept.push(segment),
            }
        }
        format!("/{}", kept.join("/"))
    }

    fn decode_leniently(text: &str) -> Vec<u8> {
        let bytes = text.as_bytes();
        let (mut decoded, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let digits = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
            match digits.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
                Some(byte) if bytes[at] == b'%' => {
                    decoded.push(byte);
                    at += 3;
                }
                _ => {
                    decoded.push(bytes[at]);
                    at += 1;
                }
            }
        }
        decoded
    }

    proptest! {
        #[test]
        fn a_path_that_parses_means_one_thing_and_is_forwarded_as_judged(
            path in "/endpoints/([a-z]{1,2}|[.;%2eEfF/\\\\a]{1,4})(/|[.;a-c]|%2[eEfF5]|%5[cC]|%00|%c0%ae|\\\\|%61){0,8}"
        ) {
            if let Ok(Target::Endpoint { name, suffix, .. }) = Target::parse(&path) {
                prop_assert_eq!(format!("/endpoints/{name}{}", suffix.as_str()), path.clone(), "the bytes are the same");
                let meant = lenient(&path);
                let prefix = format!("/endpoints/{name}");
                prop_assert!(meant == prefix || meant.starts_with(&format!("{prefix}/")), "{} means {}", path, meant);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = Target::parse(&text);
        }
    }
}
