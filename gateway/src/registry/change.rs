//! What somebody wants to change about an endpoint or API.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::Method;
use passgate_kit::client::{Description, Labels, MethodName};
use time::OffsetDateTime;

use super::{Access, Api, Endpoint, UpstreamUrl};

/// The fields of an endpoint that are to change, with what they are to become.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    /// For people.
    pub description: Option<Description>,
    /// To find it by.
    pub labels: Option<Labels>,
    /// Where it goes.
    pub upstream: Option<UpstreamUrl>,
    /// Who may call.
    pub access: Option<Access>,
    /// The methods that are let through.
    pub methods: Option<Vec<Method>>,
    /// The methods that count as `read`.
    pub read_methods: Option<Vec<Method>>,
    /// Query parameters that are always sent.
    pub fixed_query: Option<BTreeMap<String, String>>,
    /// How long the upstream may take to begin.
    pub timeout: Option<Duration>,
    /// The largest request body; `Some(None)` takes the bound away.
    pub max_request_bytes: Option<Option<u64>>,
}

impl EndpointChange {
    /// `endpoint` with the change made, one revision on.
    #[must_use]
    pub fn applied_to(self, endpoint: &Endpoint, now: OffsetDateTime) -> Endpoint {
        let mut next = endpoint.clone();
        set(&mut next.description, self.description);
        set(&mut next.labels, self.labels);
        set(&mut next.route.upstream, self.upstream);
        set(&mut next.route.access, self.access);
        set(&mut next.route.methods, self.methods);
        set(&mut next.route.read_methods, self.read_methods);
        set(&mut next.route.fixed_query, self.fixed_query);
        set(&mut next.route.timeout, self.timeout);
        set(&mut next.route.max_request_bytes, self.max_request_bytes);
        next.update_time = now;
        next.revision = endpoint.revision.saturating_add(1);
        next
    }
}

/// The fields of an API that are to change, with what they are to become.
#[derive(Clone, Debug, Default)]
pub struct ApiChange {
    /// For people.
    pub description: Option<Description>,
    /// To find it by.
    pub labels: Option<Labels>,
    /// The server that has it.
    pub upstream: Option<UpstreamUrl>,
    /// The methods that count as `read`.
    pub read_methods: Option<BTreeSet<MethodName>>,
}

impl ApiChange {
    /// `api` with the change made, one revision on.
    #[must_use]
    pub fn applied_to(self, api: &Api, now: OffsetDateTime) -> Api {
        let mut next = api.clone();
        set(&mut next.description, self.description);
        set(&mut next.labels, self.labels);
        set(&mut next.upstream, self.upstream);
        set(&mut next.read_methods, self.read_methods);
        next.update_time = now;
        next.revision = api.revision.saturating_add(1);
        next
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
