//! The layer in front of an axum service, which is the example, and of a tonic service.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use passgate_proto::token::v1 as proto;
use passgate_proto::token::v1::key_service_client::KeyServiceClient;
use passgate_proto::token::v1::key_service_server::{KeyService, KeyServiceServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status, async_trait};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::desk::{START, at, no, yes};
use super::fake::{Replica, genuine};
use super::io::{Bench, at_work};
use crate::ambient::{Ambient, SeededRandom};
use crate::clock::ManualClock;
use crate::credential::Credential;
use crate::decider::{AuthorizeLayer, Parts, Settings};
use crate::decision::{Allowed, Decision};
use crate::reason::Reason;
use crate::resource::Resource;
use crate::secret::SecretString;

#[path = "../../../examples/orders.rs"]
#[expect(dead_code, reason = "its main is not called here")]
mod orders;

/// Whatever is asked for is allowed.
fn allow_all(bench: &Bench) {
    bench.replicas[0].script.answers(|request| Ok(for_what(request, yes(1, at(10)))));
}

/// A decision about what was asked.
fn for_what(request: &proto::AuthorizeRequest, mut decision: Decision) -> Decision {
    if let Some(rests_on) = &mut decision.rests_on {
        rests_on.resource = Resource::parse(&request.resource).expect("a resource");
        rests_on.action = crate::convert::action(request.action).expect("an action");
    }
    decision
}

fn refuse_all(bench: &Bench, reason: Reason) {
    bench.replicas[0].script.answers(move |request| Ok(for_what(request, no(1, at(11), reason))));
}

async fn call(orders: &Router, method: Method, path: &str, token: Option<&Credential>) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", token.to_header().expect("a header"));
    }
    orders.clone().oneshot(request.body(Body::from("2 chairs")).expect("a request")).await.expect("an answer")
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn the_example_lets_through_who_may_and_tells_its_handlers_who_that_is() {
    let (bench, _session) = at_work().await;
    allow_all(&bench);
    let (orders, token) = (orders::service(bench.decisions.clone()), genuine(1, 1));

    let made = text(call(&orders, Method::POST, "/orders", Some(&token)).await).await;
    assert_eq!(made, "2 chairs, for users/00000000-0000-0000-0000-000000000003");
    for _ in 0..2 {
        assert_eq!(text(call(&orders, Method::GET, "/orders", Some(&token)).await).await, made);
    }

    let asked: Vec<_> = {
        let asked = bench.replicas[0].script.asked.lock();
        asked.iter().map(|asked| (asked.resource.clone(), asked.action())).collect()
    };
    let resource = "endpoints/orders".to_owned();
    let (read, write) = (passgate_proto::r#type::v1::Action::Read, passgate_proto::r#type::v1::Action::Write);
    assert_eq!(asked, [(resource.clone(), write), (resource, read)], "each once");
}

#[tokio::test]
async fn the_example_refuses_what_may_not_pass_with_a_problem_that_says_why() {
    let (bench, _session) = at_work().await;
    let (orders, token) = (orders::service(bench.decisions.clone()), genuine(1, 1));

    let refused = call(&orders, Method::GET, "/orders", None).await;
    assert_eq!((refused.status().as_u16(), &*reason(&refused)), (401, "TOKEN_MISSING"));
    let forged = genuine(1, 9);
    let refused = call(&orders, Method::GET, "/orders", Some(&forged)).await;
    assert_eq!((refused.status().as_u16(), &*reason(&refused)), (401, "TOKEN_INVALID"));
    assert!(refused.headers()["www-authenticate"].to_str().expect("text").contains("invalid_token"));
    refuse_all(&bench, Reason::NoGrant);
    let refused = call(&orders, Method::GET, "/orders", Some(&token)).await;
    assert_eq!((refused.status().as_u16(), &*reason(&refused)), (403, "NO_GRANT"));
    assert!(text(refused).await.contains("\"reason\":\"NO_GRANT\""));

    bench.replicas[0].script.answers(|_| Err(Status::unavailable("away")));
    let refused = call(&orders, Method::POST, "/orders", Some(&token)).await;
    assert_eq!((refused.status().as_u16(), &*reason(&refused)), (503, "UNDECIDABLE"));
    assert!(call(&orders, Method::GET, "/orders", None).await.headers().get("retry-after").is_none());
}

fn reason(response: &Response<Body>) -> String {
    response.headers()["x-passgate-reason"].to_str().expect("text").to_owned()
}

#[tokio::test]
async fn an_open_answer_of_the_example_breaks_off_when_its_token_is_revoked() {
    let (bench, mut session) = at_work().await;
    allow_all(&bench);
    let (orders, token) = (orders::service(bench.decisions.clone()), genuine(1, 1));
    let mut watching = call(&orders, Method::GET, "/orders/watch", Some(&token)).await.into_body();
    for _ in 0..2 {
        let line = watching.frame().await.expect("goes on").expect("a line").into_data().expect("data");
        assert_eq!(line, "0 orders\n");
    }

    refuse_all(&bench, Reason::TokenRevoked);
    session.change(11, &["tokens/00000000-0000-0000-0000-000000000001"]).await;
    bench.applied(&mut session, 11).await;

    let ended = watching.frame().await.expect("an end").expect_err("never as if complete");
    assert!(ended.to_string().contains("no"), "{ended}");
    assert!(watching.frame().await.is_none());
}

#[tokio::test]
async fn the_example_runs_over_real_connections_and_stops() {
    let mut replica = Replica::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (parts, stop) = (parts(&replica), CancellationToken::new());
    let running = tokio::spawn(orders::run(listener, parts, stop.clone()));
    replica.script.answers(|request| Ok(for_what(request, yes(1, at(10)))));
    let _session = replica.at_work().await;

    let token = genuine(1, 1);
    let request = format!(
        "GET /orders HTTP/1.1\r\nhost: orders\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
        token.expose()
    );
    let mut connection = TcpStream::connect(address).await.expect("it listens");
    connection.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");

    stop.cancel();
    running.await.expect("it ends").expect("in order");
}

fn parts(replica: &Replica) -> Parts {
    let clock = Arc::new(ManualClock::new(START));
    Parts {
        replicas: vec![replica.channel.clone()],
        service_credential: Arc::new(SecretString::new("pgs_orders_secret".to_owned())),
        marks: None,
        ambient: Ambient::new(clock, Arc::new(SeededRandom::new(2))),
        settings: Settings::new("orders", Uuid::from_u128(6)),
    }
}

/// Some tonic service; what it answers says who called.
struct Keys;

#[async_trait]
impl KeyService for Keys {
    async fn list_keys(
        &self,
        request: tonic::Request<proto::ListKeysRequest>,
    ) -> Result<tonic::Response<proto::ListKeysResponse>, Status> {
        let caller = request.extensions().get::<Allowed>().map(|caller| caller.holder().principal.to_string());
        assert!(!request.metadata().contains_key("authorization"), "the credential goes no further");
        let issuer = caller.unwrap_or_default();
        Ok(tonic::Response::new(proto::ListKeysResponse { keys: Vec::new(), issuer }))
    }
}

async fn keys(layer: AuthorizeLayer) -> KeyServiceClient<Channel> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Server::builder().layer(layer).add_service(KeyServiceServer::new(Keys));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    KeyServiceClient::new(Endpoint::from_shared(format!("http://{address}")).expect("a URL").connect_lazy())
}

