//! Ways to other services, with TLS where their address says so.

use http::Uri;
use http::uri::{PathAndQuery, Scheme};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use passgate_client::Ambient;
use tonic::transport::{Channel, Endpoint};
use tower::Service as _;

use super::grpc::{UrlError, dial, with_bounds};
use crate::tls::{ClientTls, LinkTls, Speaks, TlsError};

/// Why there is no way to another service.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Its address.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The files for TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A channel to the service at `url`, in the world that `ambient` is of: with TLS by `link` to `https://`, without to
/// `http://`. It connects when it is first used, and again whenever it must, by what the files hold then.
///
/// # Errors
/// If `url` is none, or the files cannot be used. A simulated world has no TLS.
pub fn dial_link(ambient: &Ambient, url: &str, link: &LinkTls) -> Result<Channel, LinkError> {
    if !url.starts_with("https://") || ambient.world().is_some() {
        return Ok(dial(ambient, url)?);
    }
    let (endpoint, host) = secure_endpoint(url).ok_or(UrlError)?;
    let tls = ClientTls::open(link, Speaks::Http2, ambient)?;
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    Ok(endpoint.connect_with_connector_lazy(tower::service_fn(move |to: Uri| {
        let (connecting, tls, host) = (tcp.call(to), tls.clone(), host.clone());
        async move {
            let stream = connecting.await.map_err(std::io::Error::other)?.into_inner();
            tls.connect(&host, stream).await.map(TokioIo::new)
        }
    })))
}

/// Where to connect to, and the name that the certificate must be of. The endpoint's own URI says `http`: tonic would do TLS
/// itself otherwise, without our files; what calls say of themselves is their origin.
fn secure_endpoint(url: &str) -> Option<(Endpoint, String)> {
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?.clone();
    if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
        return None;
    }
    let (host, port) = (authority.host().to_owned(), authority.port_u16().unwrap_or(443));
    let root = PathAndQuery::from_static("/");
    let origin = Uri::builder().scheme(Scheme::HTTPS).authority(authority).path_and_query(root).build().ok()?;
    let endpoint = with_bounds(Endpoint::from_shared(format!("http://{host}:{port}")).ok()?).origin(origin);
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    Some((endpoint, bare.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_scheme_says_whether_there_is_tls() {
        let to = |url: &str| dial_link(&Ambient::system(), url, &LinkTls::default());
        for right in ["http://127.0.0.1:9082", "https://127.0.0.1:9082", "https://token", "https://[::1]:9082/"] {
            assert!(to(right).is_ok(), "{right}");
        }
        for wrong in ["", "ftp://a", "https://", "https://me:word@a", "https://a/path", "HTTPS://a", "https://a b"] {
            assert!(to(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_name_that_is_checked_is_that_of_the_url_without_brackets_or_port() {
        for (url, at, name) in [
            ("https://token", "http://token:443/", "token"),
            ("https://token:9082", "http://token:9082/", "token"),
            ("https://[::1]:1", "http://[::1]:1/", "::1"),
        ] {
            let (endpoint, host) = secure_endpoint(url).expect(url);
            assert_eq!((endpoint.uri().to_string().as_str(), host.as_str()), (at, name));
        }
    }
}
