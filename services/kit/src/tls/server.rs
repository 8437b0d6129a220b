//! TLS on a port: the handshakes, each bounded in time and all of them in number.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use passgate_client::Ambient;
use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::expiry::not_after;
use super::files::{certificates, key, provider, roots};
use super::followed::{Followed, LOOK_EVERY, Made};
use super::only_services::OnlyServices;
use super::{ListenerTls, TlsError};

/// The longest that a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many handshakes of a port may be under way: 20 KiB each, more or less.
const HANDSHAKES: usize = 512;

/// What a port offers in ALPN (RFC 7301). A client that asks for none of it is refused; one that does not ask at all is
/// not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offers {
    /// HTTP/2, and HTTP/1.1 to those who cannot.
    Http,
    /// HTTP/2 alone: gRPC.
    Http2,
}

/// TLS on a port, by files. Clones are the same. TLS 1.2 and 1.3; no early data, which could be sent again by others.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<Followed<ServerConfig>>,
    handshakes: Arc<Semaphore>,
    patience: Duration,
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// Room for a handshake.
#[derive(Debug)]
pub struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

impl ServerTls {
    /// By these files, which are followed from now on.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn open(files: &ListenerTls, offers: Offers, ambient: &Ambient) -> Result<Self, TlsError> {
        let make = {
            let files = files.clone();
            Box::new(move || server_config(&files, offers))
        };
        let config = Arc::new(Followed::open(files.files(), make, ambient)?);
        Ok(Self { config, handshakes: Arc::new(Semaphore::new(HANDSHAKES)), patience: HANDSHAKE })
    }

    /// Waits for room for one more handshake. Who has none yet waits before the door: it is asked for before a connection is
    /// taken. Cancel safe.
    pub async fn room(&self) -> Room {
        Room { _permit: Arc::clone(&self.handshakes).acquire_owned().await.ok() }
    }

    /// Shakes hands with who connected. The files are looked at first.
    ///
    /// # Errors
    /// If the other side does not want to, speaks no TLS, has a certificate that is not taken, or takes too long. Nothing
    /// but this connection ends with it.
    pub async fn accept(&self, room: Room, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let shaken = tokio::time::timeout(self.patience, TlsAcceptor::from(self.config.current()).accept(stream)).await;
        drop(room);
        shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Looks at the files every second, without end: what is wrong with them is said though nobody connects.
    pub async fn watch(&self) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.config.look();
        }
    }
}

#[cfg(feature = "testing")]
impl ServerTls {
    /// The same with other bounds: how many handshakes may be under way, and how long each may take.
    #[must_use]
    pub fn bounded(self, handshakes: usize, patience: Duration) -> Self {
        Self { handshakes: Arc::new(Semaphore::new(handshakes)), patience, ..self }
    }
}

fn server_config(files: &ListenerTls, offers: Offers) -> Result<Made<ServerConfig>, TlsError> {
    let chain = certificates(&files.certificate_file)?;
    let end = not_after(&files.certificate_file, &chain)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Library)?;
    let builder = match &files.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let wrong = |error: rustls::server::VerifierBuilderError| TlsError::Ca {
                file: file.clone(),
                rule: error.to_string(),
            };
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(file)?), provider());
            let verifier = verifier.allow_unauthenticated().build().map_err(wrong)?;
            builder.with_client_cert_verifier(Arc::new(OnlyServices(verifier)))
        }
    };
    let mut config = builder.with_single_cert(chain, key(&files.key_file)?).map_err(|source| TlsError::Pair {
        certificate: files.certificate_file.clone(),
        key: files.key_file.clone(),
        source,
    })?;
    config.alpn_protocols = match offers {
        Offers::Http => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Offers::Http2 => vec![b"h2".to_vec()],
    };
    if files.client_ca_file.is_some() {
        // A resumed session would bring a certificate back that has expired since.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Made { what: Arc::new(config), certificate: Some((files.certificate_file.clone(), end)) })
}
