//! The token service's part of the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use passgate_kit::config::Span;
use passgate_kit::server::Exposure;
use passgate_kit::store::DatabaseConfig;
use passgate_kit::tls::{LinkTls, ListenerTls};
use serde::Deserialize;

use crate::token::LifetimeRules;

/// How the token service is run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where it listens. Port 0: one that the system chooses.
    pub listen: SocketAddr,
    /// TLS on that port. Left out, it is plaintext.
    pub tls: Option<ListenerTls>,
    /// Where the identity service listens: `http://host:port`, or `https://host:port` for TLS.
    pub identity_url: String,
    /// How `https://` is spoken to the identity service.
    pub link_tls: LinkTls,
    /// Where callers reach the gateway: stands in the example lines that a new token comes with.
    pub public_url: String,
    /// The `iss` claim of every token. Left out: `urn:passgate:{installation}`, made once.
    pub issuer: Option<String>,
    /// The token service's own database.
    pub database: DatabaseConfig,
    /// The file with the key that signing keys are sealed with. Never in the same backup as the database.
    pub master_key_file: PathBuf,
    /// The file with the key that change marks are authenticated with: the same in every service.
    pub mark_key_file: PathBuf,
    /// The file with the credential by which the identity service knows this one.
    pub credential_file: PathBuf,
    /// The file of the service credentials that are accepted.
    pub accepted_file: PathBuf,
    /// How old the evidence of a decision may be: the longest time for which something revoked can still be let through.
    pub max_staleness: Span,
    /// How long a session lasts, at most 24 h.
    pub session_lifetime: Span,
    /// How long a token is good for if nothing is said.
    pub default_ttl: Span,
    /// How long a token is good for at most.
    pub max_ttl: Span,
    /// How often the database is read for changes when nothing tells of one.
    pub poll_interval: Span,
    /// How many of the newest changes are kept in memory for deciders that come back, about 500 bytes each: one that was away
    /// for more starts over, with an empty memory.
    pub kept_changes: usize,
    /// How often what is left over is looked for: provisional tokens, and what was signed more than ten minutes ago.
    pub sweep_interval: Span,
    /// Let plaintext off loopback: listen elsewhere, and call other services there, though everybody on the network between can
    /// read tokens and credentials. Only where something else encrypts that network.
    pub dangerously_plaintext_off_loopback: bool,
}

const DAY: u64 = 24 * 60 * 60;
/// The longest that a session may last.
const LONGEST_SESSION: Duration = Duration::from_secs(DAY);

impl Default for Config {
    fn default() -> Self {
        let seconds = |seconds| Span(Duration::from_secs(seconds));
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9082)),
            tls: None,
            identity_url: "http://127.0.0.1:9081".to_owned(),
            link_tls: LinkTls::default(),
            public_url: "http://localhost:8080".to_owned(),
            issuer: None,
            database: DatabaseConfig::sqlite("token.db".as_ref()),
            master_key_file: "master.key".into(),
            mark_key_file: "mark.key".into(),
            credential_file: "token.credential".into(),
            accepted_file: "accepted.toml".into(),
            max_staleness: seconds(5),
            session_lifetime: seconds(8 * 60 * 60),
            default_ttl: seconds(90 * DAY),
            max_ttl: seconds(365 * DAY),
            poll_interval: Span(Duration::from_millis(200)),
            kept_changes: 65_536,
            sweep_interval: seconds(10),
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
        let mut problems = Vec::new();
        let mut rule = |holds: bool, text: &str| {
            if !holds {
                problems.push(text.to_owned());
            }
        };
        rule(!self.max_staleness.0.is_zero(), "max_staleness: must be more than 0, such as 5s");
        rule(
            self.session_lifetime.0 <= LONGEST_SESSION && self.session_lifetime.0 >= Duration::from_secs(1),
            "session_lifetime: must be from 1s to 24h",
        );
        rule(self.default_ttl.0 >= Duration::from_secs(1), "default_ttl: must be 1s at least");
        rule(self.default_ttl <= self.max_ttl, "default_ttl: must not be longer than max_ttl");
        rule(!self.poll_interval.0.is_zero(), "poll_interval: must be more than 0, such as 200ms");
        rule(self.kept_changes > 0, "kept_changes: must be more than 0, such as 65536");
        rule(!self.sweep_interval.0.is_zero(), "sweep_interval: must be more than 0, such as 10s");
        rule(self.issuer.as_deref() != Some(""), "issuer: must not be empty; leave it out for one that is made");
        rule(
            self.public_url.starts_with("http://") || self.public_url.starts_with("https://"),
            "public_url: must begin with http:// or https://",
        );
        let exposure = Exposure::by_setting(self.dangerously_plaintext_off_loopback);
        if self.tls.is_none() {
            problems.extend(exposure.check_listen(self.listen).err().map(|error| format!("listen: {error}")));
        }
        problems.extend(self.link_tls.check().err().map(|rule| format!("link_tls: {rule}")));
        problems.extend(exposure.check_url(&self.identity_url).err().map(|error| format!("identity_url: {error}")));
        if problems.is_empty() { Ok(()) } else { Err(ConfigError(problems)) }
    }

    /// How long new tokens are good for.
    pub(crate) const fn lifetimes(&self) -> LifetimeRules {
        LifetimeRules { default: self.default_ttl.0, longest: self.max_ttl.0 }
    }
}

/// Values of the configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token service's configuration is wrong:\n  {}", .0.join("\n  "))]
pub struct ConfigError(Vec<String>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn every_wrong_value_is_told_at_once() {
        let config = Config {
            max_staleness: Span(Duration::ZERO),
            session_lifetime: Span(Duration::from_secs(DAY + 1)),
            default_ttl: Span(Duration::from_secs(400 * DAY)),
            public_url: "localhost".to_owned(),
            listen: SocketAddr::from(([0, 0, 0, 0], 9082)),
            identity_url: "http://identity:9081".to_owned(),
            ..Config::default()
        };

        let ConfigError(problems) = config.check().expect_err("wrong");

        let keys: Vec<&str> = problems.iter().filter_map(|problem| problem.split(':').next()).collect();
        assert_eq!(keys, ["max_staleness", "session_lifetime", "default_ttl", "public_url", "listen", "identity_url"]);
    }

    #[test]
    fn plaintext_off_loopback_needs_its_setting() {
        let config = Config {
            listen: SocketAddr::from(([0, 0, 0, 0], 9082)),
            identity_url: "http://identity:9081".to_owned(),
            ..Config::default()
        };

        let told = config.check().expect_err("refused").to_string();
        assert!(told.contains(passgate_kit::server::EXPOSURE_SETTING), "{told}");

        assert_eq!(Config { dangerously_plaintext_off_loopback: true, ..config }.check(), Ok(()));
    }
}
