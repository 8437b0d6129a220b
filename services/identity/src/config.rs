//! The identity service's part of the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use passgate_kit::config::Span;
use passgate_kit::store::DatabaseConfig;
use serde::Deserialize;

pub use crate::password::HasherConfig;

/// How the identity service is run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where it listens. Port 0: one that the system chooses.
    pub listen: SocketAddr,
    /// Where the token service listens: `http://host:port`.
    pub token_url: String,
    /// The identity service's own database.
    pub database: DatabaseConfig,
    /// The file with the credential by which the token service knows this service.
    pub credential_file: PathBuf,
    /// The file of service credentials that are accepted here.
    pub accepted_file: PathBuf,
    /// The file with the key that change marks are authenticated with: the same in every service.
    pub mark_key_file: PathBuf,
    /// How old the evidence of a decision may be.
    pub max_staleness: Span,
    /// The address by which the first user signs in, who is made at the first start of an installation and holds `*`.
    pub first_user_email: String,
    /// The file with that user's one-time password. If it is not there at the first start, one is made and written to it, for
    /// its owner's eyes only.
    pub first_password_file: PathBuf,
    /// How passwords are hashed.
    pub passwords: HasherConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9081)),
            token_url: "http://127.0.0.1:9082".to_owned(),
            database: DatabaseConfig::sqlite("identity.db".as_ref()),
            credential_file: "identity.credential".into(),
            accepted_file: "accepted.toml".into(),
            mark_key_file: "mark.key".into(),
            max_staleness: Span(Duration::from_secs(5)),
            first_user_email: "admin@localhost".to_owned(),
            first_password_file: "first-password".into(),
            passwords: HasherConfig::default(),
        }
    }
}
