//! The acceptance stories, each on three processes, with SQLite and with PostgreSQL.

use http::Method;
use serde_json::{Value, json};

use crate::support::grpcurl;
use crate::support::http as plain;
use crate::support::system::{Database, System};

/// Makes a test of a story for each database.
macro_rules! on_both_databases {
    ($($story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::System::processes(super::Database::Sqlite).await).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $story() {
                super::$story(super::System::processes(super::Database::Postgres).await).await;
            })+
        }
    };
}

on_both_databases![
    s01_a_token_with_only_a_name_works_on_the_very_next_call_and_is_shown_once,
    s02_an_api_user_and_its_token_come_into_being_together_or_not_at_all,
    s03_a_token_for_an_api_user_comes_later_and_the_api_user_never_signs_in,
    s04_a_token_without_permission_is_refused_until_one_grant_with_nothing_issued_anew,
    s07_disabling_a_principal_refuses_its_tokens_at_once_and_enabling_restores_the_same_ones,
    s12_each_refusal_says_what_to_mend,
    s13_a_token_says_what_it_can_do_without_its_secret,
    s14_a_decision_is_explained_before_anything_is_shipped,
    s15_a_token_is_narrowed_but_never_widened,
    s16_a_client_tells_an_expired_token_from_a_service_that_is_away,
    a_revoked_token_is_refused_on_the_very_next_request_once_that_is_confirmed,
];

const ORDERS: &str = "/endpoints/sales-orders/2026/1";

async fn s01_a_token_with_only_a_name_works_on_the_very_next_call_and_is_shown_once(system: System) {
    let alice = system.user("alice@example.com", &["endpoints/sales-*"]);
    system.endpoint("sales-orders");
    let found = system.identity("UserService/ListUsers").body(json!({"email": "ALICE@example.com"})).answered();
    assert_eq!(found["users"][0]["id"], alice.id.as_str());
    let before = system.token("TokenService/ListTokens").body(json!({"owner": alice.name()})).answered();
    assert_eq!(before, json!({}));

    let made = system.token_as(&alice.session, "TokenService/CreateToken").body(json!({"name": "laptop"})).answered();

    let secret = made["secret"].as_str().expect("the secret");
    assert_eq!(made["token"]["owner"], alice.name().as_str());
    assert_eq!(made["effectivePatterns"], json!(["endpoints/sales-*"]));
    assert!(made["token"]["expireTime"].is_string());
    assert_eq!(plain::get(system.gateway, ORDERS).token(secret).send().await.outcome(), (200, ""));
    let got = system.token("TokenService/GetToken").body(json!({"id": made["token"]["id"]})).answered();
    let listed = system.token("TokenService/ListTokens").body(json!({"owner": alice.name()})).answered();
    assert_eq!(listed["tokens"].as_array().map(Vec::len), Some(1));
    assert!(!got.to_string().contains(secret) && !listed.to_string().contains(secret));
}

async fn s02_an_api_user_and_its_token_come_into_being_together_or_not_at_all(system: System) {
    system.endpoint("sales-orders");
    let body = json!({
        "name": "mexico", "token": {"name": "widget"}, "grants": ["endpoints/sales-orders:read"], "requestId": "r-1",
    });

    let made = system.identity("ApiUserService/CreateApiUser").body(body.clone()).answered();

    let secret = made["secret"].as_str().expect("the secret");
    assert_eq!(plain::get(system.gateway, ORDERS).token(secret).send().await.outcome(), (200, ""));
    let again = system.identity("ApiUserService/CreateApiUser").body(body).answered();
    assert_eq!((&again["secret"], &again["apiUser"]["id"]), (&made["secret"], &made["apiUser"]["id"]));

    for (body, code) in [
        (json!({"name": "MEXICO", "token": {"name": "widget"}}), "AlreadyExists"),
        (json!({"name": "peru", "token": {"name": ""}}), "InvalidArgument"),
        (json!({"name": "peru", "token": {"name": "w", "scopes": {"patterns": ["no such thing"]}}}), "InvalidArgument"),
    ] {
        assert_eq!(system.identity("ApiUserService/CreateApiUser").body(body).refused().code, code);
    }
    let listed = system.identity("ApiUserService/ListApiUsers").answered();
    assert_eq!(listed["apiUsers"].as_array().map(Vec::len), Some(1), "{listed}");
    let tokens = system.token("TokenService/ListTokens").answered();
    assert_eq!(tokens["tokens"].as_array().map(Vec::len), Some(1), "{tokens}");
}

async fn s03_a_token_for_an_api_user_comes_later_and_the_api_user_never_signs_in(system: System) {
    system.endpoint("sales-orders");
    let api_user = system.api_user("nightly report", &["endpoints/sales-orders:read"]);

    let made = system.create_token(json!({"name": "cron", "owner": api_user}));

    let secret = made["secret"].as_str().expect("the secret");
    assert_eq!(plain::get(system.gateway, ORDERS).token(secret).send().await.outcome(), (200, ""));
    let sign_in = |email: &str| {
        let body = json!({"email": email, "password": "as good as any other"});
        grpcurl::call(system.identity, "passgate.identity.v1.SessionService/SignIn").body(body).refused()
    };
    assert_eq!(sign_in(&api_user).reason, "API_USERS_DO_NOT_SIGN_IN");
    let by_name = sign_in("nightly report");
    assert_eq!(by_name.reason, "SIGN_IN_REFUSED");
    assert_eq!(by_name, sign_in("nobody@example.com"));
}

