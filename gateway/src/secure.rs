//! The gateway's TLS, from its configuration: on its two ports, towards the other services, and towards upstreams.

use passgate_kit::client::Ambient;
use passgate_kit::tls::{CertificateFiles, ClientTls, Offers, ServerTls, Speaks, TlsError};

use crate::config::Config;
use crate::dial::{Connector, DialRules, ServiceConnector, UpstreamTrust};

/// What is configured, read. Each part follows its files from now on.
pub struct Secure {
    /// Of the port for callers.
    pub data: Option<ServerTls>,
    /// Of the port for administration.
    pub admin: Option<ServerTls>,
    trust: UpstreamTrust,
    services: ServiceConnector,
}

impl Secure {
    /// Reads the files.
    ///
    /// # Errors
    /// If one of them cannot be used.
    pub fn open(config: &Config, ambient: &Ambient) -> Result<Self, TlsError> {
        let port = |files: &Option<CertificateFiles>, offers| {
            files.as_ref().map(|files| ServerTls::open(&files.clone().into(), offers, ambient)).transpose()
        };
        let secure = config.secure_services();
        let link = match secure.as_slice() {
            [] => None,
            _ => Some(ClientTls::open(&config.link_tls, Speaks::Http2, ambient)?),
        };
        Ok(Self {
            data: port(&config.tls, Offers::Http)?,
            admin: port(&config.admin_tls, Offers::Http2)?,
            trust: UpstreamTrust::open(&config.upstream_ca_files, ambient)?,
            services: ServiceConnector::new(secure, link),
        })
    }

    /// How the data plane connects.
    pub fn connector(&self, rules: DialRules, config: &Config) -> Connector {
        Connector::new(rules, config.connect_timeout.0, self.trust.clone()).with_services(self.services.clone())
    }
}
