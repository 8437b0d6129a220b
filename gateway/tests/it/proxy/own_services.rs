//! Passgate's own services on the data port.

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request};
use parking_lot::Mutex;
use passgate_gateway::proxy::OwnService;
use passgate_kit::client::Reason;
use tonic::{Code, Status};

use super::grpc::{Echo, call, finish, one_message, status_of, told};
use super::harness::{Gateway, OWN_CREDENTIAL, Setup};

const SIGN_IN: &str = "/passgate.identity.v1.SessionService/SignIn";
const CREATE_USER: &str = "/passgate.identity.v1.UserService/CreateUser";
const GET_SELF: &str = "/passgate.identity.v1.UserService/GetSelf";
const CREATE_ENDPOINT: &str = "/passgate.gateway.v1.EndpointService/CreateEndpoint";

type Calls = Arc<Mutex<Vec<(String, HeaderMap)>>>;

async fn start() -> (Echo, Calls, Gateway) {
    let identity = Echo::start().await;
    let calls: Calls = Arc::default();
    let seen = Arc::clone(&calls);
    let own = OwnService::new(tower::service_fn(move |request: Request<tonic::body::Body>| {
        seen.lock().push((request.uri().path().to_owned(), request.headers().clone()));
        async { Ok::<_, Infallible>(Status::ok("").into_http()) }
    }));
    // No registry: Passgate's own services do not depend on it.
    let gateway = Setup { identity: identity.address, own, has_registry: false, ..Setup::default() }.start().await;
    (identity, calls, gateway)
}

#[tokio::test]
async fn a_public_method_passes_without_a_token_with_the_gateways_credential_and_the_peer_beside_it() {
    let (identity, _, gateway) = start().await;
    let mut request = call(&gateway, SIGN_IN, None, one_message());
    request.headers_mut().insert("passgate-service", HeaderValue::from_static("pgs_evil"));
    request.headers_mut().insert("passgate-peer", HeaderValue::from_static("203.0.113.9"));
    request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9"));

    assert_eq!(finish(request).await.1["grpc-status"], "0");

    let head = identity.heads.lock()[0].clone();
    assert_eq!(head.get_all("passgate-service").iter().collect::<Vec<_>>(), [OWN_CREDENTIAL]);
    assert_eq!(head.get_all("passgate-peer").iter().collect::<Vec<_>>(), ["127.0.0.1"]);
    assert!(!head.contains_key("x-forwarded-for") && !head.contains_key("authorization"));
    assert!(gateway.decisions.asked.lock().is_empty());
}

#[tokio::test]
async fn a_granted_method_gets_the_credential_as_it_came_and_the_change_mark() {
    let (identity, _, gateway) = start().await;
    let token = gateway.token();
    gateway.allow("apis/passgate.identity.v1.UserService/CreateUser:write");
    let mut request = call(&gateway, CREATE_USER, Some(&token), one_message());
    let mark = gateway.desk.mark();
    request.headers_mut().insert("passgate-at-least", mark.parse().expect("a value"));

    assert_eq!(finish(request).await.1["grpc-status"], "0");

    let head = identity.heads.lock()[0].clone();
    assert_eq!(head["authorization"], format!("Bearer {token}").as_str());
    assert_eq!(head["passgate-at-least"], mark.as_str());
    assert!(!head.contains_key("x-passgate-principal"), "it decides again by itself");
}

#[tokio::test]
async fn a_granted_method_is_refused_without_the_grant_and_one_on_oneself_is_left_to_the_service() {
    let (identity, _, gateway) = start().await;
    let token = gateway.token();

    let refused = status_of(call(&gateway, CREATE_USER, Some(&token), one_message())).await;
    assert_eq!(told(&refused), (Code::PermissionDenied, "passgate".to_owned(), "NO_GRANT".to_owned()));
    assert_eq!(identity.heads.lock().len(), 0);

    assert_eq!(finish(call(&gateway, GET_SELF, Some(&token), one_message())).await.1["grpc-status"], "0");
    gateway.desk.refuse(Some(Reason::TokenRevoked)).await;
    let revoked = status_of(call(&gateway, GET_SELF, Some(&token), one_message())).await;
    assert_eq!(told(&revoked), (Code::Unauthenticated, "passgate".to_owned(), "TOKEN_REVOKED".to_owned()));
    assert_eq!(identity.heads.lock().len(), 1);
}

#[tokio::test]
async fn internal_methods_are_unimplemented_whoever_asks_and_whatever_is_granted() {
    let (identity, calls, gateway) = start().await;
    let token = gateway.token();
    for rule in
        passgate_proto::access::RULES.iter().filter(|rule| rule.level == passgate_proto::access::Level::Internal)
    {
        for action in ["read", "write"] {
            gateway.allow(&format!("apis{}:{action}", rule.path));
        }
        let mut request = call(&gateway, rule.path, Some(&token), one_message());
        request.headers_mut().insert("passgate-service", HeaderValue::from_static(OWN_CREDENTIAL));
        assert_eq!(status_of(request).await.code(), Code::Unimplemented, "{}", rule.path);
        assert_eq!(
            status_of(call(&gateway, rule.path, None, one_message())).await.code(),
            Code::Unauthenticated,
            "{}",
            rule.path
        );
    }
    assert!(identity.heads.lock().is_empty() && calls.lock().is_empty());
}

#[tokio::test]
async fn the_gateways_own_services_health_and_reflection_are_called_in_process() {
    let (identity, calls, gateway) = start().await;
    gateway.allow("apis/passgate.gateway.v1.EndpointService/CreateEndpoint:write");
    let token = gateway.token();

    for (path, token) in [
        (CREATE_ENDPOINT, Some(token.as_str())),
        ("/grpc.health.v1.Health/Check", None),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", None),
        ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", None),
    ] {
        assert_eq!(finish(call(&gateway, path, token, one_message())).await.1["grpc-status"], "0", "{path}");
        let (called, head) = calls.lock().last().cloned().expect("a call");
        assert_eq!(called, path);
        assert_eq!(head["passgate-service"], OWN_CREDENTIAL);
        assert_eq!(head.contains_key("authorization"), token.is_some());
    }
    assert!(identity.heads.lock().is_empty());
}
