//! gRPC calls: all four kinds of streaming with trailers, deadlines, and refusals as statuses.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::harness::{Gateway, PATIENCE, Setup, api, endpoint, principal};

pub type TestBody = UnsyncBoxBody<Bytes, Infallible>;
type Sender = mpsc::Sender<Result<Frame<Bytes>, Infallible>>;

/// A gRPC server without code generation: it sends back every piece as it comes, then trailers.
pub struct Echo {
    pub address: SocketAddr,
    pub heads: Arc<Mutex<Vec<HeaderMap>>>,
    pub ends: Arc<Mutex<Vec<Option<HeaderMap>>>>,
}

impl Echo {
    pub async fn start() -> Self {
        Self::answering(HeaderMap::from_iter([
            ("grpc-status".parse().expect("a name"), HeaderValue::from_static("0")),
            ("x-sum".parse().expect("a name"), HeaderValue::from_static("7")),
            ("x-passgate-principal".parse().expect("a name"), HeaderValue::from_static("evil")),
        ]))
        .await
    }

    /// Ends every call with these trailers.
    pub async fn answering(trailers: HeaderMap) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let (heads, ends) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (seen_heads, seen_ends) = (Arc::clone(&heads), Arc::clone(&ends));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (heads, ends, trailers) = (Arc::clone(&seen_heads), Arc::clone(&seen_ends), trailers.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    heads.lock().push(request.headers().clone());
                    let answer = echo(request, trailers.clone(), Arc::clone(&ends));
                    async move { Ok::<_, Infallible>(answer) }
                });
                tokio::spawn(
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { address, heads, ends }
    }
}

fn echo(
    request: Request<Incoming>,
    trailers: HeaderMap,
    ends: Arc<Mutex<Vec<Option<HeaderMap>>>>,
) -> Response<TestBody> {
    let (sender, body) = channel();
    let path = request.uri().path().to_owned();
    tokio::spawn(async move {
        let mut incoming = request.into_body();
        let mut end = None;
        while let Some(Ok(frame)) = incoming.frame().await {
            match frame.into_data() {
                Ok(data) => drop(sender.send(Ok(Frame::data(data))).await),
                Err(other) => end = other.into_trailers().ok(),
            }
        }
        ends.lock().push(end);
        if path.ends_with("/Never") {
            std::future::pending::<()>().await;
        }
        let _ = sender.send(Ok(Frame::trailers(trailers))).await;
    });
    Response::builder().header("content-type", "application/grpc").body(body).expect("an answer")
}

pub fn channel() -> (Sender, TestBody) {
    let (sender, receiver) = mpsc::channel(16);
    (sender, StreamBody::new(ReceiverStream::new(receiver)).boxed_unsync())
}

pub fn message(text: &str) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(text.len()).expect("small"));
    framed.put_slice(text.as_bytes());
    framed.freeze()
}

pub fn call(gateway: &Gateway, path: &str, token: Option<&str>, body: TestBody) -> Request<TestBody> {
    let mut request = Request::post(format!("http://{}{path}", gateway.address))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(body).expect("a request")
}

pub async fn send(request: Request<TestBody>) -> Response<Incoming> {
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    tokio::time::timeout(PATIENCE, client.request(request)).await.expect("in time").expect("an answer")
}

/// Calls with one message and waits for the end: the bytes and the status.
pub async fn finish(request: Request<TestBody>) -> (Bytes, HeaderMap) {
    let answer = send(request).await;
    let head = answer.headers().clone();
    let whole = tokio::time::timeout(PATIENCE, answer.into_body().collect()).await.expect("in time").expect("a body");
    let trailers = whole.trailers().cloned().unwrap_or(head);
    (whole.to_bytes(), trailers)
}

pub async fn status_of(request: Request<TestBody>) -> Status {
    Status::from_header_map(&finish(request).await.1).expect("a status")
}

pub fn one_message() -> TestBody {
    let (sender, body) = channel();
    sender.try_send(Ok(Frame::data(message("hi")))).expect("there is room");
    body
}

pub fn told(status: &Status) -> (Code, String, String) {
    let info = status.get_error_details().error_info().cloned().expect("ErrorInfo");
    (status.code(), info.domain, info.reason)
}

async fn shop() -> (Echo, Gateway) {
    let echo = Echo::start().await;
    let gateway =
        Setup::default().api(api("shop.Orders", echo.address)).endpoint(endpoint("sales", echo.address)).start().await;
    gateway.allow("apis/shop.Orders/Do:write");
    gateway.allow("apis/shop.Orders/Never:write");
    (echo, gateway)
}

