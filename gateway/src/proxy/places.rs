//! What an endpoint's answer says about places: redirects and cookies. An upstream knows itself by its own address, and its
//! callers know it as `/endpoints/{name}`; and since all endpoints share one browser origin, none may set a cookie that is
//! sent to the others.

use http::header::{self, HeaderMap, HeaderValue};

use crate::registry::EndpointRoute;

/// Rewrites them to what the caller can use. What leads elsewhere stays as it is.
pub(super) fn rewrite(answer: &mut HeaderMap, route: &EndpointRoute) {
    let location = answer.get(header::LOCATION).and_then(|value| relocated(value.to_str().ok()?, route));
    if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
        answer.insert(header::LOCATION, location);
    }
    if answer.contains_key(header::SET_COOKIE) {
        confine_cookies(answer, route);
    }
}

/// Where a redirect leads at the gateway; `None` if that is no place of this endpoint's.
fn relocated(location: &str, route: &EndpointRoute) -> Option<String> {
    let (scheme, rest) = location.split_once("://").unwrap_or_default();
    let absolute = (scheme == route.upstream.scheme().as_str())
        .then(|| rest.strip_prefix(route.upstream.authority().as_str()))
        .flatten();
    let path = match absolute {
        Some(path) => path,
        None if location.starts_with('/') && !location.starts_with("//") => location,
        None => return None,
    };
    below(path, route).map(|rest| format!("/endpoints/{}{rest}", route.name))
}

/// What follows the base path in a path of the upstream's.
fn below<'a>(path: &'a str, route: &EndpointRoute) -> Option<&'a str> {
    let rest = path.strip_prefix(route.upstream.base_path())?;
    (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
}

fn confine_cookies(answer: &mut HeaderMap, route: &EndpointRoute) {
    let cookies: Vec<HeaderValue> =
        answer.get_all(header::SET_COOKIE).iter().filter_map(|cookie| confined(cookie, route)).collect();
    answer.remove(header::SET_COOKIE);
    for cookie in cookies {
        answer.append(header::SET_COOKIE, cookie);
    }
}

/// The cookie for this endpoint only: without `Domain`, and with a `Path` at or below `/endpoints/{name}` (RFC 6265 §5.1.4 takes
/// `/endpoints/sales` for no part of `/endpoints/sales-2`). `None` if it cannot be read.
fn confined(cookie: &HeaderValue, route: &EndpointRoute) -> Option<HeaderValue> {
    let text = cookie.to_str().ok()?;
    let mut attributes = text.split(';');
    let mut confined = attributes.next()?.trim().to_owned();
    let mut path = String::new();
    for attribute in attributes {
        let (name, value) = attribute.split_once('=').map_or((attribute, ""), |(name, value)| (name, value.trim()));
        match name.trim().to_ascii_lowercase().as_str() {
            "domain" => {}
            // The last one counts (RFC 6265 §5.2.4).
            "path" => path = below(value, route).filter(|rest| is_plain(rest)).unwrap_or_default().to_owned(),
            _ => {
                confined.push_str("; ");
                confined.push_str(attribute.trim());
            }
        }
    }
    HeaderValue::try_from(format!("{confined}; Path=/endpoints/{}{path}", route.name)).ok()
}

/// Whether no browser reads the path as one further up.
fn is_plain(path: &str) -> bool {
    path.split('/').all(|segment| !matches!(segment, "." | "..")) && !path.contains(['%', '\\', '"', '?', '#'])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use passgate_kit::client::EndpointName;

    use super::*;
    use crate::registry::{Access, UpstreamUrl};

    fn route(upstream: &str) -> EndpointRoute {
        EndpointRoute {
            name: EndpointName::parse("sales").expect("a name"),
            upstream: UpstreamUrl::parse(upstream).expect("a URL"),
            access: Access::TokenRequired,
            methods: Vec::new(),
            read_methods: Vec::new(),
            fixed_query: BTreeMap::new(),
            timeout: Duration::from_secs(1),
            max_request_bytes: None,
            enabled: true,
        }
    }

    #[test]
    fn a_redirect_to_the_upstreams_own_base_leads_to_the_endpoint_and_others_stay() {
        let based = route("http://up.example:8080/base");
        for (location, told) in [
            ("http://up.example:8080/base/a?b#c", Some("/endpoints/sales/a?b#c")),
            ("http://up.example:8080/base", Some("/endpoints/sales")),
            ("/base/a", Some("/endpoints/sales/a")),
            ("/base?x", Some("/endpoints/sales?x")),
            ("/based", None),
            ("http://up.example:8080/other", None),
            ("http://up.example:80801/base", None),
            ("http://up.example/base", None),
            ("https://up.example:8080/base", None),
            ("//up.example:8080/base", None),
            ("a/b", None),
            ("https://elsewhere.example/", None),
        ] {
            assert_eq!(relocated(location, &based).as_deref(), told, "{location}");
        }
        assert_eq!(relocated("/a", &route("http://up.example")).as_deref(), Some("/endpoints/sales/a"));
    }

    #[test]
    fn a_cookie_is_confined_to_its_endpoint() {
        for (cookie, kept) in [
            ("a=1", "a=1; Path=/endpoints/sales"),
            ("a=1; Path=/; Domain=example.com; Secure; HttpOnly", "a=1; Secure; HttpOnly; Path=/endpoints/sales"),
            ("a=1; path=/base/x", "a=1; Path=/endpoints/sales/x"),
            ("a=1; PATH = /base/x; DOMAIN=x", "a=1; Path=/endpoints/sales/x"),
            ("a=1; Path=/base/x; Path=/", "a=1; Path=/endpoints/sales"),
            ("a=1; Path=/base/../evil", "a=1; Path=/endpoints/sales"),
            ("a=1; Path=/base/%2e%2e/evil", "a=1; Path=/endpoints/sales"),
            ("a=1; Path=/endpoints/other", "a=1; Path=/endpoints/sales"),
            ("a=1; Max-Age=5; SameSite=Lax", "a=1; Max-Age=5; SameSite=Lax; Path=/endpoints/sales"),
        ] {
            let mut answer = HeaderMap::from_iter([(header::SET_COOKIE, HeaderValue::from_static(cookie))]);
            rewrite(&mut answer, &route("http://up.example/base"));
            assert_eq!(answer[header::SET_COOKIE], kept, "{cookie}");
        }
    }

    #[test]
    fn every_cookie_is_kept_but_one_that_cannot_be_read() {
        let mut answer = HeaderMap::new();
        for cookie in [&b"a=1"[..], b"b=2; Domain=x", b"c=\xff"] {
            answer.append(header::SET_COOKIE, HeaderValue::from_bytes(cookie).expect("a value"));
        }

        rewrite(&mut answer, &route("http://up.example"));

        let kept: Vec<_> = answer.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(kept, ["a=1; Path=/endpoints/sales", "b=2; Path=/endpoints/sales"]);
    }
}
