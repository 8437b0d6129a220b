//! Fields of messages, read: what is wrong is noted under the field's path.

use std::collections::BTreeMap;
use std::time::Duration;

use passgate_kit::client::convert::action;
use passgate_kit::client::{Action, Labels, MAX_PATTERNS, Pattern, Patterns, Principal, Resource, TokenId};
use passgate_kit::fields::Fields;
use passgate_proto::r#type::v1::PatternList;
use prost_types::Timestamp;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::token::parse_scopes;

/// The id of a token, or of one of its secrets.
pub fn id(fields: &mut Fields, path: &str, text: &str) -> Option<Uuid> {
    fields.check(path, TokenId::parse(text)).map(TokenId::as_uuid)
}

/// `users/{id}` or `api-users/{id}`.
pub fn principal(fields: &mut Fields, path: &str, text: &str) -> Option<Principal> {
    fields.check(path, Principal::parse(text))
}

/// A list of scopes that may be left out. The outer `None` is a wrong one.
pub fn scopes(fields: &mut Fields, path: &str, list: Option<&PatternList>) -> Option<Option<Patterns>> {
    let Some(list) = list else { return Some(None) };
    match parse_scopes(&list.patterns) {
        Ok(scopes) => Some(Some(scopes)),
        Err(errors) => {
            for (at, rule) in errors {
                let path = at.map_or_else(|| path.to_owned(), |at| format!("{path}.patterns[{at}]"));
                fields.add(path, rule.to_string());
            }
            None
        }
    }
}

/// Labels.
pub fn labels(fields: &mut Fields, path: &str, pairs: &BTreeMap<String, String>) -> Option<Labels> {
    fields.check(path, Labels::parse(pairs))
}

/// A point in time.
pub fn time(fields: &mut Fields, path: &str, time: &Timestamp) -> Option<OffsetDateTime> {
    let nanos = u32::try_from(time.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let seconds = OffsetDateTime::from_unix_timestamp(time.seconds).ok();
    let read = seconds.zip(nanos).and_then(|(seconds, nanos)| seconds.replace_nanosecond(nanos).ok());
    fields.check(path, read.ok_or("must be a time from the year 1 to 9999, with 0 to 999,999,999 nanoseconds"))
}

/// A length of time.
pub fn duration(fields: &mut Fields, path: &str, duration: &prost_types::Duration) -> Option<Duration> {
    let well_formed = duration.seconds >= 0 && (0..1_000_000_000).contains(&duration.nanos);
    let read = Duration::try_from(*duration).ok().filter(|length| well_formed && !length.is_zero());
    fields.check(path, read.ok_or("must be longer than 0, with 0 to 999,999,999 nanoseconds"))
}

/// A resource and an action.
pub fn question(fields: &mut Fields, prefix: &str, resource: &str, act: i32) -> Option<(Resource, Action)> {
    let resource = fields.check(format!("{prefix}resource"), Resource::parse(resource));
    let act = fields.check(format!("{prefix}action"), action(act).ok_or("must be ACTION_READ or ACTION_WRITE"));
    resource.zip(act)
}

/// A resource, or all methods of a service, with an action.
pub fn callable(fields: &mut Fields, resource: &str, act: i32) -> Option<Pattern> {
    let is_service = resource.starts_with("apis/") && resource.ends_with("/*");
    let wanted = match is_service {
        true => fields.check("resource", Pattern::parse(resource)),
        false => fields.check("resource", Resource::parse(resource)).map(|resource| Pattern::exactly(&resource)),
    };
    let act = fields.check("action", action(act).ok_or("must be ACTION_READ or ACTION_WRITE"));
    Some(wanted?.limited_to(act?))
}

/// A list of patterns that must be there.
pub fn patterns(fields: &mut Fields, path: &str, texts: &[String]) -> Option<Patterns> {
    if texts.is_empty() || texts.len() > MAX_PATTERNS {
        fields.add(path, format!("must be 1 to {MAX_PATTERNS} patterns"));
        return None;
    }
    match Patterns::parse_list(texts) {
        Ok(patterns) => Some(patterns),
        Err(errors) => {
            for (at, rule) in errors {
                fields.add(format!("{path}[{at}]"), rule.to_string());
            }
            None
        }
    }
}
