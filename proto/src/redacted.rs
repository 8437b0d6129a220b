//! No message prints a secret: a walk over everything that the contracts declare.

use prost_reflect::prost::Message as _;
use prost_reflect::{Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::ALL_DESCRIPTOR_SET;

/// What `Debug` makes of a message's bytes.
type Print = fn(&[u8]) -> String;

/// Each message whose `Debug` is not the derived one, and what that makes of a message's bytes.
const REDACTED: &[(&str, Print)] = include!(concat!(env!("OUT_DIR"), "/redacted.rs"));

/// Words that a secret's name may have in it.
const SUSPECT: &[&str] = &["password", "secret", "token", "credential", "key", "bearer", "private", "authorization"];

/// Text fields that have such a word in their name and hold no secret.
const HARMLESS: &[&str] =
    &["committed_token_ids", "next_page_token", "page_token", "public_key", "token_id", "token_ids"];

/// What stands for the secret. It is in no name of ours.
const MARKER: &str = "Zq7Marker";
/// What stands for the rest.
const PLAIN: &str = "Plain9Text";

fn messages() -> Vec<MessageDescriptor> {
    let pool = DescriptorPool::decode(ALL_DESCRIPTOR_SET).expect("our own set");
    pool.all_messages()
        .filter(|message| message.full_name().starts_with("passgate.") && !message.is_map_entry())
        .collect()
}

fn is_suspect(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::String | Kind::Bytes)
        && SUSPECT.iter().any(|word| field.name().contains(word))
        && !HARMLESS.contains(&field.name())
}

fn filled(field: &FieldDescriptor, text: &str) -> Option<Value> {
    let one = match field.kind() {
        Kind::String => Value::String(text.to_owned()),
        Kind::Bytes => Value::Bytes(text.as_bytes().to_vec().into()),
        _ => return None,
    };
    Some(if field.cardinality() == Cardinality::Repeated { Value::List(vec![one]) } else { one })
}

#[test]
fn no_message_prints_a_secret_and_all_print_the_rest() {
    let mut seen = 0;
    for message in messages() {
        for field in message.fields().filter(is_suspect) {
            let (_, debug) = REDACTED.iter().find(|(name, _)| *name == message.full_name()).unwrap_or_else(|| {
                panic!("{} would print: build/redact.rs must cover it, or HARMLESS say why not", field.full_name())
            });
            let mut dynamic = DynamicMessage::new(message.clone());
            for other in message.fields().filter(|other| other.containing_oneof() != field.containing_oneof()) {
                if let (false, Some(value)) = (is_suspect(&other) || other.is_map(), filled(&other, PLAIN)) {
                    dynamic.set_field(&other, value);
                }
            }
            let has_rest = dynamic.encoded_len() > 0;
            dynamic.set_field(&field, filled(&field, MARKER).expect("text or bytes"));

            let printed = debug(&dynamic.encode_to_vec());

            assert!(!printed.contains(MARKER), "{} prints: {printed}", field.full_name());
            assert!(!printed.contains("90, 113, 55"), "{} prints its bytes: {printed}", field.full_name());
            assert!(printed.starts_with(message.name()), "{printed}");
            assert!(!has_rest || printed.contains(PLAIN), "{} hides too much: {printed}", field.full_name());
            seen += 1;
        }
    }
    assert!(seen >= 15, "only {seen} secrets were found: is the walk still whole?");
}

#[test]
fn what_is_harmless_exists() {
    let names: Vec<String> = messages()
        .iter()
        .flat_map(|message| message.fields().map(|field| field.name().to_owned()).collect::<Vec<_>>())
        .collect();

    for harmless in HARMLESS {
        assert!(names.iter().any(|name| name == harmless), "no field is called {harmless} any more");
    }
}
