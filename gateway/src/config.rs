//! The gateway's part of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use passgate_kit::client::decider::MEMORY;
use passgate_kit::config::Span;
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::server::Exposure;
use passgate_kit::store::DatabaseConfig;
use passgate_kit::tls::{CertificateFiles, LinkTls};
use serde::Deserialize;

use crate::dial::AllowedUpstreams;

/// The least memory for decisions: a few hundred of them.
const LEAST_MEMORY: u64 = 1 << 20;

/// How the gateway is run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where callers come in. Port 0: one that the system chooses.
    pub listen: SocketAddr,
    /// TLS on that port. Left out, it is plaintext.
    pub tls: Option<CertificateFiles>,
    /// Where endpoints and APIs are administered.
    pub admin_listen: SocketAddr,
    /// TLS on that port. Left out, it is plaintext.
    pub admin_tls: Option<CertificateFiles>,
    /// Where the token service listens, each replica of it: `http://host:port`, or `https://host:port` for TLS. All are watched, and asked in this order.
    pub token_urls: Vec<String>,
    /// Where the identity service listens: `http://host:port`, or `https://host:port` for TLS.
    pub identity_url: String,
    /// How `https://` is spoken to those two.
    pub link_tls: LinkTls,
    /// The gateway's own database.
    pub database: DatabaseConfig,
    /// The file with the credential by which the other services know this gateway.
    pub credential_file: PathBuf,
    /// The file with the key that change marks are authenticated with: the same in every service.
    pub mark_key_file: PathBuf,
    /// The loopback and private networks in which upstreams are allowed, such as `10.1.0.0/16`. Link-local addresses and
    /// cloud metadata are never allowed.
    pub allowed_upstreams: AllowedUpstreams,
    /// Upstreams at `https://` whose certificates are of a CA of their own: by host (`host:port` if that is not 443) the file
    /// with that CA, in PEM, which is the only one trusted there. All others are trusted as the operating system does.
    pub upstream_ca_files: BTreeMap<String, PathBuf>,
    /// Host and port by which callers know the gateway, such as `api.example.com`; left out, only the address that they
    /// come in at is taken for it.
    pub public_authority: Option<String>,
    /// How old the evidence of a decision may be. The token service's own bound counts too: the lower of the two.
    pub max_staleness: Span,
    /// Most bytes that decisions take in memory: at least 1 MiB.
    pub decision_memory: u64,
    /// How long the token service may take to decide what is not in memory, on all its replicas together.
    pub ask_deadline: Span,
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
            tls: None,
            admin_listen: loopback(9080),
            admin_tls: None,
            token_urls: vec!["http://127.0.0.1:9082".to_owned()],
            identity_url: "http://127.0.0.1:9081".to_owned(),
            link_tls: LinkTls::default(),
            database: DatabaseConfig::sqlite("gateway.db".as_ref()),
            credential_file: "gateway.credential".into(),
            mark_key_file: "mark.key".into(),
            allowed_upstreams: AllowedUpstreams::default(),
            upstream_ca_files: BTreeMap::new(),
            public_authority: None,
            max_staleness: seconds(5),
            decision_memory: MEMORY,
            ask_deadline: seconds(3),
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
    /// Where the token service listens: at least one.
    pub tokens: Vec<Authority>,
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
        let tokens = self.check_token_urls(&mut wrong);
        let identity = wrong.check("identity_url", service_authority(&self.identity_url));
        let public = self.public_authority.as_deref().map(public_authority).transpose();
        let public = wrong.check("public_authority", public);
        self.check_spans(&mut wrong);
        self.check_exposure(&mut wrong);
        match (identity, public) {
            (Some(identity), Some(public)) if wrong.is_empty() => Ok(Checked { identity, tokens, public }),
            _ => Err(ConfigError(wrong.into_error())),
        }
    }

    fn check_token_urls(&self, wrong: &mut Fields) -> Vec<Authority> {
        let read: Vec<_> = self.token_urls.iter().map(|url| service_authority(url)).collect();
        let found = read.into_iter().collect::<Result<Vec<_>, _>>();
        let found = wrong.check("token_urls", found).unwrap_or_default();
        let distinct: BTreeSet<&str> = found.iter().map(Authority::as_str).collect();
        if self.token_urls.is_empty() || distinct.len() < found.len() {
            wrong.add("token_urls", "must name each replica of the token service once, and at least one");
        }
        found
    }

    /// The services that are called with TLS.
    pub(crate) fn secure_services(&self) -> Vec<Authority> {
        let urls = self.token_urls.iter().chain([&self.identity_url]);
        urls.filter(|url| url.starts_with("https://")).filter_map(|url| service_authority(url).ok()).collect()
    }

    fn check_exposure(&self, wrong: &mut Fields) {
        let exposure = Exposure::by_setting(self.dangerously_plaintext_off_loopback);
        if self.tls.is_none() {
            wrong.check("listen", exposure.check_listen(self.listen));
        }
        if self.admin_tls.is_none() {
            wrong.check("admin_listen", exposure.check_listen(self.admin_listen));
        }
        wrong.check("link_tls", self.link_tls.check());
        for url in &self.token_urls {
            wrong.check("token_urls", exposure.check_url(url));
        }
        wrong.check("identity_url", exposure.check_url(&self.identity_url));
    }

    fn check_spans(&self, wrong: &mut Fields) {
        for (key, span) in [
            ("max_staleness", self.max_staleness),
            ("ask_deadline", self.ask_deadline),
            ("registry_max_age", self.registry_max_age),
            ("connect_timeout", self.connect_timeout),
            ("longest_call", self.longest_call.unwrap_or(self.connect_timeout)),
        ] {
            if span.0.is_zero() {
                wrong.add(key, "must be more than 0");
            }
        }
        if self.decision_memory < LEAST_MEMORY {
            wrong.add("decision_memory", "must be at least 1048576 (1 MiB)");
        }
    }
}

