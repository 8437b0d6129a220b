//! Tokens that are not ours, at the real gateway: one generic 401 for all of them, and nothing upstream.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::http as plain;
use crate::support::system::{Database, System};

/// Every way in which a genuine token is bent, by name.
fn bent(genuine: &str) -> Vec<(&'static str, String)> {
    let [header, claims, signature] = genuine.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let with_header = |header: Value| format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()));
    let known: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON");
    let with_claims = |change: &dyn Fn(&mut Value)| {
        let mut changed: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON");
        change(&mut changed);
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(changed.to_string()))
    };
    let with_member = |name: &str, value: Value| {
        let mut header = known.clone();
        header[name] = value;
        with_header(header)
    };
    let mut flipped: Vec<char> = signature.chars().collect();
    flipped[0] = if flipped[0] == 'A' { 'B' } else { 'A' };
    let flipped: String = flipped.into_iter().collect();
    vec![
        ("another signature", format!("{header}.{claims}.{flipped}")),
        ("no signature", format!("{header}.{claims}.")),
        ("alg none", format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#))),
        ("alg None", with_member("alg", json!("None"))),
        ("alg HS256", with_member("alg", json!("HS256"))),
        ("alg RS256", with_member("alg", json!("RS256"))),
        ("alg ES256", with_member("alg", json!("ES256"))),
        ("a jwk", with_member("jwk", json!({"kty": "OKP"}))),
        ("a jku", with_member("jku", json!("http://127.0.0.1/keys"))),
        ("crit", with_member("crit", json!(["exp"]))),
        ("zip", with_member("zip", json!("DEF"))),
        ("typ of a session", with_member("typ", json!("session+jwt"))),
        ("an unknown kid", with_member("kid", json!("x"))),
        ("a path as kid", with_member("kid", json!("../../etc/passwd"))),
        ("a number as kid", with_member("kid", json!(1))),
        ("a longer life", with_claims(&|claims| claims["exp"] = json!(9_999_999_999_u64))),
        ("no end", with_claims(&|claims| claims["exp"] = Value::Null)),
        ("another owner", with_claims(&|claims| claims["sub"] = json!("users/00000000-0000-7000-8000-000000000000"))),
        ("another audience", with_claims(&|claims| claims["aud"] = json!(["urn:else"]))),
        ("padding", format!("{genuine}=")),
        ("one part less", format!("{header}.{claims}")),
        ("one part more", format!("{genuine}.{signature}")),
        ("cut short", genuine[..genuine.len() - 1].to_owned()),
        ("made longer", format!("{genuine}A")),
        ("a token in a token", format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(genuine))),
        ("too large", format!("{header}.{}.{signature}", "A".repeat(9000))),
        ("not a token", "hunter2".to_owned()),
    ]
}

#[tokio::test]
async fn every_forged_token_gets_one_and_the_same_401_and_nothing_goes_upstream() {
    let system = System::processes(Database::Sqlite).await;
    system.endpoint("sales-orders");
    let alice = system.user("alice@example.com", &["*"]);
    let genuine = system.own_token(&alice, json!({"name": "laptop"}));
    let get = |token: &str| plain::get(system.gateway, "/endpoints/sales-orders/1").token(token).send();
    let mut bodies = Vec::new();

    for (name, token) in bent(&genuine) {
        let answer = get(&token).await;

        assert_eq!(answer.outcome(), (401, "TOKEN_INVALID"), "{name}");
        bodies.push(answer.body);
    }

    bodies.dedup();
    assert_eq!(bodies.len(), 1, "byte by byte the same: {bodies:?}");
    assert_eq!(system.upstream.got(), "");
    assert_eq!(get(&genuine).await.outcome(), (200, ""), "the genuine one still works");
}

#[tokio::test]
async fn a_token_is_taken_from_one_place_only() {
    let system = System::processes(Database::Sqlite).await;
    system.endpoint("sales-orders");
    let alice = system.user("alice@example.com", &["*"]);
    let genuine = system.own_token(&alice, json!({"name": "laptop"}));
    let path = "/endpoints/sales-orders/1";

    let two = plain::get(system.gateway, path).token(&genuine).token(&genuine).send().await;
    let joined =
        plain::get(system.gateway, path).header("authorization", &format!("Bearer {genuine}, Bearer x")).send().await;
    let basic = plain::get(system.gateway, path).header("authorization", "Basic YTpi").send().await;
    let in_url = plain::get(system.gateway, &format!("{path}?access_token={genuine}")).send().await;

    for answer in [two, joined, basic] {
        assert_eq!(answer.outcome().0, 401, "{answer:?}");
    }
    assert!(in_url.status.is_client_error(), "{in_url:?}");
    assert_eq!(system.upstream.got(), "");
}
