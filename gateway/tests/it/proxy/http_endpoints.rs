//! What is let through to endpoints, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use passgate_gateway::registry::EndpointRoute;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::harness::{PATIENCE, Setup, endpoint, header, principal, public, request, status, token_id};
use super::recorder::{PLAIN, Recorder};

#[tokio::test]
async fn an_allowed_request_is_written_anew_with_who_calls_and_without_the_credential() {
    let upstream = Recorder::start(PLAIN).await;
    let gateway = Setup::default().endpoint(endpoint("sales", upstream.address)).start().await;
    gateway.allow("endpoints/sales:read");

    let answer =
        gateway.get("/endpoints/sales/a%20b/c;v=1?q=%2F..&r", &["Accept: text/plain", "X-Own:  spaced "]).await;

    assert_eq!((status(&answer), header(&answer, "x-content-type-options")), (200, Some("nosniff")));
    assert!(answer.ends_with("hello"), "{answer}");
    let got = upstream.only();
    let mut lines: Vec<&str> = got.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "GET /base/a%20b/c;v=1?q=%2F..&r HTTP/1.1");
    lines.sort_unstable();
    let (host, principal, token) = (
        format!("host: {}", upstream.address),
        format!("x-passgate-principal: {}", principal()),
        format!("x-passgate-token-id: {}", token_id()),
    );
    assert_eq!(
        lines,
        [
            "accept: text/plain",
            &host,
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-proto: http",
            "x-own: spaced",
            &principal,
            "x-passgate-scopes: endpoints/*",
            &token,
        ]
    );
}

#[tokio::test]
async fn http_2_callers_reach_an_http_1_upstream_with_their_bodies() {
    let upstream = Recorder::start(PLAIN).await;
    let gateway = Setup::default().endpoint(endpoint("sales", upstream.address)).start().await;
    gateway.allow("endpoints/sales:write");
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<bytes::Bytes>>();

    let request = http::Request::post(format!("http://{}/endpoints/sales/x", gateway.address))
        .header("authorization", format!("Bearer {}", gateway.token()))
        .body(Full::from("a body"))
        .expect("a request");
    let answer = client.request(request).await.expect("an answer");

    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    assert_eq!(answer.into_body().collect().await.expect("a body").to_bytes(), "hello");
    let got = upstream.only();
    assert!(got.starts_with("POST /base/x HTTP/1.1\r\n") && got.ends_with("\r\n\r\na body"), "{got}");
    assert!(!got.contains("eyJ"), "the credential is not sent on");
}

#[tokio::test]
async fn bodies_are_streamed_both_ways_and_not_collected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    let gateway = Setup::default().endpoint(public("open", address)).start().await;
    let mut caller = TcpStream::connect(gateway.address).await.expect("a connection");
    caller
        .write_all(b"POST /endpoints/open HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        .await
        .expect("written");

    let (mut upstream, _) = listener.accept().await.expect("a connection");
    read_until(&mut upstream, "one").await;
    upstream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nuno\r\n").await.expect("written");
    read_until(&mut caller, "uno").await;
    caller.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await.expect("written");
    read_until(&mut upstream, "two").await;
    upstream.write_all(b"3\r\ndos\r\n0\r\n\r\n").await.expect("written");

    read_until(&mut caller, "dos").await;
}