async fn s04_a_token_without_permission_is_refused_until_one_grant_with_nothing_issued_anew(system: System) {
    system.endpoint("sales-orders");
    let api_user = system.api_user("newcomer", &[]);
    let made = system.create_token(json!({"name": "first", "owner": api_user}));
    let secret = made["secret"].as_str().expect("the secret");

    let refused = plain::get(system.gateway, ORDERS).token(secret).send().await;

    assert_eq!(refused.outcome(), (403, "NO_GRANT"));
    let problem = refused.json().to_string();
    assert!(problem.contains(&api_user) && problem.contains("endpoints/sales-orders"), "{problem}");
    let grant = json!({"holder": api_user, "patterns": ["endpoints/sales-orders"]});
    let mark = system.identity("GrantService/Grant").body(grant).send().expect("a grant").mark.expect("a change mark");
    let allowed = plain::get(system.gateway, ORDERS).token(secret).header("passgate-at-least", &mark).send().await;
    assert_eq!(allowed.outcome(), (200, ""));
}

async fn s07_disabling_a_principal_refuses_its_tokens_at_once_and_enabling_restores_the_same_ones(system: System) {
    system.endpoint("sales-orders");
    let alice = system.user("alice@example.com", &["endpoints/*"]);
    let secret = system.own_token(&alice, json!({"name": "laptop"}));
    assert_eq!(plain::get(system.gateway, ORDERS).token(&secret).send().await.outcome(), (200, ""));
    let change = |method: &str| {
        let answer = system.identity(method).body(json!({"id": alice.id})).send().expect("a change");
        answer.mark.expect("a change mark")
    };

    let disabled = change("UserService/DisableUser");

    let refused = plain::get(system.gateway, ORDERS).token(&secret).header("passgate-at-least", &disabled).send().await;
    assert_eq!(refused.outcome(), (401, "OWNER_DISABLED"));
    let create = system.token_as(&alice.session, "TokenService/CreateToken").header("passgate-at-least", &disabled);
    assert_eq!(create.body(json!({"name": "another"})).refused().code, "Unauthenticated");
    let enabled = change("UserService/EnableUser");
    let allowed = plain::get(system.gateway, ORDERS).token(&secret).header("passgate-at-least", &enabled).send().await;
    assert_eq!(allowed.outcome(), (200, ""));
    let session = system.token_as(&alice.session, "TokenService/GetSelf").header("passgate-at-least", &enabled);
    assert_eq!(session.refused().code, "Unauthenticated", "a session does not come back");
}

async fn s12_each_refusal_says_what_to_mend(system: System) {
    system.endpoint("sales-orders");
    let alice = system.user("alice@example.com", &["endpoints/sales-*"]);
    let wide = system.own_token(&alice, json!({"name": "wide"}));
    let narrow =
        system.own_token(&alice, json!({"name": "narrow", "scopes": {"patterns": ["endpoints/sales-orders:read"]}}));
    let get = |path, token: &str| plain::get(system.gateway, path).token(token).send();

    let good = get(ORDERS, &wide).await;
    let nothing = plain::get(system.gateway, ORDERS).send().await;
    let typo = get(ORDERS, &wide[..wide.len() - 1]).await;
    let no_grant = get("/endpoints/hr-salaries", &wide).await;
    let no_scope = plain::call(Method::POST, system.gateway, ORDERS).token(&narrow).body("{}").send().await;

    assert_eq!(good.outcome(), (200, ""));
    assert_eq!(nothing.outcome(), (401, "TOKEN_MISSING"));
    assert!(nothing.header("www-authenticate").starts_with("Bearer"));
    assert!(!nothing.header("www-authenticate").contains("error"));
    assert_eq!(typo.outcome(), (401, "TOKEN_INVALID"));
    assert!(typo.header("www-authenticate").contains("invalid_token"));
    assert_eq!(no_grant.outcome(), (403, "NO_GRANT"));
    assert!(String::from_utf8_lossy(&no_grant.body).contains("endpoints/hr-salaries"));
    assert_eq!(no_scope.outcome(), (403, "NO_SCOPE"));
    assert!(no_scope.header("www-authenticate").contains("insufficient_scope"));
}

async fn s13_a_token_says_what_it_can_do_without_its_secret(system: System) {
    let alice = system.user("alice@example.com", &["endpoints/sales-*"]);
    let secret =
        system.own_token(&alice, json!({"name": "laptop", "scopes": {"patterns": ["endpoints/sales-orders"]}}));

    let itself = grpcurl::call(system.gateway, "passgate.token.v1.TokenService/GetSelf").token(&secret).answered();

    assert_eq!(itself["token"]["name"], "laptop");
    assert_eq!(itself["token"]["owner"], alice.name().as_str());
    assert_eq!(itself["effectivePatterns"], json!(["endpoints/sales-orders"]));
    assert!(!itself.to_string().contains(&secret));
}