fn with_token(token: &Credential) -> tonic::Request<proto::ListKeysRequest> {
    let mut request = tonic::Request::new(proto::ListKeysRequest {});
    let bearer = format!("Bearer {}", token.expose()).parse().expect("metadata");
    request.metadata_mut().insert("authorization", bearer);
    request
}

#[tokio::test]
async fn a_tonic_service_is_called_by_who_may_and_refuses_with_error_info() {
    let (bench, _session) = at_work().await;
    allow_all(&bench);
    let mut service = keys(AuthorizeLayer::grpc(bench.decisions.clone())).await;
    let token = genuine(1, 1);

    let answer = service.list_keys(with_token(&token)).await.expect("allowed").into_inner();
    assert_eq!(answer.issuer, "users/00000000-0000-0000-0000-000000000003");
    {
        let asked = bench.replicas[0].script.asked.lock();
        assert_eq!(asked[0].resource, "apis/passgate.token.v1.KeyService/ListKeys");
        assert_eq!(asked[0].action(), passgate_proto::r#type::v1::Action::Write, "unless it is said to read");
    }

    let refused = service.list_keys(proto::ListKeysRequest {}).await.expect_err("no token");
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(refused.get_details_error_info().expect("ErrorInfo").reason, "TOKEN_MISSING");
    let refused = service.list_keys(with_token(&genuine(1, 9))).await.expect_err("forged");
    assert_eq!(refused.get_details_error_info().expect("ErrorInfo").reason, "TOKEN_INVALID");
}

#[tokio::test]
async fn a_tonic_service_says_which_methods_read_and_which_services_are_open() {
    let (bench, _session) = at_work().await;
    allow_all(&bench);
    let reading =
        AuthorizeLayer::grpc(bench.decisions.clone()).with_reading(&["/passgate.token.v1.KeyService/ListKeys"]);
    keys(reading).await.list_keys(with_token(&genuine(1, 1))).await.expect("allowed");
    assert_eq!(bench.replicas[0].script.asked.lock()[0].action(), passgate_proto::r#type::v1::Action::Read);

    let open = AuthorizeLayer::grpc(bench.decisions.clone()).with_public(&["passgate.token.v1.KeyService"]);
    let answer = keys(open).await.list_keys(proto::ListKeysRequest {}).await.expect("open").into_inner();
    assert_eq!(answer.issuer, "", "nobody in particular");
    let other = AuthorizeLayer::grpc(bench.decisions.clone()).with_public(&["passgate.token.v1.Key"]);
    assert!(keys(other).await.list_keys(proto::ListKeysRequest {}).await.is_err(), "a name, not a beginning");
}
