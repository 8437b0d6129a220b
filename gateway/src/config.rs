//! The gateway's part of the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use passgate_kit::config::Span;
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::server::Exposure;
use passgate_kit::store::DatabaseConfig;
use serde::Deserialize;

use crate::dial::AllowedUpstreams;

/// How the gateway is run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where callers come in. Port 0: one that the system chooses.
    pub listen: SocketAddr,
    /// Where endpoints and APIs are administered.
    pub admin_listen: SocketAddr,
    /// Where the token service listens: `http://host:port`.
    pub token_url: String,
    /// Where the identity service listens: `http://host:port`.
    pub identity_url: String,
    /// The gateway's own database.
    pub database: DatabaseConfig,
    /// The file with the credential by which the other services know this gateway.
    pub credential_file: PathBuf,
    /// The file with the key that change marks are authenticated with: the same in every service.
    pub mark_key_file: PathBuf,
    /// The loopback and private networks in which upstreams are allowed, such as `10.1.0.0/16`. Link-local addresses and
    /// cloud metadata are never allowed.
    pub allowed_upstreams: AllowedUpstreams,
    /// Host and port by which callers know the gateway, such as `api.example.com`; left out, only the address that they
    /// come in at is taken for it.
    pub public_authority: Option<String>,
    /// How old the evidence of a decision may be.
    pub max_staleness: Span,
    /// How often the key set is fetched.
    pub key_refresh: Span,
    /// How long a key set counts after it was fetched.
    pub key_max_age: Span,
    /// How long the registry counts after the database was last heard from.
    pub registry_max_age: Span,
    /// How long an upstream may take to accept a connection.
    pub connect_timeout: Span,
    /// The longest that a gRPC call may last; left out, as long as its caller asks.
    pub longest_call: Option<Span>,
    /// Let plaintext off loopback: listen elsewhere, and call other services there, though everybody on the network between can
    /// read tokens and credentials. Only where something else encrypts that network.
    pub dangerously_plaintext_off_loopback: bool,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let seconds = |seconds| Span(Duration::from_secs(seconds));
        Self {
            listen: loopback(8080),
            admin_listen: loopback(9080),
            token_url: "http://127.0.0.1:9082".to_owned(),
            identity_url: "http://127.0.0.1:9081".to_owned(),
            database: DatabaseConfig::sqlite("gateway.db".as_ref()),
            credential_file: "gateway.credential".into(),
            mark_key_file: "mark.key".into(),
            allowed_upstreams: AllowedUpstreams::default(),
            public_authority: None,
            max_staleness: seconds(5),
            key_refresh: seconds(5),
            key_max_age: seconds(30),
            registry_max_age: seconds(60),
            connect_timeout: seconds(5),
            longest_call: None,
            dangerously_plaintext_off_loopback: false,
        }
    }
}

/// What the configuration says, read.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    /// Where the identity service listens.
    pub identity: Authority,
    /// Where the token service listens.
    pub token: Authority,
    /// By what callers know the gateway.
    pub public: Option<Authority>,
}

impl Config {
    /// Looks at every key.
    ///
    /// # Errors
    /// All that are wrong.
    pub(crate) fn check(&self) -> Result<Checked, ConfigError> {
        let mut wrong = Fields::default();
        let token = wrong.check("token_url", service_authority(&self.token_url));
        let identity = wrong.check("identity_url", service_authority(&self.identity_url));
        let public = self.public_authority.as_deref().map(public_authority).transpose();
        let public = wrong.check("public_authority", public);
        self.check_spans(&mut wrong);
        self.check_exposure(&mut wrong);
        match (identity, token, public) {
            (Some(identity), Some(token), Some(public)) if wrong.is_empty() => Ok(Checked { identity, token, public }),
            _ => Err(ConfigError(wrong.into_error())),
        }
    }

    fn check_exposure(&self, wrong: &mut Fields) {
        let exposure = Exposure::by_setting(self.dangerously_plaintext_off_loopback);
        wrong.check("listen", exposure.check_listen(self.listen));
        wrong.check("admin_listen", exposure.check_listen(self.admin_listen));
        wrong.check("token_url", exposure.check_url(&self.token_url));
        wrong.check("identity_url", exposure.check_url(&self.identity_url));
    }

