//! `passgate audit`: what was done is listed, watched and checked, by those who may.

use serde_json::Value;

use super::desk::Desk;
use crate::support::http as plain;
use crate::support::patience::until;
use crate::support::system::PASSWORD;
use crate::support::upstream::Upstream;

fn texts<'a>(events: &'a Value, field: &str) -> Vec<&'a str> {
    let events = events.as_array().expect("a list");
    events.iter().map(|event| event[field].as_str().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_who_did_what_and_what_was_refused_is_one_list_without_secrets() {
    let upstream = Upstream::start().await;
    let (standalone, admin) = Desk::of_administrator().await;
    admin.done(&["endpoint", "create", "sales-orders", &upstream.url()]);
    let alice = admin.of_user("alice@example.com", &[]);
    let secret = alice.done(&["token", "create", "laptop", "--output", "secret"]).trim().to_owned();
    let wrong = alice.file("wrong", "not her password at all");
    alice.refused(4, &["login", "alice@example.com", "--password-file", &wrong]);
    for _ in 0..3 {
        let refused = plain::get(standalone.gateway, "/endpoints/sales-orders/1").token(&secret).send().await;
        assert_eq!(refused.outcome(), (403, "NO_GRANT"));
    }

    let refusals = until("the refusals", || async {
        let listed = admin.json(&["audit", "list", "--service", "gateway", "--kind", "token.refused"]);
        let counts = listed.as_array()?.iter().map(|event| event["occurrence"]["count"].as_str()?.parse::<u64>().ok());
        (counts.sum::<Option<u64>>() == Some(3)).then_some(listed)
    })
    .await;
    let told = &refusals[0];
    assert_eq!(told["occurrence"]["lastResource"], "endpoints/sales-orders");
    assert_eq!((&told["actor"]["peer"], &told["occurrence"]["reason"]), (&"127.0.0.1".into(), &"NO_GRANT".into()));
    until("the failed sign-in and the secret that was shown", || async {
        let listed = admin.json(&["audit", "list"]);
        let kinds = texts(&listed, "kind");
        ["sign_in.failed", "secret.shown"].iter().all(|kind| kinds.contains(kind)).then_some(())
    })
    .await;
    alice.done(&["token", "revoke", "laptop", "--yes"]);
    let refused = plain::get(standalone.gateway, "/endpoints/sales-orders/1").token(&secret).send().await;
    assert_eq!(refused.outcome(), (401, "TOKEN_REVOKED"));
    until("the use of a revoked token", || async {
        let listed = admin.json(&["audit", "list", "--subject", told["subject"].as_str()?]);
        let mut reasons = listed.as_array()?.iter().map(|event| &event["occurrence"]["reason"]);
        reasons.any(|reason| reason == "TOKEN_REVOKED").then_some(())
    })
    .await;
    let all = admin.json(&["audit", "list"]);
    let kinds = texts(&all, "kind");
    for kind in ["endpoint.created", "user.created", "token.created", "session.began"] {
        assert!(kinds.contains(&kind), "{kind} is not among {kinds:?}");
    }
    assert!(texts(&all, "time").is_sorted_by(|newer, older| newer[..19] >= older[..19]), "newest first");
    assert_eq!(texts(&admin.json(&["audit", "list", "--limit", "3"]), "kind"), kinds[..3]);

    let everything = admin.done(&["audit", "list"]) + &all.to_string();
    let session = std::fs::read_to_string(alice.remembered("session")).expect("the session");
    for secret in [secret.as_str(), PASSWORD, "not her password", "argon2", session.trim()] {
        assert!(!everything.contains(secret), "the audit tells a secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_auditors_read_watch_and_check_it_and_nobody_else_does() {
    let (_standalone, admin) = Desk::of_administrator().await;
    let alice = admin.of_user("alice@example.com", &["endpoints/*"]);
    for verb in [&["audit", "list"][..], &["audit", "watch"], &["audit", "verify"]] {
        alice.refused(5, verb);
    }
    admin.done(&["group", "member", "add", "auditors", "alice@example.com"]);

    let listed = alice.json(&["audit", "list", "--kind", "group.*"]);
    assert!(!listed.as_array().expect("a list").is_empty());
    let watch = "seen=$(mktemp); passgate audit watch --service identity --after 0 --output json > $seen & \
                 until grep -q user.created $seen; do kill -0 $!; done; kill $!; head -n 1 $seen; rm $seen";
    let first: Value = serde_json::from_str(alice.sh(watch, &[]).out.trim()).expect("one document a line");
    assert_eq!((&first["number"], &first["service"]), (&"1".into(), &"identity".into()));

    let reports = alice.json(&["audit", "verify"]);
    let keep = texts(&reports, "keep").into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(keep.len(), 3);
    let known: Vec<&str> = keep.iter().flat_map(|keep| ["--known", keep]).collect();
    let said = alice.done(&[&["audit", "verify"], &known[..]].concat());
    assert!(said.contains("is the one that you know") && said.contains("not proved"), "{said}");
    let other = format!("{}0000", keep[0].trim_end_matches(|digit: char| digit != ':').to_owned() + &"0".repeat(60));
    let said = alice.refused(12, &["audit", "verify", "--service", "identity", "--known", &other]);
    assert!(said.out.contains("is not the one that you know"), "{said:?}");
}
