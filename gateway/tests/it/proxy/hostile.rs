//! security.md §3.5, §3.6 and what hyper shows of §3.2, against the real data plane: after each, the upstream got nothing,
//! or got it cleaned.

use super::harness::{Gateway, Setup, endpoint, header, public, request, status};
use super::recorder::{PLAIN, Recorder};

/// The part of a token that says whose it is.
fn beginning(token: &str) -> &str {
    token.get(..60).expect("longer")
}

async fn open() -> (Recorder, Gateway) {
    let upstream = Recorder::start(PLAIN).await;
    let setup =
        Setup::default().endpoint(public("open", upstream.address)).endpoint(endpoint("sales", upstream.address));
    let gateway = setup.start().await;
    gateway.allow("endpoints/sales:read");
    (upstream, gateway)
}

#[tokio::test]
async fn a_path_that_means_two_things_is_400_on_public_and_protected_endpoints_alike_and_the_connection_closes() {
    let (upstream, gateway) = open().await;
    for name in ["open", "sales", "nothing"] {
        for rest in [
            "/../sales",
            "/./x",
            "/%2e%2e/x",
            "/.%2e",
            "//x",
            "/a//b",
            "/a\\b",
            "/a%5cb",
            "/a%2fb",
            "/a%00b",
            "/a%252e",
            "/a%zz",
            "/a%",
            "/..;/x",
            "/..;a=b/x",
            "/..%3b/x",
            ";x=1/y",
            "/%c0%ae%c0%ae/x",
            "/%u002f",
        ] {
            let path = format!("/endpoints/{name}{rest}");
            let bytes = format!("GET {path} HTTP/1.1\r\nHost: g\r\n\r\n");
            let answer = gateway.send(bytes.as_bytes()).await;
            assert_eq!((status(&answer), header(&answer, "connection")), (400, Some("close")), "{path}");
            assert_eq!(header(&answer, "x-passgate-reason"), Some("MALFORMED_REQUEST"), "{path}");
            assert_eq!(header(&answer, "content-type"), Some("application/problem+json"), "{path}");
        }
    }
    for path in ["//endpoints/open", "/x/../endpoints/open", "/endpoints;x/open", "/endpoints%2fopen", "*"] {
        assert_eq!(status(&gateway.get_without_token(path, &[]).await), 400, "{path}");
    }
    for path in ["/endpoints/open/\u{1}", "/endpoints/open/é"] {
        assert_eq!(status(&gateway.get_without_token(path, &[]).await), 400, "{path}");
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn a_name_in_another_case_with_a_trailing_dot_or_in_another_alphabet_does_not_match() {
    let (upstream, gateway) = open().await;
    for path in [
        "/endpoints/Open",
        "/endpoints/OPEN/x",
        "/endpoints/open.",
        "/Endpoints/open",
        "/endpoints/%6fpen",
        "/endpoints/op%D0%B5n",
        "/endpoints/%EF%BC%8Fopen",
        "/%65ndpoints/open",
    ] {
        assert_eq!(status(&gateway.get_without_token(path, &[]).await), 401, "{path}");
        assert!(matches!(status(&gateway.get(path, &[]).await), 403 | 404), "{path}");
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn parameters_of_other_segments_are_forwarded_untouched() {
    let (upstream, gateway) = open().await;
    gateway.get_without_token("/endpoints/open/a;b=c/%C3%A9;d", &[]).await;
    assert!(upstream.only().starts_with("GET /base/a;b=c/%C3%A9;d HTTP/1.1\r\n"));
}

#[tokio::test]
async fn what_frames_or_names_a_request_in_two_ways_is_refused() {
    let (upstream, gateway) = open().await;
    for (head, expected) in [
        ("GET /endpoints/open HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400),
        ("GET /endpoints/open HTTP/1.1\r\nHost: a, b\r\n", 400),
        ("GET /endpoints/open HTTP/1.1\r\nHost: u@a\r\n", 400),
        ("GET /endpoints/open HTTP/1.1\r\n", 400),
        ("GET http://evil.example/endpoints/open HTTP/1.1\r\nHost: evil.example\r\n", 400),
        ("GET http://u@g/endpoints/open HTTP/1.1\r\nHost: g\r\n", 400),
        ("GET g:80 HTTP/1.1\r\nHost: g:80\r\n", 400),
        ("CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n", 405),
        ("TRACE /endpoints/open HTTP/1.1\r\nHost: g\r\n", 405),
        ("POST /endpoints/open HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: gzip, chunked\r\n", 400),
        ("POST /endpoints/open HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", 400),
        ("POST /endpoints/open HTTP/1.1\r\nHost: g\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400),
        ("POST /endpoints/open HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\nExpect: tea\r\n", 417),
    ] {
        let answer = gateway.send(format!("{head}Connection: close\r\n\r\n0\r\n\r\n").as_bytes()).await;
        assert_eq!(status(&answer), expected, "{head}");
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn content_length_beside_chunked_reaches_the_upstream_in_one_framing_or_not_at_all() {
    let (upstream, gateway) = open().await;
    for headers in
        [["Content-Length: 3", "Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Content-Length: 3"]]
    {
        let smuggled = "0\r\n\r\nGET /endpoints/open/smuggled HTTP/1.1\r\nHost: g\r\n\r\n";
        let answer = gateway.send(&request("POST", "/endpoints/open", &headers, smuggled)).await;
        assert!(answer.matches("HTTP/1.1 ").count() == 1, "one answer, then closed: {answer}");
    }
    for got in upstream.all() {
        assert!(!got.contains("content-length") || !got.contains("transfer-encoding"), "two framings: {got}");
        assert!(!got.contains("smuggled"), "{got}");
    }
}

#[tokio::test]
async fn callers_say_neither_who_they_are_nor_where_they_come_from_in_no_spelling_and_on_public_endpoints_too() {
    let (upstream, gateway) = open().await;
    let forged = [
        "x-passgate-principal: users/evil",
        "X_Passgate_Principal: users/evil",
        "X.Passgate.Scopes: evil",
        "X-PASSGATE-TOKEN-ID: evil",
        "x-passgate-principal: doubled-evil",
        "passgate-service: pgs_evil",
        "passgate-peer: evil",
        "X-Forwarded-For: evil",
        "X-Forwarded-Host: evil",
        "Forwarded: for=evil",
        "X-Real-IP: evil",
        "X-Original-URL: /evil",
        "x_forwarded_proto: evil",
    ];

    gateway.get_without_token("/endpoints/open", &forged).await;

    assert!(!upstream.only().contains("evil"), "{}", upstream.only());
    assert!(!upstream.only().contains("x-passgate-"), "nobody is introduced on a PUBLIC endpoint");
}

#[tokio::test]
async fn connection_cannot_remove_who_calls() {
    let (upstream, gateway) = open().await;

    let listed = "Connection: x-passgate-principal, x-passgate-token-id, authorization, host, x-secret";
    let answer = gateway
        .get(
            "/endpoints/sales",
            &[listed, "x-secret: 1", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "TE: gzip"],
        )
        .await;

    assert_eq!(status(&answer), 200);
    let got = upstream.only();
    assert!(
        got.contains("x-passgate-principal: users/")
            && got.contains("x-passgate-token-id: ")
            && got.contains("host: 127.0.0.1")
    );
    for gone in ["connection", "x-secret", "upgrade", "http2-settings", "te: ", "authorization"] {
        assert!(!got.contains(&format!("\r\n{gone}")), "{gone} in {got}");
    }
}

#[tokio::test]
async fn trailers_that_name_us_framing_or_authorization_do_not_pass() {
    let (upstream, gateway) = open().await;
    let body = "1\r\nx\r\n0\r\nauthorization: Bearer evil\r\nx-passgate-principal: evil\r\nX_Passgate_Scopes: evil\r\ncontent-length: 9\r\nhost: evil\r\n\r\n";
    let headers = ["Transfer-Encoding: chunked", "Trailer: authorization, x-passgate-principal, x_passgate_scopes"];

    assert_eq!(status(&gateway.send(&request("POST", "/endpoints/open", &headers, body)).await), 200);

    assert!(!upstream.only().contains("evil"), "{}", upstream.only());
}

#[tokio::test]
async fn a_token_of_ours_in_a_url_cookie_or_for_a_proxy_is_refused_with_the_hint_and_other_values_are_left_alone() {
    let (upstream, gateway) = open().await;
    let token = gateway.token();
    let escaped: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for (path, headers) in [
        (format!("/endpoints/open?token={token}"), vec![]),
        (format!("/endpoints/open?access_token={escaped}"), vec![]),
        (format!("/endpoints/open/{token}"), vec![]),
        (format!("/nowhere?api_key={token}"), vec![]),
        ("/endpoints/open".to_owned(), vec![format!("Cookie: session={token}")]),
        ("/endpoints/open".to_owned(), vec![format!("Proxy-Authorization: Bearer {token}")]),
    ] {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let answer = gateway.get_without_token(&path, &headers).await;
        assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (400, Some("TOKEN_IN_URL")), "{headers:?}");
        assert!(answer.contains("authorization: Bearer") && !answer.contains(beginning(&token)), "{answer}");
    }
    assert_eq!(upstream.count(), 0);

    let answer =
        gateway.get_without_token("/endpoints/open?token=theirs&access_token=x", &["Cookie: session=theirs"]).await;
    assert_eq!(status(&answer), 200);
    assert!(upstream.only().contains("token=theirs") && upstream.only().contains("cookie: session=theirs"));
}

#[tokio::test]
async fn public_ignores_a_bad_credential_and_never_sends_one_on() {
    for headers in [
        vec!["authorization: Bearer evil".to_owned()],
        vec!["authorization: Basic ZXZpbDpldmls".to_owned()],
        vec!["authorization: Bearer evil".to_owned(), "authorization: Bearer evil2".to_owned()],
        vec!["authorization-bin: ZXZpbA".to_owned()],
        vec!["OURS".to_owned()],
        vec!["x-api-key: OURS".to_owned()],
    ] {
        let (upstream, gateway) = open().await;
        let token = gateway.token();
        let headers: Vec<String> = headers
            .iter()
            .map(|header| {
                if header == "OURS" { format!("authorization: Bearer {token}") } else { header.replace("OURS", &token) }
            })
            .collect();
        let answer =
            gateway.get_without_token("/endpoints/open", &headers.iter().map(String::as_str).collect::<Vec<_>>()).await;

        assert_eq!(status(&answer), 200, "{headers:?}");
        let got = upstream.only();
        assert!(
            !got.contains("authorization") && !got.contains("x-api-key") && !got.contains(beginning(&token)),
            "{got}"
        );
        assert_eq!(gateway.decisions.asked.lock().len(), 0, "nobody is asked about a PUBLIC endpoint");
    }
}
