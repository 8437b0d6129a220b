//! A server as the services start it, called over a real connection.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "what a test cannot set up must fail it")]

use std::sync::Arc;
use std::time::Duration;

use passgate_kit::access::{AccessLayer, AccessParts};
use passgate_kit::client::mark::MarkKey;
use passgate_kit::client::source::{DecisionSource, Undecidable};
use passgate_kit::client::{Decision, Question};
use passgate_kit::mark::{FeedOf, Marks};
use passgate_kit::server::{Readiness, bind, channel, serve, with_standard_services};
use passgate_proto::identity::v1::session_service_client::SessionServiceClient;
use passgate_proto::identity::v1::session_service_server::{SessionService, SessionServiceServer};
use passgate_proto::identity::v1::{SignInRequest, SignInResponse, SignOutRequest, SignOutResponse};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt as _;

/// Knows nothing of any token.
#[derive(Debug)]
struct Away;

#[tonic::async_trait]
impl DecisionSource for Away {
    async fn decide(&self, _: &Question) -> Result<Decision, Undecidable> {
        Err(Undecidable::Unreachable(None))
    }
}

/// Panics for the e-mail `panic`; waits for the test for `wait`.
#[derive(Debug, Default)]
struct Sessions {
    arrived: Notify,
    may_go_on: Notify,
}

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn sign_in(&self, request: Request<SignInRequest>) -> Result<Response<SignInResponse>, Status> {
        assert_ne!(request.get_ref().email, "panic", "as the test asked");
        if request.get_ref().email == "wait" {
            self.arrived.notify_one();
            self.may_go_on.notified().await;
        }
        Ok(Response::new(SignInResponse::default()))
    }

    async fn sign_out(&self, _: Request<SignOutRequest>) -> Result<Response<SignOutResponse>, Status> {
        Ok(Response::new(SignOutResponse::default()))
    }
}

struct Running {
    channel: Channel,
    sessions: Arc<Sessions>,
    readiness: Readiness,
    stop: CancellationToken,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

async fn start() -> Running {
    let sessions = Arc::new(Sessions::default());
    let routes = Routes::new(SessionServiceServer::from_arc(Arc::clone(&sessions)));
    let (routes, readiness) = with_standard_services(routes).await.unwrap();
    let access = AccessLayer::new(AccessParts {
        decisions: Arc::new(Away),
        services: Arc::new(|_| None),
        marks: Marks::new(Arc::new(MarkKey::new([1; 32])), FeedOf::Identity),
        open_reflection: true,
    });
    let listener = bind("the test", ([127, 0, 0, 1], 0).into()).await.unwrap();
    let channel = channel(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, access, routes, stop.clone()));
    Running { channel, sessions, readiness, stop, server }
}

fn sign_in(email: &str) -> SignInRequest {
    SignInRequest { email: email.to_owned(), ..SignInRequest::default() }
}

fn told(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info().expect("every refusal carries an ErrorInfo");
    assert_eq!(info.domain, "passgate");
    (status.code(), info.reason)
}

/// A call with a message of another type than the contract's.
async fn call_with_number(channel: Channel, path: &'static str) -> Status {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<u64, ()>::default();
    let answer = grpc.unary(Request::new(7), PathAndQuery::from_static(path), codec).await;
    answer.expect_err("it cannot be read")
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_is_the_callers_fault_and_says_so() {
    let running = start().await;
    let status = call_with_number(running.channel, "/passgate.identity.v1.SessionService/SignIn").await;
    assert_eq!(told(&status), (Code::InvalidArgument, "MALFORMED_REQUEST".to_owned()));
}

#[tokio::test]
async fn a_refused_call_is_refused_before_its_message_is_read() {
    let running = start().await;
    let status = call_with_number(running.channel, "/passgate.identity.v1.SessionService/SignOut").await;
    assert_eq!(told(&status), (Code::Unauthenticated, "TOKEN_MISSING".to_owned()));
}

#[tokio::test]
async fn a_panic_answers_internal_and_the_next_call_is_served() {
    let running = start().await;
    let mut client = SessionServiceClient::new(running.channel);

    let status = client.sign_in(sign_in("panic")).await.expect_err("it panics");
    assert_eq!(told(&status), (Code::Internal, "INTERNAL".to_owned()));

    client.sign_in(sign_in("next")).await.expect("served on the same connection");
}

#[tokio::test]
async fn stopping_finishes_the_calls_under_way_and_takes_no_more() {
    let running = start().await;
    let (arrived, channel) = (Arc::clone(&running.sessions), running.channel.clone());
    let call = tokio::spawn(async move { SessionServiceClient::new(channel).sign_in(sign_in("wait")).await });
    arrived.arrived.notified().await;

    running.stop.cancel();
    running.sessions.may_go_on.notify_one();

    call.await.unwrap().expect("finished");
    drop(running.channel);
    tokio::time::timeout(Duration::from_secs(30), running.server).await.expect("it ends").unwrap().unwrap();
}

#[tokio::test]
async fn health_tells_readiness() {
    let running = start().await;
    let mut health = HealthClient::new(running.channel);

    let before = health.check(HealthCheckRequest::default()).await.unwrap().into_inner().status();
    running.readiness.set(true).await;
    let after = health.check(HealthCheckRequest::default()).await.unwrap().into_inner().status();

    assert_eq!((before, after), (ServingStatus::NotServing, ServingStatus::Serving));
}

async fn reflect(channel: &Channel, question: MessageRequest) -> Result<MessageResponse, Status> {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let stream = tokio_stream::once(request);
    let mut answers =
        ServerReflectionClient::new(channel.clone()).server_reflection_info(stream).await.unwrap().into_inner();
    Ok(answers.message().await?.expect("an answer").message_response.expect("a message"))
}

#[tokio::test]
async fn reflection_knows_the_public_services_and_none_of_the_internal_ones() {
    let running = start().await;

    let Ok(MessageResponse::ListServicesResponse(list)) =
        reflect(&running.channel, MessageRequest::ListServices(String::new())).await
    else {
        panic!("not a list");
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    for shown in ["passgate.identity.v1.UserService", "passgate.token.v1.TokenService", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|name| name == shown), "{shown} is not among {names:?}");
    }

    for hidden in ["passgate.identity.v1.DirectoryService", "passgate.token.v1.IssuingService"] {
        assert!(!names.iter().any(|name| name == hidden), "{hidden} is listed");
        let answer = reflect(&running.channel, MessageRequest::FileContainingSymbol(hidden.to_owned())).await;
        assert_eq!(answer.expect_err("not described").code(), Code::NotFound, "{hidden}");
    }
}
