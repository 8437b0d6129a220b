//! What callers are told when they are refused, and what they cannot find out by it.

use http::Method;
use passgate_gateway::registry::EndpointRoute;
use passgate_kit::client::Reason;

use super::harness::{Gateway, ISSUER, Setup, claims, endpoint, header, request, status, timeless};
use super::recorder::{PLAIN, Recorder};

async fn sales() -> (Recorder, Gateway) {
    let upstream = Recorder::start(PLAIN).await;
    let off = EndpointRoute { enabled: false, ..endpoint("off", upstream.address) };
    let gets = EndpointRoute { methods: vec![Method::GET], ..endpoint("gets", upstream.address) };
    let search = EndpointRoute { read_methods: vec![Method::POST], ..endpoint("search", upstream.address) };
    let setup =
        Setup::default().endpoint(endpoint("sales", upstream.address)).endpoint(off).endpoint(gets).endpoint(search);
    (upstream, setup.start().await)
}

#[tokio::test]
async fn whoever_has_no_genuine_token_gets_one_answer_whatever_is_wrong_and_whatever_is_there() {
    let (upstream, gateway) = sales().await;
    let good = gateway.token();
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let foreign = gateway.sign(&claims(3600), "urn:passgate:other");
    let ahead =
        gateway.sign(&passgate_kit::client::Claims { issued_at: claims(0).issued_at + 3600, ..claims(7200) }, ISSUER);
    let mut answers: Vec<(String, String)> = Vec::new();
    for credential in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer x".to_owned(),
        format!("Bearer  {good}"),
        format!("Bearer {good},"),
        format!("Bearer {good}, Bearer {good}"),
        format!("Basic {good}"),
        good.clone(),
        format!("Bearer {head}."),
        format!("Bearer {head}.{}", signature.chars().rev().collect::<String>()),
        format!("Bearer {good}="),
        format!("Bearer {}", good.get(..good.len() - 4).expect("longer")),
        format!("Bearer {good}.x"),
        format!("Bearer {foreign}"),
        format!("Bearer {ahead}"),
        format!("Bearer {}", "a".repeat(9000)),
        "Bearer eyJhbGciOiJub25lIn0.e30.".to_owned(),
        format!("Bearer {good}\r\nauthorization: Bearer {good}"),
        format!("Bearer {good}\r\nauthorization-bin: {good}"),
    ] {
        for path in [
            "/endpoints/sales/x",
            "/endpoints/off",
            "/endpoints/nothing",
            "/nowhere",
            "/passgate.token.v1.TokenService/CreateToken",
        ] {
            let answer = gateway.get_without_token(path, &[&format!("authorization: {credential}")]).await;
            answers.push((format!("{credential} {path}"), timeless(&answer)));
        }
    }
    answers.push((
        "only elsewhere".to_owned(),
        timeless(&gateway.get_without_token("/endpoints/sales", &[&format!("x-token: {good}")]).await),
    ));

    let first = answers[0].1.clone();
    assert_eq!(
        (status(&first), first.contains("error=\"invalid_token\""), first.contains("TOKEN_INVALID")),
        (401, true, true),
        "{first}"
    );
    for (cause, answer) in answers {
        assert_eq!(answer, first, "{cause}");
    }
    assert_eq!((upstream.count(), gateway.decisions.asked.lock().len()), (0, 0), "decided at the edge");
}

#[tokio::test]
async fn no_credential_at_all_is_told_apart_and_where_it_belongs_the_same_for_what_does_not_exist() {
    let (_upstream, gateway) = sales().await;

    let answer = gateway.get_without_token("/endpoints/sales", &[]).await;

    assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (401, Some("TOKEN_MISSING")));
    assert_eq!(header(&answer, "www-authenticate"), Some("Bearer realm=\"passgate\""));
    assert!(answer.contains("authorization: Bearer"), "{answer}");
    for path in ["/endpoints/off", "/endpoints/nothing/x", "/nowhere", "/"] {
        assert_eq!(timeless(&gateway.get_without_token(path, &[]).await), timeless(&answer), "{path}");
    }
}

