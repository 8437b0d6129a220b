//! The query of a forwarded request: the caller's own, without the parameters that the endpoint fixes.
//!
//! A caller's parameter is dropped if *any* upstream could read its name as a fixed one: names are compared decoded, without
//! case, without the brackets that make arrays of them. What stays is written anew, so that a `;` in it separates nothing.
//! Bodies are not policed: a form's parameters go through as they are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The query to send: `caller`'s as it came if nothing is fixed. `None` if there is none.
pub(super) fn with_fixed(caller: Option<&str>, fixed: &BTreeMap<String, String>) -> Option<String> {
    if fixed.is_empty() {
        return caller.map(str::to_owned);
    }
    let taken: Vec<Vec<u8>> = fixed.keys().map(|name| folded(name.as_bytes())).collect();
    let mut query = String::new();
    for pair in caller.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)));
        let name = decoded(name);
        if !taken.contains(&folded(&name)) {
            push(&mut query, &name, value.map(decoded).as_deref());
        }
    }
    for (name, value) in fixed {
        push(&mut query, name.as_bytes(), Some(value.as_bytes()));
    }
    Some(query)
}

/// What a lenient upstream may read a name as: up to a NUL or bracket, trimmed, in lower case, with `_` for `.` and space.
fn folded(name: &[u8]) -> Vec<u8> {
    let end = name.iter().position(|byte| matches!(byte, 0 | b'[')).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default().trim_ascii();
    name.iter().map(|byte| if matches!(byte, b'.' | b' ') { b'_' } else { byte.to_ascii_lowercase() }).collect()
}

fn push(query: &mut String, name: &[u8], value: Option<&[u8]>) {
    if !query.is_empty() {
        query.push('&');
    }
    encode(query, name);
    if let Some(value) = value {
        query.push('=');
        encode(query, value);
    }
}

fn encode(query: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            query.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(query, "%{byte:02X}");
        }
    }
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = (*first == b'%').then(|| hex_pair(tail)).flatten();
        bytes.push(escape.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if escape.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    bytes
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn company() -> BTreeMap<String, String> {
        BTreeMap::from([("company".to_owned(), "ours & co".to_owned())])
    }

    #[test]
    fn without_fixed_parameters_the_query_is_untouched() {
        assert_eq!(with_fixed(Some("a=%2f;b&&c"), &BTreeMap::new()).as_deref(), Some("a=%2f;b&&c"));
        assert_eq!(with_fixed(None, &BTreeMap::new()), None);
    }

    #[test]
    fn a_fixed_parameter_repeated_encoded_bracketed_behind_a_semicolon_or_in_another_case_is_dropped() {
        for (caller, sent) in [
            ("", "company=ours%20%26%20co"),
            ("company=evil", "company=ours%20%26%20co"),
            ("company=evil&x=1&company=worse", "x=1&company=ours%20%26%20co"),
            ("%63ompany=evil", "company=ours%20%26%20co"),
            ("company[]=evil&company[0]=evil&company%5B%5D=evil", "company=ours%20%26%20co"),
            ("COMPANY=evil&Company=evil", "company=ours%20%26%20co"),
            ("+company=evil&company%00=evil", "company=ours%20%26%20co"),
            ("company", "company=ours%20%26%20co"),
            ("x=1;company=evil", "x=1%3Bcompany%3Devil&company=ours%20%26%20co"),
            ("a=b+c&flag&q=%2F", "a=b%20c&flag&q=%2F&company=ours%20%26%20co"),
        ] {
            assert_eq!(with_fixed(Some(caller), &company()).as_deref(), Some(sent), "{caller}");
        }
    }

    proptest! {
        #[test]
        fn whoever_reads_the_query_finds_the_fixed_value_only(caller in "([a-cA-C&=;%\\[\\]+.]|company|%63ompany|=evil){0,12}") {
            let sent = with_fixed(Some(&caller), &company()).expect("a query");
            let values = sent.split(['&', ';']).filter_map(|pair| pair.split_once('=')).filter(|(name, _)| folded(&decoded(name)) == b"company");
            prop_assert_eq!(values.map(|(_, value)| value).collect::<Vec<_>>(), vec!["ours%20%26%20co"]);
        }
    }
}