async fn s14_a_decision_is_explained_before_anything_is_shipped(system: System) {
    let alice = system.user("alice@example.com", &["endpoints/sales-*:read"]);
    let made = system.token_as(&alice.session, "TokenService/CreateToken").body(json!({"name": "laptop"})).answered();
    let explain = |resource: &str, action: &str| -> Value {
        let body = json!({"tokenId": made["token"]["id"], "resource": resource, "action": action});
        system.token("AuthorizationService/ExplainDecision").body(body).answered()
    };

    let allowed = explain("endpoints/sales-orders", "ACTION_READ");
    let denied = explain("endpoints/sales-orders", "ACTION_WRITE");

    assert_eq!(allowed["decision"]["allowed"], true);
    let grant =
        allowed["steps"].as_array().expect("steps").iter().find(|step| step["name"] == "grant").expect("a grant");
    assert_eq!((&grant["pattern"], &grant["holder"]), (&json!("endpoints/sales-*:read"), &json!(alice.name())));
    assert_eq!(denied["decision"]["reason"], "NO_GRANT");
}

async fn s15_a_token_is_narrowed_but_never_widened(system: System) {
    system.endpoint("sales-orders");
    let alice = system.user("alice@example.com", &["endpoints/sales-*"]);
    let made = system.token_as(&alice.session, "TokenService/CreateToken").body(json!({"name": "laptop"})).answered();
    let secret = made["secret"].as_str().expect("the secret");
    let update = |patterns: &[&str]| {
        let token = json!({"id": made["token"]["id"], "scopes": {"patterns": patterns}});
        let call = system.token_as(&alice.session, "TokenService/UpdateToken");
        call.body(json!({"token": token, "updateMask": {"paths": ["scopes"]}}))
    };

    let narrowed = update(&["endpoints/sales-returns"]).answered();

    assert_eq!(narrowed["token"]["scopes"]["patterns"], json!(["endpoints/sales-returns"]));
    assert_eq!(plain::get(system.gateway, ORDERS).token(secret).send().await.outcome(), (403, "NO_SCOPE"));
    update(&["endpoints/sales-*"]).refused();
    let unheld = json!({"name": "more", "scopes": {"patterns": ["endpoints/hr-*"]}});
    let refusal = system.token_as(&alice.session, "TokenService/CreateToken").body(unheld).refused();
    assert_eq!((refusal.code.as_str(), refusal.reason.as_str()), ("PermissionDenied", "SCOPE_NOT_HELD"));
    assert!(refusal.message.contains("endpoints/hr-*"), "{}", refusal.message);
}

async fn s16_a_client_tells_an_expired_token_from_a_service_that_is_away(mut system: System) {
    let alice = system.user("alice@example.com", &["apis/*"]);
    let secret = system.own_token(&alice, json!({"name": "long"}));
    let short = system.own_token(&alice, json!({"name": "short", "ttl": "1s"}));
    let ask = |token: &str| grpcurl::call(system.gateway, "passgate.identity.v1.UserService/GetSelf").token(token);
    assert!(ask(&secret).send().is_ok());

    // The clock is the machine's: ask until the second is over.
    let expired = loop {
        if let Err(refusal) = ask(&short).send() {
            break refusal;
        }
    };

    assert_eq!((expired.code.as_str(), expired.reason.as_str()), ("Unauthenticated", "TOKEN_EXPIRED"));
    system.kill("token");
    let call = grpcurl::call(system.gateway, "passgate.identity.v1.UserService/GetSelf").token(&secret);
    let away = call.refused();
    assert_eq!(away.code, "Unavailable");
    assert!(away.details.to_string().contains("RetryInfo"), "{}", away.details);
}

async fn a_revoked_token_is_refused_on_the_very_next_request_once_that_is_confirmed(system: System) {
    system.endpoint("sales-orders");
    let alice = system.user("alice@example.com", &["endpoints/*"]);
    let made = system.token_as(&alice.session, "TokenService/CreateToken").body(json!({"name": "laptop"})).answered();
    let secret = made["secret"].as_str().expect("the secret");
    assert_eq!(plain::get(system.gateway, ORDERS).token(secret).send().await.outcome(), (200, ""));

    // Once every decider has acknowledged it: the answer of a revocation itself is milliseconds ahead of that.
    let revoke = json!({"id": made["token"]["id"], "confirmWithin": "10s"});
    let revoked = system.token("TokenService/RevokeToken").body(revoke).answered();
    assert_eq!(revoked["confirmation"]["complete"], true, "{revoked}");

    assert_eq!(plain::get(system.gateway, ORDERS).token(secret).send().await.outcome(), (401, "TOKEN_REVOKED"));
}