#[tokio::test]
async fn without_the_right_what_exists_and_what_does_not_look_the_same() {
    let (upstream, gateway) = sales().await;
    let normal = |answer: String, name: &str| {
        timeless(&answer).replace(name, "NAME").split("content-length").next().map(str::to_owned)
    };

    let there = gateway.get("/endpoints/sales/x", &[]).await;

    assert_eq!((status(&there), header(&there, "x-passgate-reason")), (403, Some("NO_GRANT")));
    assert_eq!(
        header(&there, "www-authenticate"),
        Some("Bearer realm=\"passgate\", error=\"insufficient_scope\", scope=\"endpoints/sales:read\"")
    );
    for name in ["off", "nothing", "gets"] {
        let answer = gateway.get(&format!("/endpoints/{name}/x"), &[]).await;
        assert_eq!(normal(answer, name), normal(there.clone(), "sales"), "{name}");
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn with_the_right_what_is_missing_is_404_and_methods_and_types_are_judged_after_the_decision() {
    let (upstream, gateway) = sales().await;
    let token = format!("authorization: Bearer {}", gateway.token());
    for right in ["endpoints/nothing:read", "endpoints/off:read", "endpoints/gets:write", "endpoints/sales:write"] {
        gateway.allow(right);
    }

    for path in ["/endpoints/nothing", "/endpoints/off/x"] {
        assert_eq!(status(&gateway.get(path, &[]).await), 404, "{path}");
    }
    let method = gateway.send(&request("DELETE", "/endpoints/gets", &[&token], "")).await;
    assert_eq!((status(&method), header(&method, "allow")), (405, Some("GET")));
    let unjudged = gateway.send(&request("DELETE", "/endpoints/gets", &[], "")).await;
    assert_eq!(status(&unjudged), 401, "405 comes after the decision");
    gateway.allow("apis/passgate.token.v1.TokenService/CreateToken:write");
    let kind = gateway
        .send(&request("POST", "/passgate.token.v1.TokenService/CreateToken", &[&token, "content-length: 0"], ""))
        .await;
    assert_eq!((status(&kind), header(&kind, "x-passgate-reason")), (415, Some("UNSUPPORTED_MEDIA_TYPE")));
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn get_head_and_options_read_the_rest_writes_unless_the_endpoint_says_otherwise() {
    let (_upstream, gateway) = sales().await;
    for (method, name) in [
        ("GET", "sales"),
        ("HEAD", "sales"),
        ("OPTIONS", "sales"),
        ("POST", "sales"),
        ("get", "sales"),
        ("POST", "search"),
        ("PUT", "search"),
    ] {
        let token = format!("authorization: Bearer {}", gateway.another_token());
        gateway.send(&request(method, &format!("/endpoints/{name}"), &[&token], "")).await;
    }

    let asked: Vec<String> =
        gateway.decisions.asked.lock().iter().map(|asked| asked.replace("endpoints/", "")).collect();
    assert_eq!(
        asked,
        ["sales:read", "sales:read", "sales:read", "sales:write", "sales:write", "search:read", "search:write"]
    );
}

#[tokio::test]
async fn a_genuine_token_is_told_exactly_why_it_is_refused() {
    let (upstream, gateway) = sales().await;
    gateway.allow("endpoints/sales:read");

    let expired = format!("authorization: Bearer {}", gateway.expired_token());
    let answer = gateway.get_without_token("/endpoints/sales", &[&expired]).await;
    assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (401, Some("TOKEN_EXPIRED")));

    for reason in
        [Reason::TokenRevoked, Reason::TokenDisabled, Reason::OwnerDisabled, Reason::OwnerDeleted, Reason::KeyRevoked]
    {
        gateway.desk.refuse(Some(reason)).await;
        let answer = gateway.get("/endpoints/sales", &[]).await;
        assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (401, Some(reason.as_str())));
        assert_eq!(header(&answer, "www-authenticate"), Some("Bearer realm=\"passgate\", error=\"invalid_token\""));
    }
    assert_eq!(upstream.count(), 0);

    gateway.desk.refuse(None).await;
    assert_eq!(status(&gateway.get("/endpoints/sales", &[]).await), 200);
}

#[tokio::test]
async fn what_cannot_be_decided_is_503_and_nothing_is_sent() {
    let (upstream, gateway) = sales().await;
    gateway.allow("endpoints/sales:read");
    *gateway.decisions.is_away.lock() = true;

    let answer = gateway.get("/endpoints/sales", &[]).await;

    assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (503, Some("UNDECIDABLE")));
    assert_eq!((header(&answer, "retry-after"), header(&answer, "cache-control")), (Some("1"), Some("no-store")));
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn without_current_keys_or_registry_nobody_is_let_through_or_told_that_a_token_is_bad() {
    let upstream = Recorder::start(PLAIN).await;
    for (has_keys, has_registry) in [(false, true), (true, false)] {
        let setup = Setup { has_keys, has_registry, ..Setup::default() }.endpoint(endpoint("sales", upstream.address));
        let gateway = setup.start().await;
        gateway.allow("endpoints/sales:read");

        let answer = gateway.get("/endpoints/sales", &[]).await;

        assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (503, Some("UNDECIDABLE")));
        assert_eq!(gateway.decisions.asked.lock().len(), 0);
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn a_change_mark_of_somebody_else_is_the_callers_mistake() {
    let (upstream, gateway) = sales().await;
    gateway.allow("endpoints/sales:read");

    let answer = gateway.get("/endpoints/sales", &["passgate-at-least: no-mark"]).await;
    assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (400, Some("MALFORMED_REQUEST")));
    assert_eq!(upstream.count(), 0);

    let mark = format!("passgate-at-least: {}", gateway.desk.mark());
    assert_eq!(status(&gateway.get("/endpoints/sales", &[&mark]).await), 200);
    assert!(!upstream.only().contains("passgate-at-least"), "it is between callers and us");
}