async fn read_until(stream: &mut TcpStream, wanted: &str) {
    let mut seen = String::new();
    while !seen.contains(wanted) {
        let mut buffer = [0; 1024];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.expect("in time").expect("read");
        assert_ne!(read, 0, "ended before {wanted}: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

#[tokio::test]
async fn fixed_parameters_take_the_place_of_the_callers() {
    let upstream = Recorder::start(PLAIN).await;
    let fixed = BTreeMap::from([("company".to_owned(), "ours".to_owned())]);
    let route = EndpointRoute { fixed_query: fixed, ..public("open", upstream.address) };
    let gateway = Setup::default().endpoint(route).start().await;

    gateway.get_without_token("/endpoints/open/x?a=1&%63ompany=evil&company[]=evil;company=evil", &[]).await;

    assert!(upstream.only().starts_with("GET /base/x?a=1&company=ours HTTP/1.1\r\n"), "{}", upstream.only());
}

#[tokio::test]
async fn a_body_larger_than_the_endpoint_takes_is_refused_whether_it_says_so_or_not() {
    let upstream = Recorder::start(PLAIN).await;
    let route = EndpointRoute { max_request_bytes: Some(4), ..public("open", upstream.address) };
    let gateway = Setup::default().endpoint(route).start().await;

    let said = gateway.send(&request("POST", "/endpoints/open", &["Content-Length: 5"], "12345")).await;
    let unsaid = gateway
        .send(&request("POST", "/endpoints/open", &["Transfer-Encoding: chunked"], "5\r\n12345\r\n0\r\n\r\n"))
        .await;
    let fitting = gateway.send(&request("POST", "/endpoints/open", &["Content-Length: 4"], "1234")).await;

    for answer in [said, unsaid] {
        assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (413, Some("BODY_TOO_LARGE")));
    }
    assert_eq!(status(&fitting), 200);
}

#[tokio::test]
async fn an_upstream_that_is_away_is_told_and_used_again_as_soon_as_it_is_back() {
    let upstream = Recorder::start(PLAIN).await;
    let address = upstream.address;
    let gateway = Setup::default().endpoint(public("open", address)).start().await;
    assert_eq!(status(&gateway.get_without_token("/endpoints/open", &[]).await), 200);

    drop(upstream);
    while TcpListener::bind(address).await.is_err() {
        tokio::task::yield_now().await; // until the upstream's task has let go of the port
    }
    let away = gateway.get_without_token("/endpoints/open", &[]).await;
    assert_eq!((status(&away), header(&away, "x-passgate-reason")), (503, Some("UPSTREAM_UNAVAILABLE")));
    assert_eq!(header(&away, "retry-after"), Some("1"));

    let _back = Recorder::serve(TcpListener::bind(address).await.expect("the same port"), PLAIN.to_owned());
    assert_eq!(status(&gateway.get_without_token("/endpoints/open", &[]).await), 200);
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_in_time_is_504_and_one_that_breaks_off_502() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let broken = Recorder::start("HTTP/1.1 2").await;
    let slow = EndpointRoute {
        timeout: Duration::from_millis(50),
        ..public("slow", silent.local_addr().expect("an address"))
    };
    let gateway = Setup::default().endpoint(slow).endpoint(public("broken", broken.address)).start().await;

    assert_eq!(status(&gateway.get_without_token("/endpoints/slow", &[]).await), 504);
    assert_eq!(status(&gateway.get_without_token("/endpoints/broken", &[]).await), 502);
}

#[tokio::test]
async fn an_upstream_sets_no_state_for_others_and_does_not_speak_as_passgate() {
    let upstream = Recorder::start(concat!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nalt-svc: h3=\":1\"\r\nclear-site-data: \"*\"\r\nservice-worker-allowed: /\r\n",
        "strict-transport-security: max-age=1\r\nx-passgate-reason: TOKEN_REVOKED\r\nX_Passgate_Principal: me\r\nkeep-alive: timeout=5\r\n",
        "connection: close, x-hop\r\nx-hop: 1\r\netag: \"1\"\r\n\r\n"
    ))
    .await;
    let gateway = Setup::default().endpoint(public("open", upstream.address)).start().await;

    let answer = gateway.get_without_token("/endpoints/open", &[]).await;

    let mut names: Vec<&str> =
        answer.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(
        (status(&answer), names),
        (401, vec!["connection", "content-length", "date", "etag", "x-content-type-options"])
    );
}

#[tokio::test]
async fn a_redirect_to_the_upstreams_own_base_and_its_cookies_are_rewritten_to_the_endpoint() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: /base/next?a=1\r\nset-cookie: s=1; Path=/; Domain=x.example\r\n\
                  set-cookie: t=2; Path=/base/deep\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let upstream = Recorder::start(answer).await;
    let gateway = Setup::default().endpoint(endpoint("sales", upstream.address)).start().await;
    gateway.allow("endpoints/sales:read");

    let answer = gateway.get("/endpoints/sales/x", &[]).await;

    assert_eq!((status(&answer), header(&answer, "location")), (302, Some("/endpoints/sales/next?a=1")));
    assert_eq!(upstream.count(), 1, "passed on, never followed");
    assert!(answer.contains("set-cookie: s=1; Path=/endpoints/sales\r\n"), "{answer}");
    assert!(answer.contains("set-cookie: t=2; Path=/endpoints/sales/deep\r\n"), "{answer}");
}

