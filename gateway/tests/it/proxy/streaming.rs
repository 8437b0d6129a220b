//! The four kinds of gRPC calls, each by itself, and every way in which one ends before it is complete.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::{Code, Status};

use super::grpc::{TestBody, call, channel, message, one_message, told};
use super::harness::{Gateway, PATIENCE, Setup, api};

/// What an upstream sees of a call.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// It came.
    Begin(String),
    /// One message, by its length.
    Message(usize),
    /// The caller is done.
    HalfClose,
    /// The caller broke off before it was done.
    BrokenOff,
    /// Nobody takes the answer any more.
    Cancelled,
}

/// A gRPC server that does by the method's name, and tells what it sees.
struct Upstream {
    address: SocketAddr,
    seen: UnboundedReceiver<Seen>,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let (tell, seen) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, tell.clone()));
            }
        });
        Self { address, seen }
    }

    async fn next(&mut self) -> Seen {
        tokio::time::timeout(PATIENCE, self.seen.recv()).await.expect("seen in time").expect("running")
    }

    /// Waits until `wanted` is seen, whatever comes before.
    async fn until(&mut self, wanted: Seen) {
        while self.next().await != wanted {}
    }
}

/// Serves one connection, until a call of `Die` ends it.
async fn serve(stream: tokio::net::TcpStream, tell: UnboundedSender<Seen>) {
    let (die, mut dies) = mpsc::channel::<()>(1);
    let service = service_fn(move |request: Request<Incoming>| {
        let (tell, die) = (tell.clone(), die.clone());
        async move {
            let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            let _ = tell.send(Seen::Begin(method.clone()));
            let (sender, body) = channel();
            if method == "Silent" {
                let _told = TellWhenDropped(tell.clone());
                std::future::pending::<()>().await;
            }
            tokio::spawn(async move {
                tokio::select! {
                    biased;
                    () = sender.closed() => drop(tell.send(Seen::Cancelled)),
                    () = act(&method, request.into_body(), &sender, &tell, die) => {}
                }
            });
            Ok::<_, Infallible>(
                Response::builder().header("content-type", "application/grpc").body(body).expect("an answer"),
            )
        }
    });
    let connection =
        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = connection => {}
        _ = dies.recv() => {}
    }
}

struct TellWhenDropped(UnboundedSender<Seen>);

impl Drop for TellWhenDropped {
    fn drop(&mut self) {
        let _ = self.0.send(Seen::Cancelled);
    }
}

type Sender = mpsc::Sender<Result<Frame<Bytes>, Infallible>>;

async fn act(method: &str, body: Incoming, sender: &Sender, tell: &UnboundedSender<Seen>, die: mpsc::Sender<()>) {
    let mut messages = Messages { body, bytes: BytesMut::new(), tell: tell.clone() };
    match method {
        "Chat" => {
            while let Some(text) = messages.next().await {
                say(sender, &text).await;
            }
            say(sender, "and one more after your end").await;
        }
        "Sum" => {
            let mut sum = 0;
            while let Some(text) = messages.next().await {
                sum += text.len();
            }
            say(sender, &sum.to_string()).await;
        }
        "Many" => {
            while messages.next().await.is_some() {}
            for number in 0..100 {
                say(sender, &number.to_string()).await;
            }
        }
        "Endless" => loop {
            say(sender, &"again".repeat(200)).await;
        },
        "Tiny" => {
            for number in 1..=4000 {
                say(sender, "tiny").await;
                if number == 2000 {
                    let _ = tell.send(Seen::Message(number));
                }
            }
        }
        "Half" | "Die" => {
            say(sender, "whole").await;
            let half = message("a message that is cut").slice(..9);
            let _ = sender.send(Ok(Frame::data(half))).await;
            if method == "Half" {
                while messages.next().await.is_some() {}
            } else {
                // Once there is room for all again, what was said has been taken.
                let _ = sender.reserve_many(sender.max_capacity()).await;
                let _ = die.send(()).await;
            }
            std::future::pending::<()>().await;
        }
        other => panic!("no such method: {other}"),
    }
    let trailers = [("grpc-status", "0"), ("x-sum", "7")];
    let trailers = trailers.map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)));
    let _ = sender.send(Ok(Frame::trailers(HeaderMap::from_iter(trailers)))).await;
}

async fn say(sender: &Sender, text: &str) {
    let _ = sender.send(Ok(Frame::data(message(text)))).await;
}

/// What a caller says, message by message; each is told of.
struct Messages {
    body: Incoming,
    bytes: BytesMut,
    tell: UnboundedSender<Seen>,
}

impl Messages {
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(text) = take_message(&mut self.bytes) {
                let _ = self.tell.send(Seen::Message(text.len()));
                return Some(text);
            }
            let end = match self.body.frame().await {
                Some(Ok(frame)) => {
                    self.bytes.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
                    continue;
                }
                Some(Err(_)) => Seen::BrokenOff,
                None => Seen::HalfClose,
            };
            let _ = self.tell.send(end);
            return None;
        }
    }
}

