//! Values that several verbs take: labels, times, actions, states.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use passgate_proto::r#type::v1 as proto;
use prost_types::Timestamp;

/// `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair(pub String, pub String);

impl FromStr for Pair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or("must have the form KEY=VALUE")?;
        Ok(Self(key.to_owned(), value.to_owned()))
    }
}

/// A list of pairs as the contracts have it; of two with one key the later counts.
#[must_use]
pub fn map(pairs: &[Pair]) -> BTreeMap<String, String> {
    pairs.iter().map(|Pair(key, value)| (key.clone(), value.clone())).collect()
}

/// Which things of a list, and in which order: as the RPC takes them (AIP-160, AIP-132).
#[derive(Args, Clone, Debug)]
pub struct Sieve {
    /// Only what this fits, such as `state = ENABLED AND labels.team = sales`.
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// In this order, such as `create_time desc`.
    #[arg(long, value_name = "FIELD")]
    pub order_by: Option<String>,
}

/// The description and labels of a new thing.
#[derive(Args, Clone, Debug)]
pub struct NewNotes {
    /// For people to read.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A label. Say it again for more.
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<Pair>,
}

impl NewNotes {
    /// As the contracts have them.
    #[must_use]
    pub fn parts(self) -> (String, BTreeMap<String, String>) {
        (self.description.unwrap_or_default(), map(&self.labels))
    }
}

/// Changes of a description and labels.
#[derive(Args, Clone, Debug)]
pub struct Notes {
    /// Its description from now on; "" takes it away.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// A label to put on it, or to change. Say it again for more.
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<Pair>,
    /// A label to take off. Say it again for more.
    #[arg(long = "remove-label", value_name = "KEY")]
    pub remove_labels: Vec<String>,
}

impl Notes {
    /// Applies them to what was read, and names what changes.
    pub fn apply(&self, description: &mut String, labels: &mut BTreeMap<String, String>, mask: &mut Vec<String>) {
        if let Some(text) = &self.description {
            description.clone_from(text);
            mask.push("description".to_owned());
        }
        if !self.labels.is_empty() || !self.remove_labels.is_empty() {
            labels.extend(map(&self.labels));
            labels.retain(|key, _| !self.remove_labels.contains(key));
            mask.push("labels".to_owned());
        }
    }
}

/// A field mask of these paths.
///
/// # Errors
/// If nothing is to be changed.
pub fn mask(paths: Vec<String>) -> Result<Option<prost_types::FieldMask>, super::failure::Failure> {
    if paths.is_empty() {
        return Err(super::failure::Failure::Usage("say what to change: --help lists what can be".to_owned()));
    }
    Ok(Some(prost_types::FieldMask { paths }))
}

/// Reads a length of time, such as `30d` or `12h`.
///
/// # Errors
/// Says what such a text looks like.
pub fn duration(text: &str) -> Result<prost_types::Duration, String> {
    let length: Duration =
        humantime::parse_duration(text).map_err(|error| format!("{error}: write 30d, 12h or 45s"))?;
    prost_types::Duration::try_from(length).map_err(|_| "that is too long".to_owned())
}

/// Reads a time of RFC 3339, such as `2027-01-31T12:00:00Z`.
///
/// # Errors
/// Says what such a text looks like.
pub fn timestamp(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "write a time such as 2027-01-31T12:00:00Z".to_owned())
}

/// A time in a list, to the second; `-` if there is none.
#[must_use]
pub fn when(time: Option<&Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| Timestamp { nanos: 0, ..*time }.to_string())
}

/// Whether something is only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Action {
    /// Reads only: GET, HEAD, OPTIONS; methods without side effects.
    Read,
    /// Everything else.
    Write,
}

impl From<Action> for proto::Action {
    fn from(action: Action) -> Self {
        match action {
            Action::Read => Self::Read,
            Action::Write => Self::Write,
        }
    }
}

/// A principal's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// May act.
    Enabled,
    /// May not.
    Disabled,
}

impl From<State> for proto::PrincipalState {
    fn from(state: State) -> Self {
        match state {
            State::Enabled => Self::Enabled,
            State::Disabled => Self::Disabled,
        }
    }
}

/// The word for a principal's state.
#[must_use]
pub fn state_word(state: i32) -> String {
    let name = proto::PrincipalState::try_from(state).map(|state| state.as_str_name()).unwrap_or_default();
    name.trim_start_matches("PRINCIPAL_STATE_").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_added_changed_and_taken_off_and_only_what_changes_is_named() {
        let notes = Notes {
            description: None,
            labels: vec![Pair("team".to_owned(), "sales".to_owned())],
            remove_labels: vec!["old".to_owned()],
        };
        let mut labels = map(&[Pair("old".to_owned(), "1".to_owned()), Pair("kept".to_owned(), "2".to_owned())]);
        let (mut description, mut mask) = ("as it was".to_owned(), Vec::new());

        notes.apply(&mut description, &mut labels, &mut mask);

        assert_eq!(
            labels.into_iter().collect::<Vec<_>>(),
            [("kept".into(), "2".into()), ("team".into(), "sales".into())]
        );
        assert_eq!((description.as_str(), mask), ("as it was", vec!["labels".to_owned()]));
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(duration("30d").map(|length| length.seconds), Ok(30 * 86_400));
        assert!(duration("soon").is_err() && duration("-1h").is_err());
        assert_eq!(timestamp("2027-01-15T08:00:00Z").map(|time| time.seconds), Ok(1_800_000_000));
        assert!(timestamp("tomorrow").is_err());
        assert_eq!(when(Some(&Timestamp { seconds: 1_800_000_000, nanos: 5 })), "2027-01-15T08:00:00Z");
        assert_eq!(when(None), "-");
    }

    #[test]
    fn a_pair_has_an_equals_sign_and_a_value_may_hold_more() {
        assert_eq!("a=b=c".parse(), Ok(Pair("a".to_owned(), "b=c".to_owned())));
        assert!("a".parse::<Pair>().is_err());
    }
}