#[tokio::test]
async fn a_unary_call_passes_with_who_calls_and_its_trailers_and_without_the_credential() {
    let (echo, gateway) = shop().await;

    let (bytes, trailers) = finish(call(&gateway, "/shop.Orders/Do", Some(&gateway.token()), one_message())).await;

    assert_eq!(bytes, message("hi"));
    assert_eq!((trailers["grpc-status"].as_bytes(), trailers["x-sum"].as_bytes()), (&b"0"[..], &b"7"[..]));
    assert!(!trailers.contains_key("x-passgate-principal"), "an upstream introduces nobody");
    let head = echo.heads.lock()[0].clone();
    assert_eq!(head["x-passgate-principal"], principal().to_string().as_str());
    assert_eq!(head["te"], "trailers");
    assert!(!head.contains_key("authorization"));
}

#[tokio::test]
async fn a_client_stream_passes_message_by_message_and_its_trailers_are_cleaned() {
    let (echo, gateway) = shop().await;
    let (sender, body) = channel();
    for text in ["a", "b", "c"] {
        sender.send(Ok(Frame::data(message(text)))).await.expect("sent");
    }
    let trailers = [("x-mine", "1"), ("authorization", "Bearer evil"), ("x-passgate-scopes", "evil")];
    let trailers = trailers.map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)));
    sender.send(Ok(Frame::trailers(HeaderMap::from_iter(trailers)))).await.expect("sent");
    drop(sender);

    let (bytes, _) = finish(call(&gateway, "/shop.Orders/Do", Some(&gateway.token()), body)).await;

    assert_eq!(bytes, [message("a"), message("b"), message("c")].concat());
    let end = echo.ends.lock()[0].clone().expect("trailers");
    assert_eq!(end.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["x-mine"]);
}

#[tokio::test]
async fn a_server_stream_and_a_conversation_pass_piece_by_piece() {
    let (_echo, gateway) = shop().await;
    let (sender, body) = channel();
    let mut answer = send(call(&gateway, "/shop.Orders/Do", Some(&gateway.token()), body)).await.into_body();

    for text in ["one", "two", "three"] {
        sender.send(Ok(Frame::data(message(text)))).await.expect("sent");
        let piece = tokio::time::timeout(PATIENCE, answer.frame())
            .await
            .expect("before the next is sent")
            .expect("a frame")
            .expect("fine");
        assert_eq!(piece.into_data().expect("data"), message(text));
    }
    drop(sender);

    let end = answer.frame().await.expect("a frame").expect("fine").into_trailers().expect("trailers");
    assert_eq!(end["grpc-status"], "0");
}

#[tokio::test]
async fn without_a_genuine_token_every_path_is_unauthenticated_and_looks_the_same() {
    let (echo, gateway) = shop().await;
    let paths = [
        "/shop.Orders/Do",
        "/shop.Orders/Nothing",
        "/no.Such/Thing",
        "/shop.orders/Do",
        "/shop.Orders//Do",
        "/shop.Orders/Do/",
        "/shop.Orders/Do?x",
        "/shop.Orders%2FDo",
        "/",
        "/passgate.token.v1.IssuingService/PrepareToken",
        "/passgate.token.v1.TokenService/CreateToken",
        "/grpc.Evil/X",
    ];
    for (token, reason) in [(None, "TOKEN_MISSING"), (Some("evil"), "TOKEN_INVALID")] {
        let mut first = None;
        for path in paths {
            let (bytes, mut trailers) = finish(call(&gateway, path, token, one_message())).await;
            trailers.remove("date");
            let status = Status::from_header_map(&trailers).expect("a status");
            assert_eq!(told(&status), (Code::Unauthenticated, "passgate".to_owned(), reason.to_owned()), "{path}");
            assert!(bytes.is_empty());
            assert_eq!(&trailers, first.get_or_insert(trailers.clone()), "{path}");
        }
    }
    assert!(echo.heads.lock().is_empty());
}

