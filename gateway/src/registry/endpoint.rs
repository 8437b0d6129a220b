//! One named endpoint: as the data plane sees it, and as it is administered.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use passgate_kit::client::{Action, Description, EndpointName, Labels};
use time::OffsetDateTime;

use super::UpstreamUrl;

/// How long an upstream may take to begin its answer, unless something else was said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that can be said.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A token whose scopes, and whose owner's grants, cover the endpoint.
    TokenRequired,
    /// Anybody.
    Public,
}

/// Where an endpoint goes, and under which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointRoute {
    /// Its name.
    pub name: EndpointName,
    /// Where it goes.
    pub upstream: UpstreamUrl,
    /// Who may call.
    pub access: Access,
    /// The methods that are let through; empty means all but CONNECT and TRACE.
    pub methods: Vec<Method>,
    /// The methods that count as `read` besides GET, HEAD and OPTIONS.
    pub read_methods: Vec<Method>,
    /// Query parameters that are always sent upstream with these values; a caller's own of the same name are dropped.
    pub fixed_query: BTreeMap<String, String>,
    /// How long the upstream may take to begin its answer.
    pub timeout: Duration,
    /// The largest request body in bytes; `None` is no bound.
    pub max_request_bytes: Option<u64>,
    /// False while it is to answer as one that does not exist.
    pub enabled: bool,
}

impl EndpointRoute {
    /// Whether requests with this method are let through.
    #[must_use]
    pub fn lets_through(&self, method: &Method) -> bool {
        match *method {
            Method::CONNECT | Method::TRACE => false,
            _ => self.methods.is_empty() || self.methods.contains(method),
        }
    }

    /// What a request with this method does, as far as grants and scopes are concerned.
    #[must_use]
    pub fn action(&self, method: &Method) -> Action {
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Action::Read,
            _ if self.read_methods.contains(method) => Action::Read,
            _ => Action::Write,
        }
    }
}

/// An endpoint as it is administered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it goes, and under which rules.
    pub route: EndpointRoute,
    /// For people.
    pub description: Description,
    /// To find it by.
    pub labels: Labels,
    /// When it was made.
    pub create_time: OffsetDateTime,
    /// When it was last changed.
    pub update_time: OffsetDateTime,
    /// Grows with every change, also from a deleted endpoint to the next of its name.
    pub revision: u64,
}

impl Endpoint {
    /// Whether turning `self` into `next` gives somebody power over what the endpoint's callers send or get: it goes
    /// elsewhere, with other fixed parameters, without a token, or with a write that counts as a read. One that needs no token
    /// and is served again gives as much as one that needs none any more.
    #[must_use]
    pub fn gives_power(&self, next: &Self) -> bool {
        let (now, then) = (&self.route, &next.route);
        now.upstream != then.upstream
            || now.fixed_query != then.fixed_query
            || (now.access != Access::Public && then.access == Access::Public)
            || (!now.enabled && then.enabled && then.access == Access::Public)
            || then.read_methods.iter().any(|method| now.action(method) != Action::Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        let route = EndpointRoute {
            name: EndpointName::parse("sales").expect("a name"),
            upstream: UpstreamUrl::parse("http://sales.example").expect("a URL"),
            access: Access::TokenRequired,
            methods: Vec::new(),
            read_methods: vec![Method::POST],
            fixed_query: BTreeMap::new(),
            timeout: DEFAULT_TIMEOUT,
            max_request_bytes: None,
            enabled: true,
        };
        let (description, labels) = Default::default();
        let made = OffsetDateTime::UNIX_EPOCH;
        Endpoint { route, description, labels, create_time: made, update_time: made, revision: 1 }
    }

    fn changed(change: impl FnOnce(&mut EndpointRoute)) -> Endpoint {
        let mut next = endpoint();
        change(&mut next.route);
        next
    }

    #[test]
    fn power_is_given_by_where_it_goes_with_what_for_whom_and_what_counts_as_a_read() {
        let now = endpoint();
        let elsewhere = UpstreamUrl::parse("http://sales.example/other").expect("a URL");
        for giving in [
            changed(|route| route.upstream = elsewhere),
            changed(|route| route.access = Access::Public),
            changed(|route| drop(route.fixed_query.insert("company".to_owned(), "1".to_owned()))),
            changed(|route| route.read_methods.push(Method::DELETE)),
        ] {
            assert!(now.gives_power(&giving), "{giving:?}");
        }
        for harmless in [
            endpoint(),
            changed(|route| route.read_methods.clear()),
            changed(|route| route.read_methods.push(Method::GET)),
            changed(|route| route.timeout = MAX_TIMEOUT),
            changed(|route| route.enabled = false),
        ] {
            assert!(!now.gives_power(&harmless), "{harmless:?}");
        }
        let public = changed(|route| route.access = Access::Public);
        assert!(!public.gives_power(&now), "asking for a token again takes away");
        assert!(!public.gives_power(&public), "it is public already");

        let closed = changed(|route| (route.access, route.enabled) = (Access::Public, false));
        assert!(closed.gives_power(&public), "open to all again");
        assert!(!public.gives_power(&closed) && !closed.gives_power(&closed));
        assert!(!changed(|route| route.enabled = false).gives_power(&now), "it still needs a token");
    }

    #[test]
    fn the_action_is_the_methods_unless_the_endpoint_says_that_it_reads() {
        let route = endpoint().route;
        for (method, action) in [
            (Method::GET, Action::Read),
            (Method::HEAD, Action::Read),
            (Method::OPTIONS, Action::Read),
            (Method::POST, Action::Read),
            (Method::PUT, Action::Write),
            (Method::from_bytes(b"post").expect("a method"), Action::Write),
        ] {
            assert_eq!(route.action(&method), action, "{method}");
        }
    }

    #[test]
    fn without_a_list_all_methods_but_connect_and_trace_are_let_through() {
        let open = endpoint().route;
        let listed = EndpointRoute { methods: vec![Method::GET], ..open.clone() };

        assert!(open.lets_through(&Method::DELETE) && listed.lets_through(&Method::GET));
        assert!(!open.lets_through(&Method::CONNECT) && !open.lets_through(&Method::TRACE));
        assert!(!listed.lets_through(&Method::HEAD));
    }
}
