//! One gRPC API: as the data plane sees it, and as it is administered.

use std::collections::BTreeSet;

use passgate_kit::client::{Action, Description, Labels, MethodName, ServiceName};
use time::OffsetDateTime;

use super::{BuiltIn, UpstreamUrl};

/// Where calls of an API go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiTarget {
    /// To a registered server.
    Upstream(UpstreamUrl),
    /// To one of Passgate's own services.
    BuiltIn(BuiltIn),
}

/// Where an API goes, and which of its methods only read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRoute {
    /// The service's full name.
    pub name: ServiceName,
    /// Where it goes.
    pub target: ApiTarget,
    /// The methods that count as `read`; all others are `write`.
    pub read_methods: BTreeSet<MethodName>,
}

impl ApiRoute {
    /// What a call of this method does, as far as grants and scopes are concerned.
    #[must_use]
    pub fn action(&self, method: &MethodName) -> Action {
        if self.read_methods.contains(method) { Action::Read } else { Action::Write }
    }
}

/// A registered API as it is administered. Passgate's own services are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// The service's full name.
    pub name: ServiceName,
    /// The server that has it.
    pub upstream: UpstreamUrl,
    /// The methods that count as `read`.
    pub read_methods: BTreeSet<MethodName>,
    /// For people.
    pub description: Description,
    /// To find it by.
    pub labels: Labels,
    /// When it was made.
    pub create_time: OffsetDateTime,
    /// When it was last changed.
    pub update_time: OffsetDateTime,
    /// Grows with every change, also from a deleted API to the next of its name.
    pub revision: u64,
}

impl Api {
    /// Whether turning `self` into `next` gives somebody power over what the API's callers send or get: it goes elsewhere,
    /// or a write counts as a read.
    #[must_use]
    pub fn gives_power(&self, next: &Self) -> bool {
        self.upstream != next.upstream || !next.read_methods.is_subset(&self.read_methods)
    }
}

impl From<Api> for ApiRoute {
    fn from(api: Api) -> Self {
        Self { name: api.name, target: ApiTarget::Upstream(api.upstream), read_methods: api.read_methods }
    }
}
