//! One gRPC API as the data plane sees it.

use std::collections::BTreeSet;

use passgate_kit::client::{Action, MethodName, ServiceName};

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
