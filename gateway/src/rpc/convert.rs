//! The registry's things as the contract has them.

use passgate_kit::etag::Etag;
use passgate_proto::gateway::v1 as pb;
use time::OffsetDateTime;

use crate::registry::{Access, Api, ApiRoute, Endpoint};

impl From<&Endpoint> for pb::Endpoint {
    fn from(endpoint: &Endpoint) -> Self {
        let route = &endpoint.route;
        let access = match route.access {
            Access::TokenRequired => pb::endpoint::Access::TokenRequired,
            Access::Public => pb::endpoint::Access::Public,
        };
        let names = |methods: &[http::Method]| methods.iter().map(ToString::to_string).collect();
        Self {
            name: route.name.to_string(),
            description: endpoint.description.to_string(),
            labels: endpoint.labels.as_map().clone().into_iter().collect(),
            upstream: route.upstream.to_string(),
            access: access.into(),
            methods: names(&route.methods),
            read_methods: names(&route.read_methods),
            fixed_query: route.fixed_query.clone().into_iter().collect(),
            timeout: prost_types::Duration::try_from(route.timeout).ok(),
            max_request_bytes: route.max_request_bytes.unwrap_or(0),
            disabled: !route.enabled,
            create_time: Some(timestamp(endpoint.create_time)),
            update_time: Some(timestamp(endpoint.update_time)),
            etag: Etag::of(endpoint.revision).to_string(),
        }
    }
}

impl From<&Api> for pb::Api {
    fn from(api: &Api) -> Self {
        Self {
            name: api.name.to_string(),
            description: api.description.to_string(),
            labels: api.labels.as_map().clone().into_iter().collect(),
            upstream: api.upstream.to_string(),
            read_methods: api.read_methods.iter().map(ToString::to_string).collect(),
            kind: pb::api::Kind::Registered.into(),
            create_time: Some(timestamp(api.create_time)),
            update_time: Some(timestamp(api.update_time)),
            etag: Etag::of(api.revision).to_string(),
        }
    }
}

/// One of Passgate's own services.
pub fn built_in(route: &ApiRoute) -> pb::Api {
    pb::Api {
        name: route.name.to_string(),
        read_methods: route.read_methods.iter().map(ToString::to_string).collect(),
        kind: pb::api::Kind::BuiltIn.into(),
        ..pb::Api::default()
    }
}

fn timestamp(time: OffsetDateTime) -> prost_types::Timestamp {
    let nanos = i32::try_from(time.nanosecond()).unwrap_or(0); // below 10⁹
    prost_types::Timestamp { seconds: time.unix_timestamp(), nanos }
}