    fn check_spans(&self, wrong: &mut Fields) {
        for (key, span) in [
            ("max_staleness", self.max_staleness),
            ("key_refresh", self.key_refresh),
            ("registry_max_age", self.registry_max_age),
            ("connect_timeout", self.connect_timeout),
            ("longest_call", self.longest_call.unwrap_or(self.connect_timeout)),
        ] {
            if span.0.is_zero() {
                wrong.add(key, "must be more than 0");
            }
        }
        if self.key_max_age <= self.key_refresh {
            wrong.add("key_max_age", "must be longer than key_refresh, or the keys would never stay current");
        }
    }
}

/// Keys of the configuration whose values cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway's configuration is wrong: {0}")]
pub struct ConfigError(FieldViolations);

/// Reads the address of another service.
fn service_authority(url: &str) -> Result<Authority, &'static str> {
    let rule = "must be http://host:port, without a path";
    let uri: Uri = url.parse().map_err(|_| rule)?;
    let plain = uri.scheme_str() == Some("http") && uri.path_and_query().is_none_or(|path| path.as_str() == "/");
    uri.into_parts().authority.filter(|authority| plain && !authority.as_str().contains('@')).ok_or(rule)
}

fn public_authority(text: &str) -> Result<Authority, &'static str> {
    let plain = Authority::try_from(text).ok().filter(|authority| !authority.as_str().contains('@'));
    plain.ok_or("must be a host, or host:port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right_and_listen_on_loopback_only() {
        let config = Config::default();

        assert!(config.check().is_ok());
        assert!(config.listen.ip().is_loopback() && config.admin_listen.ip().is_loopback());
        assert_eq!(config.allowed_upstreams, AllowedUpstreams::default(), "no loopback or private upstream");
    }

    #[test]
    fn every_wrong_key_is_named_at_once() {
        let zero = Span(Duration::ZERO);
        let config = Config {
            token_url: "https://token:9082".to_owned(),
            identity_url: "http://identity:9081/path".to_owned(),
            public_authority: Some("user@api.example.com".to_owned()),
            max_staleness: zero,
            longest_call: Some(zero),
            key_max_age: Config::default().key_refresh,
            ..Config::default()
        };

        let told = config.check().expect_err("wrong").to_string();

        for key in ["token_url", "identity_url", "public_authority", "max_staleness", "longest_call", "key_max_age"] {
            assert!(told.contains(&format!("{key}: must be")), "{key} in {told}");
        }
        assert!(!told.contains("key_refresh: "), "{told}");
    }

    #[test]
    fn plaintext_off_loopback_needs_its_setting_for_every_port_and_service() {
        let anywhere = |port| SocketAddr::from(([0, 0, 0, 0], port));
        let config = Config {
            listen: anywhere(8080),
            admin_listen: anywhere(9080),
            token_url: "http://token:9082".to_owned(),
            identity_url: "http://identity:9081".to_owned(),
            ..Config::default()
        };

        let told = config.check().expect_err("refused").to_string();

        for key in ["listen", "admin_listen", "token_url", "identity_url"] {
            assert!(told.contains(&format!("{key}: must")), "{key} in {told}");
        }
        assert!(told.contains(passgate_kit::server::EXPOSURE_SETTING), "{told}");
        assert!(Config { dangerously_plaintext_off_loopback: true, ..config }.check().is_ok());
    }

    #[test]
    fn it_is_read_from_toml_and_unknown_keys_are_refused() {
        let text = "listen = \"127.0.0.1:0\"\nallowed_upstreams = [\"10.1.0.0/16\"]\nkey_refresh = \"2s\"\n";
        let config: Config = toml::from_str(text).expect("it is read");

        assert_eq!(config.key_refresh, Span(Duration::from_secs(2)));
        assert!(config.allowed_upstreams.contains("10.1.2.3".parse().expect("an address")));
        assert!(toml::from_str::<Config>("lisen = 1").is_err());
        assert!(toml::from_str::<Config>("allowed_upstreams = [\"10.1.0.1/16\"]").is_err());
    }
}
