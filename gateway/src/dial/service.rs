//! Connects to Passgate's own services. Their addresses come from the configuration, so the guard is not asked.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use passgate_kit::tls::{ClientTls, Wire};
use tower::Service;

/// How long connecting may take, the handshake with it.
const CONNECT: Duration = Duration::from_secs(2);

/// A connector to services. Which of them speak TLS is configured; a URI's scheme does not change it.
#[derive(Clone, Debug)]
pub struct ServiceConnector {
    tcp: HttpConnector,
    secure: Arc<[Authority]>,
    tls: Option<ClientTls>,
}

impl ServiceConnector {
    /// One that speaks TLS to the services in `secure`, each with its port, and to no others.
    #[must_use]
    pub fn new(secure: Vec<Authority>, tls: Option<ClientTls>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        Self { tcp, secure: secure.into(), tls }
    }

    /// One that speaks to all services without TLS.
    #[must_use]
    pub fn plain() -> Self {
        Self::new(Vec::new(), None)
    }
}

impl Service<Uri> for ServiceConnector {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_ready(context).map_err(io::Error::other)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let is_secure = uri.authority().is_some_and(|authority| self.secure.contains(authority));
        let (connecting, tls) = (self.tcp.call(uri.clone()), self.tls.clone());
        Box::pin(async move {
            let tcp = connecting.await.map_err(io::Error::other)?.into_inner();
            if !is_secure {
                return Ok(TokioIo::new(Wire::Plain(tcp)));
            }
            let tls = tls.ok_or_else(|| io::Error::other("TLS is not set up"))?;
            let host = bare_host(&uri).ok_or_else(|| io::Error::other("no host"))?;
            let stream = tokio::time::timeout(CONNECT, tls.connect(host, tcp)).await??;
            Ok(TokioIo::new(Wire::Tls(Box::new(stream))))
        })
    }
}

/// The host as certificates have it: an IPv6 address without its brackets.
pub(super) fn bare_host(uri: &Uri) -> Option<&str> {
    let host = uri.host()?;
    Some(host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host))
}