fn take_message(bytes: &mut BytesMut) -> Option<String> {
    let length = u32::from_be_bytes(bytes.get(1..5)?.try_into().expect("4 bytes")) as usize;
    if bytes.len() < 5 + length {
        return None;
    }
    let message = bytes.split_to(5 + length).split_off(5);
    Some(String::from_utf8(message.to_vec()).expect("text"))
}

/// A caller with one connection.
struct Talk {
    client: Client<HttpConnector, TestBody>,
    upstream: Upstream,
    gateway: Gateway,
}

impl Talk {
    async fn start() -> Self {
        let upstream = Upstream::start().await;
        let gateway = Setup::default().api(api("shop.Orders", upstream.address)).start().await;
        for method in ["Chat", "Sum", "Many", "Endless", "Half", "Die", "Silent", "Tiny"] {
            gateway.allow(&format!("apis/shop.Orders/{method}:write"));
        }
        Self { client: Client::builder(TokioExecutor::new()).http2_only(true).build_http(), upstream, gateway }
    }

    fn request(&self, method: &str, body: TestBody) -> Request<TestBody> {
        call(&self.gateway, &format!("/shop.Orders/{method}"), Some(&self.gateway.token()), body)
    }

    async fn call(&self, request: Request<TestBody>) -> Incoming {
        let answer = tokio::time::timeout(PATIENCE, self.client.request(request)).await;
        answer.expect("in time").expect("an answer").into_body()
    }

    /// Calls with a deadline: what came, whole messages or not, and the status.
    async fn by_deadline(&self, method: &str, body: TestBody, timeout: &'static str) -> (Bytes, Status) {
        let mut request = self.request(method, body);
        request.headers_mut().insert("grpc-timeout", HeaderValue::from_static(timeout));
        end(self.call(request).await).await
    }
}

/// The rest of an answer and its status.
async fn end(body: Incoming) -> (Bytes, Status) {
    let whole = tokio::time::timeout(PATIENCE, body.collect()).await.expect("in time").expect("it ends with a status");
    let status = Status::from_header_map(whole.trailers().expect("trailers")).expect("a status");
    (whole.to_bytes(), status)
}

async fn next(body: &mut Incoming) -> Bytes {
    let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("in time").expect("a frame").expect("fine");
    frame.into_data().expect("data")
}

async fn send(sender: &Sender, text: &str) {
    sender.send(Ok(Frame::data(message(text)))).await.expect("taken");
}

#[tokio::test]
async fn a_unary_call_carries_a_message_larger_than_any_window_both_ways() {
    let mut talk = Talk::start().await;
    let large = "x".repeat(3 << 20);
    let (sender, body) = channel();
    send(&sender, &large).await;
    drop(sender);

    let (bytes, status) = end(talk.call(talk.request("Chat", body)).await).await;

    assert_eq!(status.code(), Code::Ok);
    assert_eq!(bytes.slice(..5 + large.len()), message(&large));
    assert_eq!(talk.upstream.next().await, Seen::Begin("Chat".to_owned()));
    assert_eq!(talk.upstream.next().await, Seen::Message(large.len()));
    assert_eq!(talk.upstream.next().await, Seen::HalfClose);
}

#[tokio::test]
async fn a_client_stream_is_answered_after_its_half_close_and_not_before() {
    let mut talk = Talk::start().await;
    let (sender, body) = channel();
    let request = talk.request("Sum", body);
    let mut answer = talk.call(request).await;
    for text in ["one", "two", "three"] {
        send(&sender, text).await;
        talk.upstream.until(Seen::Message(text.len())).await;
    }

    drop(sender);

    assert_eq!(talk.upstream.next().await, Seen::HalfClose);
    assert_eq!(next(&mut answer).await, message("11"));
    assert_eq!(end(answer).await.1.code(), Code::Ok);
}

#[tokio::test]
async fn a_server_stream_passes_every_message_in_order_and_then_the_trailers() {
    let talk = Talk::start().await;

    let answer = talk.call(talk.request("Many", one_message())).await;
    let whole = tokio::time::timeout(PATIENCE, answer.collect()).await.expect("in time").expect("complete");

    let trailers = whole.trailers().cloned().expect("trailers");
    assert_eq!((trailers["grpc-status"].as_bytes(), trailers["x-sum"].as_bytes()), (&b"0"[..], &b"7"[..]));
    let expected: Vec<Bytes> = (0..100).map(|number| message(&number.to_string())).collect();
    assert_eq!(whole.to_bytes(), expected.concat());
}

#[tokio::test]
async fn a_conversation_goes_on_after_the_callers_half_close() {
    let mut talk = Talk::start().await;
    let (sender, body) = channel();
    let mut answer = talk.call(talk.request("Chat", body)).await;
    for text in ["how", "are", "you"] {
        send(&sender, text).await;
        assert_eq!(next(&mut answer).await, message(text), "before the next is sent");
    }

    drop(sender);

    talk.upstream.until(Seen::HalfClose).await;
    let (rest, status) = end(answer).await;
    assert_eq!((rest, status.code()), (message("and one more after your end"), Code::Ok));
}

