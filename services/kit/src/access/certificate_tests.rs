//! Services that are known by the certificate of their connection.

use passgate_client::{Ambient, SecretString};
use passgate_proto::access::Role;
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use super::tests::parts;
use super::*;
use crate::caller::{Caller, Who};
use crate::credentials::{accept, add, generate};
use crate::tls::{ConnectionInfo, ServiceName};

const INTERNAL: &str = "/passgate.identity.v1.DirectoryService/GetPrincipal";

/// A guard that accepts `token-1` and `gateway-1`.
struct Place {
    _folder: TempDir,
    accepted: Arc<Accepted>,
    token: SecretString,
    gateway: SecretString,
}

impl Place {
    fn new() -> Self {
        let (folder, ambient) = (tempfile::tempdir().unwrap(), Ambient::system());
        let file = folder.path().join("accepted.toml");
        let secret = |instance: &str, role| {
            let secret = generate(instance, &ambient).unwrap();
            add(&file, accept(&secret, role).unwrap()).unwrap();
            secret
        };
        let (token, gateway) = (secret("token-1", Role::Token), secret("gateway-1", Role::Gateway));
        let accepted = Arc::new(Accepted::open(&file, &ambient).unwrap());
        Self { _folder: folder, accepted, token, gateway }
    }

    /// What a caller with this certificate and this credential gets at an internal method of the token service's.
    async fn call(&self, certificate: Option<&str>, secret: Option<&str>) -> Result<Caller, (Code, String)> {
        let handler = tower::service_fn(|request: Request<()>| {
            let mut answer = Response::new(Body::empty());
            answer.extensions_mut().extend(request.extensions().clone());
            std::future::ready(Ok::<_, std::convert::Infallible>(answer))
        });
        let mut request = Request::builder().uri(INTERNAL).header("content-type", "application/grpc");
        if let Some(secret) = secret {
            request = request.header("passgate-service", secret);
        }
        let mut request = request.body(()).unwrap();
        let service = certificate.map(|uri| ServiceName::parse(uri).unwrap());
        request.extensions_mut().insert(ConnectionInfo { remote: None, service });
        let accepted = Arc::clone(&self.accepted);
        let parts = AccessParts { services: Arc::new(move |secret| accepted.check(secret)), ..parts() };
        let guard = AccessLayer::new(parts).knowing_certificates(Arc::clone(&self.accepted));
        let answer = guard.layer(handler).oneshot(request).await.unwrap();
        match Status::from_header_map(answer.headers()) {
            None => Ok(answer.extensions().get::<Caller>().unwrap().clone()),
            Some(status) => Err((status.code(), status.get_details_error_info().unwrap().reason)),
        }
    }
}

const TOKEN: Option<&str> = Some("spiffe://passgate/token/token-1");

#[tokio::test]
async fn a_certificate_stands_in_the_place_of_a_credential_and_beside_that_of_the_same_instance() {
    let place = Place::new();
    for secret in [None, Some(place.token.expose()), Some("pgs_token-1_replaced")] {
        let caller = place.call(TOKEN, secret).await.expect("known");
        assert!(matches!(caller.who, Who::Service(peer) if peer.instance == "token-1" && peer.role == Role::Token));
    }
    place.call(None, Some(place.token.expose())).await.expect("the credential alone");
}

#[tokio::test]
async fn a_certificate_of_another_role_an_unknown_or_a_contradicted_one_opens_nothing() {
    let place = Place::new();
    for (certificate, secret) in [
        (None, None),
        (Some("spiffe://passgate/gateway/gateway-1"), None),
        (Some("spiffe://passgate/token/token-2"), None),
        (Some("spiffe://passgate/token/token-2"), Some(place.token.expose())),
        (Some("spiffe://passgate/token/gateway-1"), None),
        (Some("spiffe://passgate/gateway/gateway-1"), Some(place.token.expose())),
        (TOKEN, Some(place.gateway.expose())),
    ] {
        let refused = place.call(certificate, secret).await.map(drop);
        assert!(refused.is_err(), "{certificate:?} with {}", secret.is_some());
    }
}