#[tokio::test]
async fn with_a_token_what_is_not_exactly_a_method_is_unimplemented_and_a_lacking_right_is_denied_the_same_for_what_does_not_exist()
 {
    let (echo, gateway) = shop().await;
    let token = gateway.token();
    gateway.allow("apis/no.Such/Thing:write");
    for path in [
        "/no.Such/Thing",
        "/shop.Orders//Do",
        "/shop.Orders/Do/",
        "/shop.Orders/Do?x",
        "/shop.Orders%2FDo",
        "/grpc.Evil/X",
        "/passgate.token.v1.IssuingService/PrepareToken",
    ] {
        let status = status_of(call(&gateway, path, Some(&token), one_message())).await;
        let unimplemented = (Code::Unimplemented, "passgate".to_owned(), "UNIMPLEMENTED".to_owned());
        assert_eq!(told(&status), unimplemented, "{path}");
    }
    for path in ["/shop.Orders/Other", "/no.Such/Other", "/shop.orders/Do"] {
        let status = status_of(call(&gateway, path, Some(&token), one_message())).await;
        assert_eq!(told(&status), (Code::PermissionDenied, "passgate".to_owned(), "NO_GRANT".to_owned()), "{path}");
    }
    assert!(echo.heads.lock().is_empty());
}

#[tokio::test]
async fn a_method_writes_unless_its_api_says_that_it_reads() {
    let (_echo, gateway) = shop().await;
    for path in ["/shop.Orders/Get", "/shop.Orders/Put", "/no.Such/Get"] {
        status_of(call(&gateway, path, Some(&gateway.token()), one_message())).await;
    }
    assert_eq!(
        *gateway.decisions.asked.lock(),
        ["apis/shop.Orders/Get:read", "apis/shop.Orders/Put:write", "apis/no.Such/Get:write"]
    );
}

#[tokio::test]
async fn a_grpc_call_of_an_endpoint_is_an_invalid_argument() {
    let (echo, gateway) = shop().await;
    gateway.allow("endpoints/sales:write");

    let status = status_of(call(&gateway, "/endpoints/sales/x", Some(&gateway.token()), one_message())).await;

    assert_eq!(told(&status), (Code::InvalidArgument, "passgate".to_owned(), "UNSUPPORTED_MEDIA_TYPE".to_owned()));
    assert!(echo.heads.lock().is_empty());
}

#[tokio::test]
async fn an_upstream_cannot_refuse_in_passgates_name() {
    let details = ErrorDetails::with_error_info("TOKEN_REVOKED", "passgate", HashMap::new());
    let forged = Status::with_error_details(Code::Unauthenticated, "your token was revoked", details).into_http::<()>();
    let echo = Echo::answering(forged.headers().clone()).await;
    let gateway = Setup::default().api(api("shop.Orders", echo.address)).start().await;
    gateway.allow("apis/shop.Orders/Do:write");

    let status = status_of(call(&gateway, "/shop.Orders/Do", Some(&gateway.token()), one_message())).await;

    assert_eq!(status.code(), Code::Unauthenticated, "it may refuse");
    assert!(status.get_error_details().error_info().is_none(), "but not as Passgate");
}

#[tokio::test]
async fn a_deadline_is_kept_told_to_the_upstream_and_refused_if_malformed() {
    let (echo, gateway) = shop().await;
    let with = |timeout: &'static str| {
        let mut request = call(&gateway, "/shop.Orders/Never", Some(&gateway.token()), one_message());
        request.headers_mut().insert("grpc-timeout", HeaderValue::from_static(timeout));
        request
    };

    assert_eq!(status_of(with("100m")).await.code(), Code::DeadlineExceeded);
    assert_eq!(echo.heads.lock()[0]["grpc-timeout"], "100000u");
    for wrong in ["1s", "123456789S", "S", "-1S"] {
        assert_eq!(told(&status_of(with(wrong)).await).0, Code::InvalidArgument, "{wrong}");
    }
    assert_eq!(echo.heads.lock().len(), 1);
}

#[tokio::test]
async fn an_upstream_that_is_away_is_unavailable_and_used_again_as_soon_as_it_is_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    drop(listener);
    let gateway = Setup::default().api(api("shop.Orders", address)).start().await;
    gateway.allow("apis/shop.Orders/Do:write");
    let ask = || call(&gateway, "/shop.Orders/Do", Some(&gateway.token()), one_message());

    let status = status_of(ask()).await;
    assert_eq!(told(&status), (Code::Unavailable, "passgate".to_owned(), "UPSTREAM_UNAVAILABLE".to_owned()));
    assert!(status.get_error_details().retry_info().is_some());

    let listener = TcpListener::bind(address).await.expect("the same port");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let service = service_fn(|_| async {
            let trailers = Status::ok("").into_http::<()>().map(|()| channel().1);
            Ok::<_, Infallible>(trailers)
        });
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    });
    assert_eq!(finish(ask()).await.1["grpc-status"], "0");
}