#[tokio::test]
async fn a_caller_that_leaves_cancels_the_upstreams_call_before_and_in_the_middle_of_the_answer() {
    let mut talk = Talk::start().await;

    let (_sender, body) = channel();
    let answer = talk.call(talk.request("Chat", body)).await;
    drop(answer);
    drop(_sender);
    talk.upstream.until(Seen::Cancelled).await;

    let mut answer = talk.call(talk.request("Endless", one_message())).await;
    assert!(!next(&mut answer).await.is_empty());
    drop(answer);
    talk.upstream.until(Seen::Cancelled).await;

    let request = talk.request("Silent", one_message());
    let waiting = tokio::spawn(talk.client.request(request));
    talk.upstream.until(Seen::Begin("Silent".to_owned())).await;
    waiting.abort();
    talk.upstream.until(Seen::Cancelled).await;
}

#[tokio::test]
async fn a_deadline_that_passes_in_mid_message_ends_the_call_with_its_status_and_the_upstreams_too() {
    let mut talk = Talk::start().await;
    let (sender, body) = channel();

    let (bytes, status) = talk.by_deadline("Half", body, "300m").await;

    assert!(bytes.starts_with(&message("whole")) && bytes.len() == message("whole").len() + 9, "as far as it came");
    assert_eq!(told(&status), (Code::DeadlineExceeded, "passgate".to_owned(), "UPSTREAM_UNAVAILABLE".to_owned()));
    // The caller's side is open still, and yet the upstream is rid of the call.
    talk.upstream.until(Seen::Begin("Half".to_owned())).await;
    let seen = talk.upstream.next().await;
    assert!(matches!(seen, Seen::BrokenOff | Seen::Cancelled), "{seen:?}");
    drop(sender);
}

#[tokio::test]
async fn a_deadline_holds_for_an_upstream_that_always_has_something_to_say() {
    let mut talk = Talk::start().await;

    let (bytes, status) = talk.by_deadline("Endless", one_message(), "200m").await;

    assert!(!bytes.is_empty());
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    talk.upstream.until(Seen::Cancelled).await;
}

#[tokio::test]
async fn an_upstream_that_dies_in_mid_message_is_told_as_unavailable_and_never_as_a_complete_answer() {
    let talk = Talk::start().await;

    let (bytes, status) = end(talk.call(talk.request("Die", one_message())).await).await;

    assert!(bytes.len() <= message("whole").len() + 9);
    assert_eq!(told(&status), (Code::Unavailable, "passgate".to_owned(), "UPSTREAM_UNAVAILABLE".to_owned()));
    let (bytes, status) = end(talk.call(talk.request("Many", one_message())).await).await;
    assert_eq!((bytes.is_empty(), status.code()), (false, Code::Ok), "the next call has a connection of its own");
}

#[tokio::test]
async fn a_caller_that_reads_many_small_messages_slowly_breaks_no_other_call_and_misses_nothing() {
    let mut talk = Talk::start().await;
    let mut small = Client::builder(TokioExecutor::new());
    small.http2_only(true).http2_initial_stream_window_size(1024);
    let slow = small.build_http().request(talk.request("Tiny", one_message()));
    let slow = tokio::time::timeout(PATIENCE, slow).await.expect("in time").expect("an answer").into_body();
    talk.upstream.until(Seen::Message(2000)).await;

    let (_, status) = end(talk.call(talk.request("Many", one_message())).await).await;

    assert_eq!(status.code(), Code::Ok);
    let (bytes, status) = end(slow).await;
    assert_eq!((bytes.len(), status.code()), (4000 * message("tiny").len(), Code::Ok));
}

#[tokio::test]
async fn calls_that_stay_open_keep_no_others_out() {
    let mut talk = Talk::start().await;
    let mut open = Vec::new();
    // More than an upstream allows on one connection: hyper's limit is 200 streams.
    for _ in 0..220 {
        let (sender, body) = channel();
        open.push((sender, talk.call(talk.request("Chat", body)).await));
        talk.upstream.until(Seen::Begin("Chat".to_owned())).await;
        if open.len() % 100 == 0 {
            talk.client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        }
    }

    let (_, status) = end(talk.call(talk.request("Many", one_message())).await).await;

    assert_eq!(status.code(), Code::Ok);
}

#[tokio::test]
async fn grpc_over_http_1_is_refused_since_its_status_might_be_lost() {
    let mut talk = Talk::start().await;
    let client: Client<_, TestBody> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = talk.request("Chat", one_message());
    *request.version_mut() = http::Version::HTTP_11;

    let answer = tokio::time::timeout(PATIENCE, client.request(request)).await.expect("in time").expect("an answer");

    let status = Status::from_header_map(answer.headers()).expect("a status");
    assert_eq!(told(&status), (Code::InvalidArgument, "passgate".to_owned(), "UNSUPPORTED_MEDIA_TYPE".to_owned()));
    let nothing = tokio::time::timeout(Duration::ZERO, talk.upstream.seen.recv()).await;
    assert!(nothing.is_err(), "nothing upstream");
}