#[tokio::test]
async fn an_upstream_that_switches_protocols_unasked_or_frames_in_two_ways_is_502_and_not_used_again() {
    for answer in [
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nraw",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\nbroken\x01: x\r\n\r\n",
        "no HTTP at all",
    ] {
        let upstream = Recorder::start(answer).await;
        let gateway = Setup::default().endpoint(endpoint("sales", upstream.address)).start().await;
        gateway.allow("endpoints/sales:read");

        for count in 1..=2 {
            let told = gateway.get("/endpoints/sales", &[]).await;
            assert_eq!(status(&told), 502, "{answer:?}: {told}");
            assert_eq!(header(&told, "x-passgate-reason"), Some("UPSTREAM_UNAVAILABLE"), "{answer:?}");
            assert_eq!(upstream.count(), count, "{answer:?}: each by a connection of its own");
        }
    }
}

#[tokio::test]
async fn what_follows_the_end_of_an_answer_is_nobodys_answer() {
    let smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    let upstream = Recorder::start(format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello{smuggled}")).await;
    let gateway = Setup::default().endpoint(endpoint("sales", upstream.address)).start().await;
    gateway.allow("endpoints/sales:read");

    for count in 1..=3 {
        let answer = gateway.get("/endpoints/sales", &[]).await;
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
        assert_eq!(upstream.count(), count);
    }
}

#[tokio::test]
async fn the_head_of_an_answer_is_bounded() {
    let many = "x-filler: 0123456789\r\n".repeat(101);
    let large = format!("x-large: {}\r\n", "x".repeat(1 << 20));
    for head in [many, large] {
        let upstream = Recorder::start(format!("HTTP/1.1 200 OK\r\n{head}content-length: 0\r\n\r\n")).await;
        let gateway = Setup::default().endpoint(endpoint("sales", upstream.address)).start().await;
        gateway.allow("endpoints/sales:read");

        assert_eq!(status(&gateway.get("/endpoints/sales", &[]).await), 502);
    }
}

#[tokio::test]
async fn a_service_of_the_installation_is_not_connected_to_though_it_is_registered() {
    let service = Recorder::start(PLAIN).await;
    let setup = Setup { services: vec![service.address], ..Setup::default() };
    let gateway = setup.endpoint(endpoint("sales", service.address)).start().await;
    gateway.allow("endpoints/sales:read");

    let answer = gateway.get("/endpoints/sales", &[]).await;

    assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (502, Some("UPSTREAM_UNAVAILABLE")));
    assert_eq!(service.count(), 0);
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let mut gateway =
        Setup::default().endpoint(public("open", listener.local_addr().expect("an address"))).start().await;
    let mut caller = TcpStream::connect(gateway.address).await.expect("a connection");
    caller.write_all(b"GET /endpoints/open HTTP/1.1\r\nHost: g\r\n\r\n").await.expect("written");
    let (mut upstream, _) = listener.accept().await.expect("a connection");
    read_until(&mut upstream, "\r\n\r\n").await;

    gateway.stop.cancel();
    upstream.write_all(PLAIN.as_bytes()).await.expect("written");

    read_until(&mut caller, "hello").await;
    tokio::time::timeout(PATIENCE, &mut gateway.served).await.expect("ends in time").expect("ends well");
    assert!(TcpStream::connect(gateway.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_head_request_is_answered_with_the_length_that_get_would_have() {
    let upstream = Recorder::start("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n").await;
    let gateway = Setup::default().endpoint(public("open", upstream.address)).start().await;

    let answer = gateway.send(&request("HEAD", "/endpoints/open", &[], "")).await;

    assert_eq!((status(&answer), header(&answer, "content-length")), (200, Some("5")));
    assert!(upstream.only().starts_with("HEAD /base HTTP/1.1\r\n"));
}

#[tokio::test]
async fn the_crumbs_of_an_http_2_cookie_reach_an_http_1_upstream_as_one() {
    let upstream = Recorder::start(PLAIN).await;
    let gateway = Setup::default().endpoint(public("open", upstream.address)).start().await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<bytes::Bytes>>();

    let request = http::Request::get(format!("http://{}/endpoints/open", gateway.address))
        .header("cookie", "a=1")
        .header("cookie", "b=2");
    client.request(request.body(Full::default()).expect("a request")).await.expect("an answer");

    assert!(upstream.only().contains("\r\ncookie: a=1; b=2\r\n"), "{}", upstream.only());
}
