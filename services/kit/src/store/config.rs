//! Where a service's database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use serde::Deserialize;
use sqlx::postgres::PgConnectOptions;

/// Where a service's database is, as configuration says it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite:PATH`, or `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE`.
    pub url: String,
    /// The PostgreSQL schema to keep to, made if it is missing. Left out: the user's default one.
    #[serde(default)]
    pub schema: Option<String>,
    /// The most connections to PostgreSQL at once.
    #[serde(default = "DatabaseConfig::default_connections")]
    pub max_connections: u32,
    /// Say `true` where a standby can take over from this PostgreSQL server: what is known of the feed is then confirmed
    /// by a small write, since a server that was replaced still answers reads.
    #[serde(default)]
    pub standby: bool,
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("DatabaseConfig").field("url", &"..").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl DatabaseConfig {
    const fn default_connections() -> u32 {
        16
    }

    /// A SQLite file.
    #[must_use]
    pub fn sqlite(path: &Path) -> Self {
        Self {
            url: format!("sqlite:{}", path.display()),
            schema: None,
            max_connections: Self::default_connections(),
            standby: false,
        }
    }

    /// A PostgreSQL database, and perhaps a schema in it.
    pub fn postgres(url: impl Into<String>, schema: Option<String>) -> Self {
        Self { url: url.into(), schema, max_connections: Self::default_connections(), standby: false }
    }

    /// What the URL means.
    ///
    /// # Errors
    /// Says what is wrong with it, without repeating it: it may hold a password.
    pub fn place(&self) -> Result<Place, PlaceError> {
        if let Some(path) = self.url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains([':', '?']) {
                return Err(PlaceError::SqlitePath);
            }
            return if self.schema.is_some() { Err(PlaceError::SqliteSchema) } else { Ok(Place::Sqlite(path.into())) };
        }
        let rest = self.url.strip_prefix("postgres://").or_else(|| self.url.strip_prefix("postgresql://"));
        let url = rest.map(|rest| format!("postgres://{rest}")).ok_or(PlaceError::Scheme)?;
        if PgConnectOptions::from_str(&url).is_err() {
            return Err(PlaceError::Url); // the drivers' own words would repeat it
        }
        let schema = match &self.schema {
            Some(schema) if !is_identifier(schema) => return Err(PlaceError::Schema),
            schema => schema.clone(),
        };
        Ok(Place::Postgres { url, schema })
    }
}

/// Lower-case identifiers need no quotes and hide no SQL.
fn is_identifier(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    first
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A database's place, read from its configuration.
#[derive(Clone)]
pub enum Place {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A database of PostgreSQL, or of one that speaks its protocol.
    Postgres {
        /// The URL, perhaps with a password: never shown.
        url: String,
        /// The schema, if not the default.
        schema: Option<String>,
    },
}

/// What can be wrong with a database's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Neither of the two kinds.
    #[error("must begin with `sqlite:` (then a path) or `postgres://`")]
    Scheme,
    /// Not a URL of PostgreSQL.
    #[error("must be like `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `%` escapes for what a URL cannot hold")]
    Url,
    /// No usable path.
    #[error("after `sqlite:` there must be the path of a file, without `?` or `:`")]
    SqlitePath,
    /// SQLite has no schemas.
    #[error("a schema goes with PostgreSQL only; leave it out, or name a `postgres://` database")]
    SqliteSchema,
    /// Not an identifier.
    #[error("the schema must be lower-case letters, digits and `_`, at most 63, and not begin with a digit")]
    Schema,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file_or_a_server() {
        assert!(
            matches!(DatabaseConfig::sqlite(Path::new("/tmp/x.db")).place(), Ok(Place::Sqlite(path)) if path == Path::new("/tmp/x.db"))
        );
        assert!(matches!(DatabaseConfig::postgres("postgres://a@b/c", None).place(), Ok(Place::Postgres { .. })));
        assert_eq!(DatabaseConfig::postgres("mysql://a@b/c", None).place().err(), Some(PlaceError::Scheme));
        assert_eq!(DatabaseConfig::postgres("sqlite:", None).place().err(), Some(PlaceError::SqlitePath));
        for wrong in ["postgres://a:b@:x:/c", "postgres://a@b:port/c", "postgres://a b"] {
            assert_eq!(DatabaseConfig::postgres(wrong, None).place().err(), Some(PlaceError::Url), "{wrong}");
        }
        let quoted = DatabaseConfig::postgres("postgres://a@b/c", Some("x\"; drop".to_owned()));
        assert_eq!(quoted.place().err(), Some(PlaceError::Schema));
    }
}