/// Keys of the configuration whose values cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway's configuration is wrong: {0}")]
pub struct ConfigError(FieldViolations);

/// Reads the address of another service. The port of `https://` is written out, so that it is not taken for 80.
fn service_authority(url: &str) -> Result<Authority, &'static str> {
    let rule = "must be http://host:port or https://host:port, without a path";
    let uri: Uri = url.parse().map_err(|_| rule)?;
    let is_plain = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
    let (scheme, authority) = (uri.scheme_str().map(str::to_owned), uri.into_parts().authority);
    let authority = authority.filter(|authority| is_plain && !authority.as_str().contains('@')).ok_or(rule)?;
    match (scheme.as_deref(), authority.port_u16()) {
        (Some("http"), _) | (Some("https"), Some(_)) => Ok(authority),
        (Some("https"), None) => Authority::try_from(format!("{authority}:443")).map_err(|_| rule),
        _ => Err(rule),
    }
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
            token_urls: vec!["ftp://token:9082".to_owned()],
            identity_url: "http://identity:9081/path".to_owned(),
            public_authority: Some("user@api.example.com".to_owned()),
            max_staleness: zero,
            longest_call: Some(zero),
            decision_memory: LEAST_MEMORY - 1,
            ..Config::default()
        };

        let told = config.check().expect_err("wrong").to_string();

        for key in
            ["token_urls", "identity_url", "public_authority", "max_staleness", "longest_call", "decision_memory"]
        {
            assert!(told.contains(&format!("{key}: must be")), "{key} in {told}");
        }
        assert!(!told.contains("ask_deadline: "), "{told}");
    }

    #[test]
    fn each_replica_of_the_token_service_is_named_once_and_there_is_at_least_one() {
        let with = |urls: &[&str]| Config {
            token_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            ..Config::default()
        };
        let (one, other) = ("http://127.0.0.1:9082", "http://127.0.0.1:9092");

        assert_eq!(with(&[one, other]).check().expect("right").tokens.len(), 2);
        for wrong in [&[][..], &[one, one], &[one, "http://127.0.0.1:9082/x"]] {
            let told = with(wrong).check().expect_err("wrong").to_string();
            assert!(told.contains("token_urls: must"), "{told}");
        }
    }

    #[test]
    fn plaintext_off_loopback_needs_its_setting_for_every_port_and_service() {
        let anywhere = |port| SocketAddr::from(([0, 0, 0, 0], port));
        let config = Config {
            listen: anywhere(8080),
            admin_listen: anywhere(9080),
            token_urls: vec!["http://127.0.0.1:9082".to_owned(), "http://token:9082".to_owned()],
            identity_url: "http://identity:9081".to_owned(),
            ..Config::default()
        };

        let told = config.check().expect_err("refused").to_string();

        for key in ["listen", "admin_listen", "token_urls", "identity_url"] {
            assert!(told.contains(&format!("{key}: must")), "{key} in {told}");
        }
        assert!(told.contains(passgate_kit::server::EXPOSURE_SETTING), "{told}");
        assert!(Config { dangerously_plaintext_off_loopback: true, ..config }.check().is_ok());
    }

    #[test]
    fn it_is_read_from_toml_and_unknown_keys_are_refused() {
        let text = "listen = \"127.0.0.1:0\"\nallowed_upstreams = [\"10.1.0.0/16\"]\nask_deadline = \"2s\"\n";
        let config: Config = toml::from_str(text).expect("it is read");

        assert_eq!(config.ask_deadline, Span(Duration::from_secs(2)));
        assert!(config.allowed_upstreams.contains("10.1.2.3".parse().expect("an address")));
        assert!(toml::from_str::<Config>("lisen = 1").is_err());
        assert!(toml::from_str::<Config>("allowed_upstreams = [\"10.1.0.1/16\"]").is_err());
    }
}
