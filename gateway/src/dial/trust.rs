//! Whose certificates upstreams at `https://` may have: of a CA of their own if the configuration has one for them, of the
//! CAs that the operating system trusts otherwise.
//!
//! The CA is the configuration's and not the registry's: who may register an endpoint does not say whom the gateway trusts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use http::uri::Authority;
use passgate_kit::client::Ambient;
use passgate_kit::tls::{ClientTls, LinkTls, Speaks, TlsError};

/// Whom the gateway trusts, for each upstream. Clones are the same.
#[derive(Clone, Debug)]
pub struct UpstreamTrust {
    own: Arc<BTreeMap<String, Both>>,
    /// Read when it is first needed: many gateways have no such upstream.
    system: Arc<OnceLock<Option<Both>>>,
    ambient: Ambient,
}

/// One trust, for both ways to speak.
#[derive(Clone, Debug)]
struct Both {
    http1: ClientTls,
    http2: ClientTls,
}

impl Both {
    fn open(link: &LinkTls, ambient: &Ambient) -> Result<Self, TlsError> {
        let open = |speaks| ClientTls::open(link, speaks, ambient);
        Ok(Self { http1: open(Speaks::Http1)?, http2: open(Speaks::Http2)? })
    }
}

impl UpstreamTrust {
    /// Trusts what the operating system does.
    #[must_use]
    pub fn system(ambient: &Ambient) -> Self {
        Self { own: Arc::default(), system: Arc::default(), ambient: ambient.clone() }
    }

    /// Trusts for each host (`host`, or `host:port` if that is not 443) the CA in its file and no other, and for all others
    /// what the operating system does.
    ///
    /// # Errors
    /// If a file cannot be used.
    pub fn open(files: &BTreeMap<String, PathBuf>, ambient: &Ambient) -> Result<Self, TlsError> {
        let open = |(host, file): (&String, &PathBuf)| {
            Both::open(&LinkTls::trusting(Some(file)), ambient).map(|both| (key(host), both))
        };
        let own = files.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { own: Arc::new(own), ..Self::system(ambient) })
    }

    /// How TLS is spoken to `authority`; `None` if it cannot be set up, which a build does not let happen.
    pub(super) fn towards(&self, authority: &Authority, speaks: Speaks) -> Option<ClientTls> {
        let system = || self.system.get_or_init(|| Both::open(&LinkTls::default(), &self.ambient).ok()).as_ref();
        let both = self.own.get(&key(authority.as_str())).or_else(system)?;
        Some(match speaks {
            Speaks::Http1 => both.http1.clone(),
            Speaks::Http2 => both.http2.clone(),
        })
    }
}

/// How a host is written: in lower case, without the port that goes without saying.
fn key(authority: &str) -> String {
    let lower = authority.to_ascii_lowercase();
    lower.strip_suffix(":443").map_or(lower.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Uri;
    use hyper_util::client::legacy::connect::Connection as _;
    use passgate_kit::testing::certificates::Ca;
    use passgate_kit::tls::{Offers, ServerTls};
    use tempfile::TempDir;
    use tokio::net::TcpListener;
    use tower::Service as _;

    use super::super::{AllowedUpstreams, Connector, DialError, DialRules, OwnListeners};
    use super::*;

    /// An upstream at `https://localhost:{port}` that shakes hands with everybody.
    async fn upstream(ca: &Ca, folder: &TempDir, offers: Offers) -> u16 {
        let files = ca.issue(&["dns:localhost"]).write(folder.path(), "upstream").into();
        let tls = ServerTls::open(&files, offers, &Ambient::system()).expect("right files");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = tls.accept(tls.room().await, stream).await;
            }
        });
        port
    }

    fn trusting(ca: &Ca, folder: &TempDir, host: &str) -> UpstreamTrust {
        let files = BTreeMap::from([(host.to_owned(), ca.write(folder.path(), "ca"))]);
        UpstreamTrust::open(&files, &Ambient::system()).expect("a right file")
    }

    fn connector(allowed: AllowedUpstreams, trust: UpstreamTrust) -> Connector {
        Connector::new(DialRules::new(allowed, OwnListeners::default()), Duration::from_secs(5), trust)
    }

    #[tokio::test]
    async fn an_upstream_with_a_ca_of_its_own_is_trusted_by_it_and_by_the_name_in_the_url() {
        let (ca, folder) = (Ca::new(), tempfile::tempdir().expect("a folder"));
        let port = upstream(&ca, &folder, Offers::Http).await;
        let uri = |host: &str| -> Uri { format!("https://{host}:{port}").parse().expect("a URI") };
        let trust = trusting(&ca, &folder, &format!("LOCALHOST:{port}"));
        let mut connector = connector(AllowedUpstreams::loopback(), trust);

        for (speaks, is_h2) in [(Speaks::Http1, false), (Speaks::Http2, true)] {
            let made = connector.clone().speaking(speaks).call(uri("localhost")).await.expect("trusted");
            assert_eq!(made.inner().connected().is_negotiated_h2(), is_h2);
        }
        // For the address no CA is configured, and the operating system does not trust this one.
        let refused = connector.call(uri("127.0.0.1")).await.expect_err("not trusted");
        assert!(matches!(refused, DialError::Tls { .. }) && !refused.is_refusal(), "{refused:?}");
    }

    #[tokio::test]
    async fn another_ca_another_name_and_another_protocol_are_not_taken() {
        let (ca, folder) = (Ca::new(), tempfile::tempdir().expect("a folder"));
        let port = upstream(&ca, &folder, Offers::Http2).await;
        for (trusted, host, speaks) in [
            (&Ca::new(), "localhost", Speaks::Http2),
            (&ca, "127.0.0.1", Speaks::Http2),
            (&ca, "localhost", Speaks::Http1),
        ] {
            let trust = trusting(trusted, &folder, &format!("{host}:{port}"));
            let mut connector = connector(AllowedUpstreams::loopback(), trust).speaking(speaks);
            let uri = format!("https://{host}:{port}").parse().expect("a URI");
            assert!(matches!(connector.call(uri).await, Err(DialError::Tls { .. })), "{host} {speaks:?}");
        }
    }

    #[tokio::test]
    async fn what_the_guard_forbids_is_not_connected_to_though_its_certificate_is_trusted() {
        let (ca, folder) = (Ca::new(), tempfile::tempdir().expect("a folder"));
        let port = upstream(&ca, &folder, Offers::Http).await;
        let trust = trusting(&ca, &folder, &format!("localhost:{port}"));
        let mut connector = connector(AllowedUpstreams::default(), trust);

        for host in ["localhost", "127.0.0.1", "169.254.169.254"] {
            let refused = connector.call(format!("https://{host}:{port}").parse().expect("a URI")).await;
            assert!(refused.as_ref().is_err_and(DialError::is_refusal), "{host}: {refused:?}");
        }
    }

    #[test]
    fn the_port_that_goes_without_saying_makes_no_difference() {
        assert_eq!(key("Orders.example:443"), key("orders.example"));
        assert_ne!(key("orders.example:80"), key("orders.example"));
    }
}
