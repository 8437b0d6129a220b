//! An event as a line.

use passgate_proto::r#type::v1::AuditEvent;
use serde_json::Value;

use super::Service;
use crate::admin::failure::Failure;
use crate::admin::screen::{Row, to_json};
use crate::admin::values::when;

/// An event, and whose audit told it.
pub struct Event {
    /// The service.
    pub service: Service,
    /// What it told.
    pub event: AuditEvent,
}

impl Event {
    /// When it happened, for comparing.
    #[must_use]
    pub fn time(&self) -> (i64, i32) {
        self.event.time.map_or((0, 0), |time| (time.seconds, time.nanos))
    }

    /// What an occurrence tells of itself, or which fields a change changed.
    fn what(&self) -> String {
        if let Some(told) = &self.event.occurrence {
            let times = if told.count > 1 { format!("{} ×{}", told.reason, told.count) } else { told.reason.clone() };
            return if told.last_resource.is_empty() { times } else { format!("{times} {}", told.last_resource) };
        }
        match (&self.event.before, &self.event.after) {
            (Some(before), Some(after)) => {
                let names =
                    before.fields.keys().chain(after.fields.keys().filter(|name| !before.fields.contains_key(*name)));
                let changed = names.filter(|name| before.fields.get(*name) != after.fields.get(*name));
                changed.map(String::as_str).collect::<Vec<_>>().join(", ")
            }
            (None, Some(_)) => "new".to_owned(),
            (Some(_), None) => "gone".to_owned(),
            (None, None) => String::new(),
        }
    }
}

impl Row for Event {
    const COLUMNS: &'static [&'static str] = &["TIME", "SERVICE", "NUMBER", "KIND", "SUBJECT", "ACTOR", "FROM", "WHAT"];

    fn cells(&self) -> Vec<String> {
        let AuditEvent { number, time, kind, subject, actor, .. } = &self.event;
        let actor = actor.clone().unwrap_or_default();
        let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let number = if *number == 0 { String::new() } else { number.to_string() };
        vec![
            when(time.as_ref()),
            self.service.name().to_owned(),
            or_dash(number),
            kind.clone(),
            subject.clone(),
            actor.principal,
            or_dash(actor.peer),
            or_dash(self.what()),
        ]
    }

    fn json(&self) -> Result<Value, Failure> {
        let mut json = to_json(&self.event)?;
        if let Some(members) = json.as_object_mut() {
            members.insert("service".to_owned(), self.service.name().into());
        }
        Ok(json)
    }
}

#[cfg(test)]
mod tests {
    use passgate_proto::r#type::v1::{AuditActor, AuditOccurrence};
    use prost_types::value::Kind;
    use prost_types::{Struct, Timestamp};

    use super::*;
    use crate::admin::screen::{Listing, Output, testing};

    fn facts(members: &[(&str, &str)]) -> Option<Struct> {
        let value = |text: &str| prost_types::Value { kind: Some(Kind::StringValue(text.to_owned())) };
        Some(Struct { fields: members.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect() })
    }

    fn change() -> Event {
        let event = AuditEvent {
            number: 7,
            time: Some(Timestamp { seconds: 1_800_000_000, nanos: 5 }),
            kind: "token.updated".to_owned(),
            subject: "tokens/1".to_owned(),
            actor: Some(AuditActor { principal: "users/1".to_owned(), ..AuditActor::default() }),
            before: facts(&[("name", "a"), ("owner", "users/1")]),
            after: facts(&[("name", "\u{1b}[2Jb"), ("owner", "users/1"), ("state", "x")]),
            ..AuditEvent::default()
        };
        Event { service: Service::Token, event }
    }

    #[test]
    fn a_change_tells_which_fields_it_changed_and_an_occurrence_how_often_and_why() {
        assert_eq!(change().what(), "name, state");
        let told = AuditOccurrence {
            count: 12,
            reason: "NO_GRANT".to_owned(),
            last_resource: "endpoints/sales".to_owned(),
            ..AuditOccurrence::default()
        };
        let event = AuditEvent { occurrence: Some(told), ..AuditEvent::default() };
        assert_eq!(Event { service: Service::Token, event }.what(), "NO_GRANT ×12 endpoints/sales");
    }

    #[test]
    fn nothing_that_an_event_holds_reaches_the_terminal_as_a_control_character() {
        for output in [Output::Table, Output::Json] {
            let (mut screen, out, _) = testing::screen(None);
            let mut event = change();
            event.event.subject = "tokens/\u{1b}[2J\u{202e}".to_owned();

            Listing::new(&mut screen, output).whole(&[event]).expect("written");

            let text = out.text();
            assert!(text.contains("token.updated"), "{text}");
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        }
    }
}
