//! Connects to upstreams, and only to those that the [rules](DialRules) allow.
//!
//! Addresses that a name resolves to are judged one by one, and only those that pass are tried. What is connected to is
//! therefore always an address that was judged for this very connection, however the name changes.

use std::error::Error;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use passgate_kit::tls::{Speaks, Wire};
use tokio::net::TcpStream;
use tower::Service;

use super::service::bare_host;
use super::{DialError, DialRules, ServiceConnector, UpstreamTrust};

/// How often the system asks a silent peer whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A connector for hyper and tonic. Clones share the rules.
#[derive(Clone, Debug)]
pub struct Connector {
    rules: DialRules,
    tcp: HttpConnector<CheckedResolver>,
    timeout: Duration,
    trust: UpstreamTrust,
    speaks: Speaks,
    services: ServiceConnector,
}

impl Connector {
    /// A connector by these rules, which gives up on an upstream that does not accept within `timeout`. At `https://` it
    /// trusts certificates by `trust`, for the name in the URL.
    #[must_use]
    pub fn new(rules: DialRules, timeout: Duration, trust: UpstreamTrust) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(CheckedResolver { rules: rules.clone() });
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeout));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.enforce_http(false); // TLS comes on top of it
        Self { rules, tcp, timeout, trust, speaks: Speaks::Http1, services: ServiceConnector::plain() }
    }

    /// The same, which asks for another protocol at `https://`.
    #[must_use]
    pub fn speaking(self, speaks: Speaks) -> Self {
        Self { speaks, ..self }
    }

    /// The same, with another way to Passgate's own services than without TLS.
    #[must_use]
    pub fn with_services(self, services: ServiceConnector) -> Self {
        Self { services, ..self }
    }

    /// The way to Passgate's own services.
    #[must_use]
    pub fn services(&self) -> ServiceConnector {
        self.services.clone()
    }

    /// Speaks TLS with what was connected to.
    async fn secure(self, uri: Uri, tcp: TcpStream) -> Result<Wire, DialError> {
        let (authority, name) = (uri.authority().ok_or(DialError::NoHost)?, bare_host(&uri).ok_or(DialError::NoHost)?);
        let failed = |cause: Box<dyn Error + Send + Sync>| DialError::Tls { host: authority.to_string(), cause };
        let tls = self.trust.towards(authority, self.speaks).ok_or_else(|| failed("TLS is not set up".into()))?;
        match tokio::time::timeout(self.timeout, tls.connect(name, tcp)).await {
            Ok(Ok(stream)) => Ok(Wire::Tls(Box::new(stream))),
            Ok(Err(cause)) => Err(failed(cause.into())),
            Err(too_slow) => Err(failed(too_slow.into())),
        }
    }

    /// An address in the URI never reaches the resolver, so it is judged here.
    fn check_literal(&self, uri: &Uri) -> Result<(), DialError> {
        let bare = bare_host(uri).ok_or(DialError::NoHost)?;
        let port = uri.port_u16().unwrap_or(if is_secure(uri) { 443 } else { 80 });
        match bare.parse::<IpAddr>() {
            Ok(address) => self.rules.check_end(address, port, false),
            Err(_) => self.rules.check_name(&bare.to_ascii_lowercase(), port),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context).map_err(|cause| connect_error(&Uri::default(), cause))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if let Err(refusal) = self.check_literal(&uri) {
            return Box::pin(async move { Err(refusal) });
        }
        let connecting = self.tcp.call(uri.clone());
        let this = self.clone();
        Box::pin(async move {
            let stream = connecting.await.map_err(|cause| connect_error(&uri, cause))?.into_inner();
            let (peer, local) = (stream.peer_addr()?, stream.local_addr()?);
            // The system gives both ends the same address exactly when the far one is of this machine.
            this.rules.check_end(peer.ip(), peer.port(), peer.ip() == local.ip())?;
            check_services(&this.rules, peer).await?;
            let wire = if is_secure(&uri) { this.secure(uri, stream).await? } else { Wire::Plain(stream) };
            Ok(TokioIo::new(wire))
        })
    }
}

/// Judges the far end of a connection by the services that are configured by name. Only those on its port are looked up; one
/// whose name resolves to nothing could be anywhere.
async fn check_services(rules: &DialRules, peer: SocketAddr) -> Result<(), DialError> {
    for name in rules.own().service_names(peer.port()) {
        let mut found = tokio::net::lookup_host((name, peer.port())).await?;
        if found.any(|service| service.ip().to_canonical() == peer.ip().to_canonical()) {
            return Err(DialError::OwnService { host: name.to_owned(), port: peer.port() });
        }
    }
    Ok(())
}

fn is_secure(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS)
}

fn connect_error<E: std::error::Error + Send + Sync + 'static>(uri: &Uri, cause: E) -> DialError {
    let host = uri.authority().map(ToString::to_string).unwrap_or_default();
    DialError::Connect { host, cause: Box::new(cause) }
}

