//! The identity service's part of the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use passgate_kit::config::Span;
use passgate_kit::server::Exposure;
use passgate_kit::store::DatabaseConfig;
use passgate_kit::tls::{LinkTls, ListenerTls};
use serde::Deserialize;

pub use crate::password::HasherConfig;

/// How the identity service is run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where it listens. Port 0: one that the system chooses.
    pub listen: SocketAddr,
    /// TLS on that port. Left out, it is plaintext.
    pub tls: Option<ListenerTls>,
    /// Where the token service listens: `http://host:port`, or `https://host:port` for TLS.
    pub token_url: String,
    /// How `https://` is spoken to the token service.
    pub link_tls: LinkTls,
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
    /// Let plaintext off loopback: listen elsewhere, and call other services there, though everybody on the network between can
    /// read tokens and credentials. Only where something else encrypts that network.
    pub dangerously_plaintext_off_loopback: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9081)),
            tls: None,
            token_url: "http://127.0.0.1:9082".to_owned(),
            link_tls: LinkTls::default(),
            database: DatabaseConfig::sqlite("identity.db".as_ref()),
            credential_file: "identity.credential".into(),
            accepted_file: "accepted.toml".into(),
            mark_key_file: "mark.key".into(),
            max_staleness: Span(Duration::from_secs(5)),
            first_user_email: "admin@localhost".to_owned(),
            first_password_file: "first-password".into(),
            passwords: HasherConfig::default(),
            dangerously_plaintext_off_loopback: false,
        }
    }
}

impl Config {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// Every key whose value cannot be used, with the rule.
    pub fn check(&self) -> Result<(), ConfigError> {
        let exposure = Exposure::by_setting(self.dangerously_plaintext_off_loopback);
        let plain = self.tls.is_none().then(|| exposure.check_listen(self.listen)).and_then(Result::err);
        let listen = plain.map(|error| format!("listen: {error}"));
        let link = self.link_tls.check().err().map(|rule| format!("link_tls: {rule}"));
        let token = exposure.check_url(&self.token_url).err().map(|error| format!("token_url: {error}"));
        let problems: Vec<String> = listen.into_iter().chain(token).chain(link).collect();
        if problems.is_empty() { Ok(()) } else { Err(ConfigError(problems)) }
    }
}

/// Values of the configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the identity service's configuration is wrong:\n  {}", .0.join("\n  "))]
pub struct ConfigError(Vec<String>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_off_loopback_needs_its_setting() {
        assert_eq!(Config::default().check(), Ok(()));
        let config = Config {
            listen: SocketAddr::from(([0, 0, 0, 0], 9081)),
            token_url: "http://token:9082".to_owned(),
            ..Config::default()
        };

        let ConfigError(problems) = config.check().expect_err("refused");
        let keys: Vec<&str> = problems.iter().filter_map(|problem| problem.split(':').next()).collect();
        assert_eq!(keys, ["listen", "token_url"]);
        assert!(
            problems.iter().all(|problem| problem.contains(passgate_kit::server::EXPOSURE_SETTING)),
            "{problems:?}"
        );

        assert_eq!(Config { dangerously_plaintext_off_loopback: true, ..config }.check(), Ok(()));
    }
}
