//! One thing for people: its fields by the names of the contracts, so that a new field shows without code of its own.

use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, Value};

use super::json::described;
use super::record::Named;
use crate::admin::failure::Failure;

/// The fields that are set: names (nested ones behind a dot) and values.
///
/// # Errors
/// If this program's contracts do not know the message.
pub fn details<M: Named>(message: &M) -> Result<Vec<(String, String)>, Failure> {
    let mut pairs = Vec::new();
    walk(&described(message)?, "", &mut pairs);
    Ok(pairs)
}

fn walk(message: &DynamicMessage, path: &str, pairs: &mut Vec<(String, String)>) {
    for (field, value) in message.fields() {
        let name = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
        match value {
            Value::List(items) => list(&field, items, &name, pairs),
            Value::Map(entries) => {
                let mut entries: Vec<_> =
                    entries.iter().map(|(key, value)| (key_text(key), scalar(&field, value))).collect();
                entries.sort();
                let text: Vec<_> = entries.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
                pairs.push((name, text.join(", ")));
            }
            Value::Message(inner) => match in_one_word(inner) {
                Some(text) => pairs.push((name, text)),
                None => walk(inner, &name, pairs),
            },
            other => pairs.push((name, scalar(&field, other))),
        }
    }
}

/// A list of scalars is one line; of messages, the fields of each.
fn list(field: &FieldDescriptor, items: &[Value], name: &str, pairs: &mut Vec<(String, String)>) {
    if matches!(field.kind(), Kind::Message(_)) {
        for (at, item) in items.iter().enumerate() {
            if let Value::Message(inner) = item {
                walk(inner, &format!("{name}[{at}]"), pairs);
            }
        }
        return;
    }
    let text: Vec<_> = items.iter().map(|item| scalar(field, item)).collect();
    pairs.push((name.to_owned(), text.join(", ")));
}

/// Messages that JSON has a word for: times and durations.
fn in_one_word(message: &DynamicMessage) -> Option<String> {
    serde_json::to_value(message).ok()?.as_str().map(str::to_owned)
}

fn scalar(field: &FieldDescriptor, value: &Value) -> String {
    match value {
        Value::Bool(yes) => yes.to_string(),
        Value::I32(number) => number.to_string(),
        Value::I64(number) => number.to_string(),
        Value::U32(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::F32(number) => number.to_string(),
        Value::F64(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Bytes(bytes) => hexadecimal(bytes),
        Value::EnumNumber(number) => match field.kind() {
            Kind::Enum(kind) => enum_name(&kind, *number),
            _ => number.to_string(),
        },
        Value::Message(inner) => in_one_word(inner).unwrap_or_else(|| inner.to_string()),
        Value::List(_) | Value::Map(_) => String::new(), // neither nests in the other, in protobuf
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(yes) => yes.to_string(),
        MapKey::I32(number) => number.to_string(),
        MapKey::I64(number) => number.to_string(),
        MapKey::U32(number) => number.to_string(),
        MapKey::U64(number) => number.to_string(),
        MapKey::String(text) => text.clone(),
    }
}

/// The value's name without the prefix that all values of the enum share: `ACTIVE` of `STATE_ACTIVE`.
fn enum_name(kind: &EnumDescriptor, number: i32) -> String {
    let Some(value) = kind.get_value(number) else {
        return number.to_string();
    };
    let prefix =
        kind.get_value(0).map(|zero| zero.name().trim_end_matches("UNSPECIFIED").to_owned()).unwrap_or_default();
    value.name().strip_prefix(&prefix).unwrap_or(value.name()).to_owned()
}

#[cfg(test)]
mod tests {
    use passgate_proto::token::v1::Token;
    use passgate_proto::token::v1::token::{Secret, State};
    use passgate_proto::r#type::v1::PatternList;

    use super::*;

    #[test]
    fn every_set_field_is_told_by_its_name_in_the_contracts() {
        let token = Token {
            name: "laptop".to_owned(),
            state: State::Active.into(),
            scopes: Some(PatternList { patterns: vec!["a".to_owned(), "b:read".to_owned()] }),
            labels: [("team".to_owned(), "sales".to_owned()), ("env".to_owned(), "test".to_owned())].into(),
            create_time: Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 }),
            secrets: vec![Secret { jti: "x".to_owned(), ..Secret::default() }],
            ..Token::default()
        };

        let told = details(&token).expect("known");

        let told: Vec<(&str, &str)> = told.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            told,
            [
                ("name", "laptop"),
                ("labels", "env=test, team=sales"),
                ("scopes.patterns", "a, b:read"),
                ("state", "ACTIVE"),
                ("create_time", "2027-01-15T08:00:00Z"),
                ("secrets[0].jti", "x"),
            ]
        );
    }
}