/// Resolves a name and passes on only what the rules allow.
#[derive(Clone, Debug)]
struct CheckedResolver {
    rules: DialRules,
}

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let rules = self.rules.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            judge(&rules, found).map(Vec::into_iter)
        })
    }
}

/// Those of `found` that the rules allow; the first refusal if that is none.
fn judge(rules: &DialRules, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, DialError> {
    let mut refusal = None;
    let mut allowed = Vec::new();
    for address in found {
        match rules.check_address(address.ip()) {
            Ok(()) => allowed.push(address),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(refusal) if allowed.is_empty() => Err(refusal),
        Some(_) | None => Ok(allowed),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::super::{AllowedUpstreams, OwnListeners};
    use super::*;

    fn connector(allowed: AllowedUpstreams, own: &OwnListeners) -> Connector {
        Connector::new(
            DialRules::new(allowed, own.clone()),
            Duration::from_secs(5),
            UpstreamTrust::system(&passgate_kit::client::Ambient::system()),
        )
    }

    async fn listener() -> (TcpListener, Uri) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let uri = format!("http://{}", listener.local_addr().expect("its address")).parse().expect("a URI");
        (listener, uri)
    }

    #[tokio::test]
    async fn an_allowed_address_is_connected_to() {
        let (_listener, uri) = listener().await;

        connector(AllowedUpstreams::loopback(), &OwnListeners::default()).call(uri).await.expect("a connection");
    }

    #[tokio::test]
    async fn loopback_is_refused_before_a_connection_is_tried_unless_it_is_allowed() {
        let (_listener, uri) = listener().await;

        let refusal = connector(AllowedUpstreams::default(), &OwnListeners::default()).call(uri).await;

        assert!(matches!(refusal, Err(DialError::NotAllowed { .. })), "{refusal:?}");
    }

    #[tokio::test]
    async fn our_own_listener_is_refused_though_its_name_resolves_elsewhere_at_first() {
        let (listener, uri) = listener().await;
        let own = OwnListeners::default();
        own.set(vec![listener.local_addr().expect("its address")]);
        let by_name = format!("http://localhost:{}", uri.port_u16().expect("a port")).parse().expect("a URI");
        let mut connector = connector(AllowedUpstreams::loopback(), &own);

        for uri in [uri, by_name] {
            let refusal = connector.call(uri).await;
            assert!(matches!(refusal, Err(DialError::OwnListener { .. })), "{refusal:?}");
        }
    }

    #[tokio::test]
    async fn a_service_that_is_called_by_name_is_refused_by_the_address_that_is_connected_to() {
        let (listener, uri) = listener().await;
        let port = listener.local_addr().expect("its address").port();
        // The service is known by another name than the upstream: only where the connection ends tells that they are one.
        let services = [format!("localhost:{port}").parse().expect("an authority")];
        let own = OwnListeners::beside(services);
        let rules = DialRules::new(AllowedUpstreams::loopback(), own.clone());

        assert!(matches!(
            connector(AllowedUpstreams::loopback(), &own).call(uri.clone()).await,
            Err(DialError::OwnService { .. })
        ));
        let by_end = check_services(&rules, listener.local_addr().expect("its address")).await;
        assert!(matches!(by_end, Err(DialError::OwnService { .. })), "{by_end:?}");
        let elsewhere = check_services(&rules, SocketAddr::new("192.0.2.1".parse().expect("an address"), port)).await;
        assert!(elsewhere.is_ok(), "{elsewhere:?}");
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_what_is_not_allowed_is_refused_by_the_rules() {
        let only_v6 = AllowedUpstreams(vec![super::super::Network::parse("::1").expect("a network")]);
        let uri = Uri::from_static("http://localhost:9");

        let refusal = connector(only_v6, &OwnListeners::default()).call(uri).await.expect_err("not connected");

        // Where localhost has an IPv6 address too, that one is tried, and nobody answers at the discard port.
        let tried_v6 = tokio::net::lookup_host(("localhost", 0)).await.expect("found").any(|found| found.is_ipv6());
        assert_eq!(refusal.is_refusal(), !tried_v6, "{refusal:?}");
    }

    #[test]
    fn of_a_mixed_answer_only_what_is_allowed_is_tried() {
        let rules = DialRules::new(AllowedUpstreams::default(), OwnListeners::default());
        let answer = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| SocketAddr::new(text.parse().expect("an address"), 0)).collect()
        };

        let mixed = judge(&rules, answer(&["169.254.169.254", "8.8.8.8", "127.0.0.1"]).into_iter());
        let bad = judge(&rules, answer(&["169.254.169.254", "127.0.0.1"]).into_iter());

        assert_eq!(mixed.expect("one is good"), answer(&["8.8.8.8"]));
        assert!(matches!(bad, Err(DialError::Forbidden { .. })), "{bad:?}");
    }
}
