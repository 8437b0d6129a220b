//! The gateway's part of the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use passgate_kit::config::Span;
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
        }
    }
}

impl Config {
    /// `public_authority`, read.
    pub(crate) fn public_authority(&self) -> Result<Option<Authority>, ConfigError> {
        let parse = |text: &String| {
            let plain = Authority::try_from(text.as_str()).ok().filter(|authority| !authority.as_str().contains('@'));
            plain.ok_or(ConfigError { key: "public_authority", rule: "must be a host, or host:port" })
        };
        self.public_authority.as_ref().map(parse).transpose()
    }
}

/// A key of the configuration whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {rule}")]
pub struct ConfigError {
    /// The key.
    pub key: &'static str,
    /// The rule that its value breaks.
    pub rule: &'static str,
}

/// Reads the address of another service.
pub(crate) fn service_authority(key: &'static str, url: &str) -> Result<Authority, ConfigError> {
    let rule = "must be http://host:port, without a path";
    let uri: Uri = url.parse().map_err(|_| ConfigError { key, rule })?;
    let plain = uri.scheme_str() == Some("http") && uri.path_and_query().is_none_or(|path| path.as_str() == "/");
    match uri.into_parts().authority {
        Some(authority) if plain && !authority.as_str().contains('@') => Ok(authority),
        _ => Err(ConfigError { key, rule }),
    }
}
