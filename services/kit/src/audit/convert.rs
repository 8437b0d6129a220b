//! Rows as events.
//!
//! Lenient where a reader of the feed is strict: whoever edits a row must not blind the audit by it. What cannot be read
//! is told as `{"unreadable": true}`; that the row was edited is [`verify`](super::Audit::verify)'s to say.

use passgate_client::convert::timestamp;
use passgate_proto::r#type::v1::{AuditActor, AuditEvent, AuditOccurrence};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Timestamp, Value};
use time::OffsetDateTime;

use super::occurrence::table;
use crate::feed::row;

/// A change.
pub(super) fn change(row: row::Model) -> AuditEvent {
    AuditEvent {
        number: row.number.unsigned_abs(),
        time: Some(time(row.time_us)),
        kind: row.kind,
        subject: row.subject,
        actor: Some(AuditActor {
            principal: row.actor,
            token_id: row.actor_token.unwrap_or_default(),
            peer: row.peer.unwrap_or_default(),
            via: row.via,
        }),
        before: row.before.as_deref().map(facts),
        after: row.after.as_deref().map(facts),
        cause: row.cause.as_deref().and_then(|cause| row::cause_from_json(cause).ok()).map(Into::into),
        hash: row.hash,
        occurrence: None,
    }
}

/// An occurrence.
pub(super) fn occurrence(row: table::Model) -> AuditEvent {
    AuditEvent {
        time: Some(time(row.time_us)),
        kind: row.kind,
        subject: row.subject,
        actor: Some(AuditActor {
            principal: row.actor,
            token_id: row.actor_token.unwrap_or_default(),
            peer: row.peer.unwrap_or_default(),
            via: row.via,
        }),
        occurrence: Some(AuditOccurrence {
            count: row.count.unsigned_abs(),
            first_time: Some(time(row.time_us)),
            last_time: Some(time(row.last_us)),
            reason: row.reason,
            last_resource: row.resource.unwrap_or_default(),
        }),
        ..AuditEvent::default()
    }
}

/// Microseconds since 1970; what is no time is its beginning.
fn time(micros: i64) -> Timestamp {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000);
    timestamp(time.unwrap_or(OffsetDateTime::UNIX_EPOCH))
}

fn facts(json: &str) -> Struct {
    match serde_json::from_str(json) {
        Ok(serde_json::Value::Object(members)) => object(members),
        Ok(other) => one("value", value(other)),
        Err(_) => one("unreadable", Value { kind: Some(Kind::BoolValue(true)) }),
    }
}

fn one(name: &str, value: Value) -> Struct {
    Struct { fields: [(name.to_owned(), value)].into() }
}

fn object(members: serde_json::Map<String, serde_json::Value>) -> Struct {
    Struct { fields: members.into_iter().map(|(name, member)| (name, value(member))).collect() }
}

fn value(json: serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(bool) => Kind::BoolValue(bool),
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Kind::StringValue(text),
        serde_json::Value::Array(values) => {
            Kind::ListValue(ListValue { values: values.into_iter().map(value).collect() })
        }
        serde_json::Value::Object(members) => Kind::StructValue(object(members)),
    };
    Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_keep_their_shape_and_what_cannot_be_read_is_told() {
        let kept = facts(r#"{"name": "ä", "scopes": ["a", null], "owner": {"live": true}, "revision": 7}"#);
        let text = Value { kind: Some(Kind::StringValue("ä".to_owned())) };

        assert_eq!(kept.fields["name"], text);
        assert!(matches!(&kept.fields["scopes"].kind, Some(Kind::ListValue(list)) if list.values.len() == 2));
        assert!(matches!(&kept.fields["owner"].kind, Some(Kind::StructValue(owner)) if owner.fields.len() == 1));
        assert_eq!(kept.fields["revision"].kind, Some(Kind::NumberValue(7.0)));
        assert!(facts("{").fields.contains_key("unreadable"));
        assert!(facts("[]").fields.contains_key("value"));
    }
}
