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
    /// elsewhere, with other fixed parameters, without a token, or with a write that counts as a read.
    #[must_use]
    pub fn gives_power(&self, next: &Self) -> bool {
        let (now, then) = (&self.route, &next.route);
        now.upstream != then.upstream
            || now.fixed_query != then.fixed_query
            || (now.access != Access::Public && then.access == Access::Public)
            || then.read_methods.iter().any(|method| now.action(method) != Action::Read)
    }
}
