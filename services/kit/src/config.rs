//! Reading configuration: defaults, then a TOML file, then the environment, then flags.
//!
//! Structs deny unknown keys; a wrong one is told with where it came from and the nearest key that there is. All problems are
//! told at once: what is wrong is taken out and the rest read again, until nothing is wrong any more.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::error::{Actual, Kind};
use figment::providers::{Env, Serialized};
use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reads a configuration.
///
/// `environment` is the prefix of its variables, such as `PASSGATE_IDENTITY_`; `__` stands for the dot between keys. What
/// `flags` holds comes last.
///
/// # Errors
/// Every problem that was found.
pub fn load<T: DeserializeOwned>(
    file: Option<&Path>,
    environment: &str,
    flags: impl Serialize,
) -> Result<T, ConfigError> {
    let mut figment = Figment::new();
    if let Some(path) = file {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::File { file: path.to_owned(), source })?;
        let table: toml::Table = toml::from_str(&text).map_err(|error| not_toml(path, &text, &error))?;
        let name = path.display().to_string();
        figment = figment.merge(Named { name, inner: Serialized::defaults(table) });
    }
    let figment = figment
        .merge(Env::prefixed(environment).split("__"))
        .merge(Named { name: "the command line".to_owned(), inner: Serialized::defaults(flags) });
    read_all(&figment).map_err(ConfigError::Keys)
}

/// More problems than this are not looked for.
const MAX_PROBLEMS: usize = 64;

fn read_all<T: DeserializeOwned>(figment: &Figment) -> Result<T, Vec<String>> {
    let mut values: Dict =
        figment.extract().map_err(|_| vec!["it must be a table of keys and their values".to_owned()])?;
    let mut problems = Vec::new();
    let mut taken_out = BTreeSet::new();
    while problems.len() < MAX_PROBLEMS {
        let whole = Value::from(values.clone());
        let error = match whole.deserialize::<T>() {
            Ok(config) if problems.is_empty() => return Ok(config),
            Ok(_) => break,
            Err(error) => error,
        };
        let place = Place::of(&error);
        if !taken_out.contains(&place.0) {
            problems.push(told(figment, &error, &place, &whole));
        }
        match take_out(&mut values, &place.0) {
            Some(path) => taken_out.insert(path),
            None => break, // a key of the root is missing: nothing can stand in for it
        };
    }
    Err(problems)
}

/// Where a problem is: the names of the tables, and the key in the last one.
struct Place(Vec<String>);

impl Place {
    fn of(error: &figment::Error) -> Self {
        let mut path = error.path.clone();
        let key = match &error.kind {
            Kind::UnknownField(key, _) => Some(key.as_str()),
            Kind::MissingField(key) => Some(key.as_ref()),
            _ => None,
        };
        if let Some(key) = key.filter(|key| path.last().is_none_or(|last| last != key)) {
            path.push(key.to_owned());
        }
        Self(path)
    }
}

/// Takes the value at `path` out, or the innermost table or list on the way to it. Gives the path of what was taken out.
fn take_out(values: &mut Dict, path: &[String]) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    if let (Some(Value::Dict(_, inner)), false) = (values.get_mut(first), rest.is_empty())
        && let Some(mut taken) = take_out(inner, rest)
    {
        taken.insert(0, first.clone());
        return Some(taken);
    }
    values.remove(first).map(|_| vec![first.clone()])
}

/// A provider that says in errors where its values came from.
struct Named<P> {
    name: String,
    inner: P,
}

impl<P: figment::Provider> figment::Provider for Named<P> {
    fn metadata(&self) -> figment::Metadata {
        figment::Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<figment::value::Map<figment::Profile, figment::value::Dict>, figment::Error> {
        self.inner.data()
    }
}

fn told(figment: &Figment, problem: &figment::Error, place: &Place, values: &Value) -> String {
    let at = place.0.join(".");
    let source = (1..=place.0.len()).rev().find_map(|depth| figment.find_metadata(&place.0.get(..depth)?.join(".")));
    let from = source.map(|source| format!(" (from {})", source.name)).unwrap_or_default();
    match &problem.kind {
        Kind::UnknownField(key, known) => {
            let nearest = known
                .iter()
                .max_by(|one, other| strsim::jaro_winkler(one, key).total_cmp(&strsim::jaro_winkler(other, key)));
            let hint = nearest.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            format!("{at}{from}: there is no such key{hint}")
        }
        Kind::MissingField(_) => format!("{at}: must be given"),
        // What was given is not repeated, here and below: it may be a secret in the wrong place.
        Kind::InvalidType(given, wanted) | Kind::InvalidValue(given, wanted) => {
            format!("{at}{from}: must be {wanted}, not {}", nature(given))
        }
        Kind::InvalidLength(given, wanted) => format!("{at}{from}: must be {wanted}, not {given} of them"),
        Kind::UnknownVariant(_, known) => format!("{at}{from}: must be one of {}", known.join(", ")),
        Kind::DuplicateField(_) => format!("{at}{from}: is given twice"),
        Kind::Message(rule) if !repeats(rule, values) => format!("{at}{from}: {rule}"),
        _ => format!("{at}{from}: is not what this key takes"),
    }
}

/// Whether `text` repeats something that was given: a run of [`TELLING`] bytes of it, since a message may hold a part only,
/// and may escape the rest.
fn repeats(text: &str, given: &Value) -> bool {
    match given {
        Value::String(_, given) => text_repeats(text, given),
        Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => false,
        Value::Dict(_, inner) => inner.values().any(|value| repeats(text, value)),
        Value::Array(_, inner) => inner.iter().any(|value| repeats(text, value)),
    }
}

/// So many bytes in a row are no coincidence; what is shorter guards nothing.
const TELLING: usize = 6;

fn text_repeats(text: &str, given: &str) -> bool {
    given.as_bytes().windows(TELLING).any(|run| text.as_bytes().windows(TELLING).any(|part| part == run))
}

/// The parser's own words would repeat the line.
fn not_toml(file: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let rule = error.message().lines().next().filter(|rule| !text_repeats(rule, text));
    ConfigError::Toml { file: file.to_owned(), line, rule: rule.unwrap_or("it cannot be read").to_owned() }
}

fn nature(given: &Actual) -> &'static str {
    match given {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "this number",
        Actual::Char(_) | Actual::Str(_) | Actual::Bytes(_) => "this text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "what is there",
    }
}

/// Why a configuration is not used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("the configuration file {} is not TOML: mend line {line}: {rule}", .file.display())]
    Toml {
        /// Which.
        file: PathBuf,
        /// Which line, from 1 on.
        line: usize,
        /// What is wrong there.
        rule: String,
    },
    /// Keys or values are wrong.
    #[error("the configuration is wrong:\n  {}", .0.join("\n  "))]
    Keys(Vec<String>),
}

/// A length of time as configuration writes it: `200ms`, `5s`, `8h`, `90d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(out)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        humantime::parse_duration(&text)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("must be a length of time, such as 200ms, 5s, 8h or 90d"))
    }
}

#[cfg(test)]
mod tests;
