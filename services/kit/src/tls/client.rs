//! TLS towards others: services of this installation, and upstreams.

use std::fmt;
use std::io;
use std::sync::Arc;

use passgate_client::Ambient;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::expiry::not_after;
use super::files::{certificates, key, provider, roots, system_roots};
use super::followed::{Followed, Made};
use super::{LinkTls, ServiceName, TlsError};

/// A connection inside TLS that was made by [`ClientTls::connect`].
pub type ClientStream<S> = TlsStream<S>;

/// What is asked for in ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2. Who does not agree to it is not spoken to.
    Http2,
}

/// How others are called. Clones are the same.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<Followed<ClientConfig>>,
    speaks: Speaks,
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClientTls").field("speaks", &self.speaks).finish_non_exhaustive()
    }
}

impl ClientTls {
    /// By these files, which are followed from now on. What the operating system trusts is read once.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn open(link: &LinkTls, speaks: Speaks, ambient: &Ambient) -> Result<Self, TlsError> {
        let system = if link.ca_file.is_none() { system_roots() } else { RootCertStore::empty() };
        let make = {
            let (link, system) = (link.clone(), Arc::new(system));
            Box::new(move || client_config(&link, &system, speaks))
        };
        Ok(Self { config: Arc::new(Followed::open(link.files(), make, ambient)?), speaks })
    }

    /// Shakes hands with `host`, a DNS name or an IP address without brackets, whose certificate must be of that name. How
    /// long that may take is the caller's to bound: dropping this ends it.
    ///
    /// # Errors
    /// If the certificate is not trusted, the other side does not want to, or does not speak what is asked for.
    pub async fn connect<S>(&self, host: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(self.config.current()).connect(name, stream).await?;
        if self.speaks == Speaks::Http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2".as_slice()) {
            return Err(io::Error::other(
                "the other side does not speak HTTP/2 over TLS (it did not agree to h2 in ALPN)",
            ));
        }
        Ok(stream)
    }
}

fn client_config(link: &LinkTls, system: &Arc<RootCertStore>, speaks: Speaks) -> Result<Made<ClientConfig>, TlsError> {
    let trusted = link.ca_file.as_deref().map(roots).transpose()?.map_or_else(|| Arc::clone(system), Arc::new);
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Library)?
        .with_root_certificates(trusted);
    let mut own = None;
    let mut config = match link.pair() {
        None => builder.with_no_client_auth(),
        Some((certificate, key_file)) => {
            let chain = certificates(certificate)?;
            own = Some((certificate.to_owned(), not_after(certificate, &chain)?));
            if chain.first().and_then(|first| ServiceName::of_certificate(first)).is_none() {
                return Err(TlsError::NotAService { file: certificate.to_owned() });
            }
            builder.with_client_auth_cert(chain, key(key_file)?).map_err(|source| TlsError::Pair {
                certificate: certificate.to_owned(),
                key: key_file.to_owned(),
                source,
            })?
        }
    };
    config.alpn_protocols = match speaks {
        Speaks::Http1 => vec![b"http/1.1".to_vec()],
        Speaks::Http2 => vec![b"h2".to_vec()],
    };
    if own.is_some() {
        config.resumption = Resumption::disabled(); // the certificate is shown each time
    }
    Ok(Made { what: Arc::new(config), certificate: own })
}
