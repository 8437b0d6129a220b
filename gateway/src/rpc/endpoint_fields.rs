//! Reads what a caller wants an endpoint to be: all wrong fields in one error.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use passgate_kit::client::{Description, EndpointName, Labels};
use passgate_kit::fields::Fields;
use passgate_proto::gateway::v1 as pb;

use crate::dial::DialRules;
use crate::registry::rules::{parse_fixed_query, parse_methods, parse_timeout};
use crate::registry::{Access, DEFAULT_TIMEOUT, EndpointChange, UpstreamUrl};
use passgate_kit::field_mask::Mask;

/// What UpdateEndpoint can change.
pub const CHANGEABLE: &[&str] = &[
    "description",
    "labels",
    "upstream",
    "access",
    "methods",
    "read_methods",
    "fixed_query",
    "timeout",
    "max_request_bytes",
];

/// Reads the endpoint's name.
pub fn parse_name(fields: &mut Fields, path: &str, name: &str) -> Option<EndpointName> {
    fields.check(path, EndpointName::parse(name))
}

/// Reads those fields of `endpoint` that `mask` names. What is `None` in the answer stays as it is, or was wrong and is in
/// `fields`.
pub fn parse_change(fields: &mut Fields, endpoint: &pb::Endpoint, mask: &Mask, rules: &DialRules) -> EndpointChange {
    let mut change = EndpointChange::default();
    if mask.has("description") {
        change.description = fields.check("endpoint.description", Description::parse(&endpoint.description));
    }
    if mask.has("labels") {
        change.labels = fields.check("endpoint.labels", Labels::parse(&endpoint.labels));
    }
    if mask.has("upstream") {
        change.upstream = parse_upstream(fields, &endpoint.upstream, rules);
    }
    if mask.has("access") {
        change.access = fields.check("endpoint.access", read_access(endpoint.access));
    }
    if mask.has("methods") {
        change.methods = read_methods(fields, "endpoint.methods", &endpoint.methods);
    }
    if mask.has("read_methods") {
        change.read_methods = read_methods(fields, "endpoint.read_methods", &endpoint.read_methods);
    }
    if mask.has("fixed_query") {
        change.fixed_query = read_fixed_query(fields, endpoint);
    }
    if mask.has("timeout") {
        change.timeout = read_timeout(fields, endpoint);
    }
    if mask.has("max_request_bytes") {
        change.max_request_bytes = read_max_request_bytes(fields, endpoint.max_request_bytes);
    }
    change
}

fn parse_upstream(fields: &mut Fields, text: &str, rules: &DialRules) -> Option<UpstreamUrl> {
    let url = fields.check("endpoint.upstream", UpstreamUrl::parse(text))?;
    fields.check("endpoint.upstream", rules.check_url(&url)).map(|()| url)
}

fn read_access(access: i32) -> Result<Access, &'static str> {
    match pb::endpoint::Access::try_from(access) {
        Ok(pb::endpoint::Access::Unspecified | pb::endpoint::Access::TokenRequired) => Ok(Access::TokenRequired),
        Ok(pb::endpoint::Access::Public) => Ok(Access::Public),
        Err(_) => Err("must be ACCESS_TOKEN_REQUIRED or ACCESS_PUBLIC"),
    }
}

fn read_methods(fields: &mut Fields, path: &str, methods: &[String]) -> Option<Vec<Method>> {
    fields.check(path, parse_methods(methods))
}

fn read_fixed_query(fields: &mut Fields, endpoint: &pb::Endpoint) -> Option<BTreeMap<String, String>> {
    fields.check("endpoint.fixed_query", parse_fixed_query(endpoint.fixed_query.iter()))
}

fn read_timeout(fields: &mut Fields, endpoint: &pb::Endpoint) -> Option<Duration> {
    let Some(timeout) = endpoint.timeout else {
        return Some(DEFAULT_TIMEOUT);
    };
    fields.check("endpoint.timeout", parse_timeout(timeout.seconds, timeout.nanos))
}

fn read_max_request_bytes(fields: &mut Fields, bytes: u64) -> Option<Option<u64>> {
    let in_range = i64::try_from(bytes).map_err(|_| "must be at most 9223372036854775807");
    fields.check("endpoint.max_request_bytes", in_range).map(|_| (bytes > 0).then_some(bytes))
}
