//! The lines that changes of the registry leave in the feed: what was, and what is.

use passgate_kit::feed::Change;
use serde_json::{Value, json};

use super::{Access, Api, Endpoint};

/// An endpoint came into being.
pub fn endpoint_created(after: &Endpoint) -> Change {
    endpoint("endpoint.created", None, Some(after))
}

/// An endpoint was changed.
pub fn endpoint_updated(before: &Endpoint, after: &Endpoint) -> Change {
    endpoint("endpoint.updated", Some(before), Some(after))
}

/// An endpoint was switched on or off.
pub fn endpoint_switched(before: &Endpoint, after: &Endpoint) -> Change {
    let kind = if after.route.enabled { "endpoint.enabled" } else { "endpoint.disabled" };
    endpoint(kind, Some(before), Some(after))
}

/// An endpoint was removed.
pub fn endpoint_deleted(before: &Endpoint) -> Change {
    endpoint("endpoint.deleted", Some(before), None)
}

/// An API was registered.
pub fn api_created(after: &Api) -> Change {
    api("api.created", None, Some(after))
}

/// An API was changed.
pub fn api_updated(before: &Api, after: &Api) -> Change {
    api("api.updated", Some(before), Some(after))
}

/// An API was removed.
pub fn api_deleted(before: &Api) -> Change {
    api("api.deleted", Some(before), None)
}

fn endpoint(kind: &'static str, before: Option<&Endpoint>, after: Option<&Endpoint>) -> Change {
    let name = before.or(after).map(|endpoint| endpoint.route.name.to_string()).unwrap_or_default();
    line(kind, format!("endpoints/{name}"), before.map(endpoint_value), after.map(endpoint_value))
}

fn api(kind: &'static str, before: Option<&Api>, after: Option<&Api>) -> Change {
    let name = before.or(after).map(|api| api.name.to_string()).unwrap_or_default();
    line(kind, format!("apis/{name}"), before.map(api_value), after.map(api_value))
}

fn endpoint_value(endpoint: &Endpoint) -> Value {
    let route = &endpoint.route;
    let names = |methods: &[http::Method]| -> Vec<String> { methods.iter().map(ToString::to_string).collect() };
    json!({
        "description": endpoint.description.as_str(),
        "labels": endpoint.labels.as_map(),
        "upstream": route.upstream.to_string(),
        "access": match route.access {
            Access::TokenRequired => "TOKEN_REQUIRED",
            Access::Public => "PUBLIC",
        },
        "methods": names(&route.methods),
        "read_methods": names(&route.read_methods),
        "fixed_query": route.fixed_query,
        "timeout_nanos": u64::try_from(route.timeout.as_nanos()).unwrap_or(u64::MAX),
        "max_request_bytes": route.max_request_bytes,
        "enabled": route.enabled,
        "revision": endpoint.revision,
    })
}

fn api_value(api: &Api) -> Value {
    json!({
        "description": api.description.as_str(),
        "labels": api.labels.as_map(),
        "upstream": api.upstream.to_string(),
        "read_methods": api.read_methods.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "revision": api.revision,
    })
}

/// No decision rests on the registry: what a token may do is the token service's to say, whatever is registered.
fn line(kind: &'static str, subject: String, before: Option<Value>, after: Option<Value>) -> Change {
    Change { before, after, ..Change::new(kind, subject) }
}
