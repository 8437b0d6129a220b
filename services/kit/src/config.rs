//! Reading configuration: defaults, then a TOML file, then the environment, then flags.
//!
//! Structs deny unknown keys; a wrong one is told with where it came from and the nearest key that there is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Serialized};
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
        let table: toml::Table = toml::from_str(&text)
            .map_err(|source| ConfigError::Toml { file: path.to_owned(), source: Box::new(source) })?;
        let name = path.display().to_string();
        figment = figment.merge(Named { name, inner: Serialized::defaults(table) });
    }
    figment
        .merge(Env::prefixed(environment).split("__"))
        .merge(Named { name: "the command line".to_owned(), inner: Serialized::defaults(flags) })
        .extract()
        .map_err(|error| ConfigError::Keys(error.into_iter().map(|problem| told(&problem)).collect()))
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

fn told(problem: &figment::Error) -> String {
    let from = problem.metadata.as_ref().map(|source| format!(" (from {})", source.name)).unwrap_or_default();
    let path = problem.path.join(".");
    match &problem.kind {
        Kind::UnknownField(key, known) => {
            let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let nearest = known
                .iter()
                .max_by(|one, other| strsim::jaro_winkler(one, key).total_cmp(&strsim::jaro_winkler(other, key)));
            let hint = nearest.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            format!("{at}{from}: there is no such key{hint}")
        }
        Kind::MissingField(key) => {
            let at = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
            format!("{at}: must be given")
        }
        kind => format!("{path}{from}: {kind}"),
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
    #[error("the configuration file {} is not TOML: mend the line that the cause names", .file.display())]
    Toml {
        /// Which.
        file: PathBuf,
        /// What the parser said.
        source: Box<toml::de::Error>,
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
        humantime::parse_duration(&text).map(Self).map_err(|_| {
            serde::de::Error::custom(format!("{text:?} is no length of time, such as 200ms, 5s, 8h or 90d"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        listen: String,
        #[serde(default = "bound")]
        max_staleness: Span,
    }

    fn bound() -> Span {
        Span(Duration::from_secs(5))
    }

    fn read(text: &str, flags: impl Serialize) -> Result<Sample, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passgate.toml");
        std::fs::write(&file, text).unwrap();
        load(Some(&file), "PASSGATE_NOBODY_SETS_THIS_", flags)
    }

    #[derive(Serialize)]
    struct NoFlags {}

    #[test]
    fn flags_come_after_the_file_and_defaults_fill_the_rest() {
        let flags = std::collections::BTreeMap::from([("listen", "b")]);
        assert_eq!(read("listen = \"a\"", flags).unwrap(), Sample { listen: "b".to_owned(), max_staleness: bound() });
        let given = read("listen = \"a\"\nmax_staleness = \"250ms\"", NoFlags {}).unwrap();
        assert_eq!(given.max_staleness, Span(Duration::from_millis(250)));
    }

    #[test]
    fn an_unknown_key_is_told_with_its_source_and_the_nearest_key() {
        let error = read("listen = \"a\"\nmax_stalenes = \"1s\"", NoFlags {}).unwrap_err().to_string();
        assert!(error.contains("max_stalenes (from ") && error.contains("did you mean `max_staleness`?"), "{error}");
    }

    #[test]
    fn a_missing_key_and_a_wrong_value_say_what_is_wanted() {
        assert!(read("", NoFlags {}).unwrap_err().to_string().contains("listen: must be given"));
        let error = read("listen = \"a\"\nmax_staleness = \"soon\"", NoFlags {}).unwrap_err().to_string();
        assert!(error.contains("max_staleness") && error.contains("no length of time"), "{error}");
    }

    #[test]
    fn a_file_that_is_missing_or_no_toml_is_named() {
        let missing = load::<Sample>(Some(Path::new("/nowhere/passgate.toml")), "PASSGATE_X_", NoFlags {}).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/passgate.toml"));
        assert!(matches!(read("listen = ", NoFlags {}), Err(ConfigError::Toml { .. })));
    }
}
