//! Reads what a caller wants an API to be: all wrong fields in one error.

use std::collections::BTreeSet;

use passgate_kit::client::{Description, Labels, MethodName, ServiceName};
use passgate_kit::fields::Fields;
use passgate_proto::gateway::v1 as pb;

use crate::dial::DialRules;
use crate::registry::{ApiChange, UpstreamUrl};
use passgate_kit::field_mask::Mask;

/// What UpdateApi can change.
pub const CHANGEABLE: &[&str] = &["description", "labels", "upstream", "read_methods"];

/// Most methods that can be named.
const MAX_READ_METHODS: usize = 1000;

/// Reads the API's name.
pub fn parse_name(fields: &mut Fields, path: &str, name: &str) -> Option<ServiceName> {
    fields.check(path, ServiceName::parse(name))
}

/// Reads those fields of `api` that `mask` names. What is `None` in the answer stays as it is, or was wrong and is in
/// `fields`.
pub fn parse_change(fields: &mut Fields, api: &pb::Api, mask: &Mask, rules: &DialRules) -> ApiChange {
    let mut change = ApiChange::default();
    if mask.has("description") {
        change.description = fields.check("api.description", Description::parse(&api.description));
    }
    if mask.has("labels") {
        change.labels = fields.check("api.labels", Labels::parse(&api.labels));
    }
    if mask.has("upstream") {
        change.upstream = parse_upstream(fields, &api.upstream, rules);
    }
    if mask.has("read_methods") {
        change.read_methods = parse_read_methods(fields, &api.read_methods);
    }
    change
}

fn parse_upstream(fields: &mut Fields, text: &str, rules: &DialRules) -> Option<UpstreamUrl> {
    let url = fields.check("api.upstream", UpstreamUrl::parse_origin(text))?;
    fields.check("api.upstream", rules.check_url(&url)).map(|()| url)
}

fn parse_read_methods(fields: &mut Fields, names: &[String]) -> Option<BTreeSet<MethodName>> {
    if names.len() > MAX_READ_METHODS {
        fields.add("api.read_methods", format!("must have at most {MAX_READ_METHODS} methods"));
        return None;
    }
    let mut methods = BTreeSet::new();
    let mut good = true;
    for (index, name) in names.iter().enumerate() {
        match fields.check(format!("api.read_methods[{index}]"), MethodName::parse(name)) {
            Some(method) => drop(methods.insert(method)),
            None => good = false,
        }
    }
    good.then_some(methods)
}
