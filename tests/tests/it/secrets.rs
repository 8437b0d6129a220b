//! No secret is in any output, at any level.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::support::grpcurl;
use crate::support::http as plain;
use crate::support::system::{ADMINISTRATOR, Database, PASSWORD, System, sign_in};

#[tokio::test]
async fn no_secret_is_in_the_logs_of_the_whole_system_at_trace_level() {
    let system = System::processes(Database::Postgres).await;
    let first_password = fs::read_to_string(system.folder().join("first-password")).expect("the file");
    system.endpoint("sales-orders");
    let made = system.identity("UserService/CreateUser").body(json!({"email": "alice@example.com", "grants": ["*"]}));
    let made = made.answered();
    let one_time = made["oneTimePassword"].as_str().expect("a password").to_owned();
    let session = sign_in(system.identity, "alice@example.com", &one_time);
    let create = |name: &str| {
        let answer = system.token_as(&session, "TokenService/CreateToken").body(json!({"name": name})).answered();
        answer["secret"].as_str().expect("the secret").to_owned()
    };
    let (used, revoked) = (create("used"), create("revoked"));
    let machine = json!({"name": "import", "token": {"name": "first"}, "requestId": "r-1"});
    let machine = system.identity("ApiUserService/CreateApiUser").body(machine).answered();
    let machine = machine["secret"].as_str().expect("the secret").to_owned();

    plain::get(system.gateway, "/endpoints/sales-orders/1").token(&used).send().await;
    plain::get(system.gateway, &format!("/endpoints/sales-orders/1?token={used}")).send().await;
    plain::get(system.gateway, &format!("/endpoints/sales-orders/{used}")).send().await;
    plain::get(system.gateway, "/endpoints/sales-orders/1").header("x-api-key", &used).send().await;
    plain::get(system.gateway, "/endpoints/sales-orders/1").header("authorization", &used).send().await;
    plain::get(system.gateway, "/endpoints/sales-orders/1").token(&format!("{used}x")).send().await;
    grpcurl::call(system.gateway, "passgate.token.v1.TokenService/GetSelf").token(&used).answered();
    system.token_as(&revoked, "TokenService/RevokeToken").body(json!({"id": "not an id"})).refused();
    let raised = json!({"name": "no", "owner": "users/x", "scopes": {"patterns": [&used]}});
    system.token_as(&used, "TokenService/CreateToken").body(raised).refused();
    system.token("TokenService/RevokeToken").body(json!({"id": &revoked})).refused();
    system.token("AuthorizationService/ExplainDecision").body(json!({"token": &used, "resource": &used})).refused();
    let wrong = json!({"email": ADMINISTRATOR, "password": "quite a wrong password"});
    grpcurl::call(system.identity, "passgate.identity.v1.SessionService/SignIn").body(wrong).refused();

    let logs = ["identity", "token", "gateway"].map(|service| log(system.folder(), service));
    assert!(logs.iter().all(|log| log.contains("\"level\":")), "each service logs");
    let logs = logs.concat();
    assert!(logs.contains("\"level\":\"TRACE\""), "the most talkative level there is");
    let password_of_postgres = database_password();
    let secrets = [
        used.as_str(),
        &revoked,
        &machine,
        &session,
        &system.session,
        &one_time,
        first_password.trim(),
        &password_of_postgres,
        PASSWORD,
        "quite a wrong password",
    ];
    let kept = kept(system.folder());
    for secret in secrets.into_iter().chain(kept.iter().map(String::as_str)) {
        for form in forms(secret) {
            assert!(!logs.contains(&form), "a log holds {form} of a secret");
        }
    }
    assert!(!system.upstream.got().contains(&used), "the upstream got the token");
}

fn log(folder: &Path, service: &str) -> String {
    fs::read_to_string(folder.join(format!("{service}.log"))).expect("a log")
}

/// The service credentials and keys that the run was set up with.
fn kept(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder.join("credentials")).expect("the folder").map(|file| file.expect("a file").path());
    let secrets = files.filter(|file| file.extension().is_some_and(|kind| kind == "credential" || kind == "key"));
    let secrets: Vec<String> = secrets.map(|file| fs::read_to_string(file).expect("text").trim().to_owned()).collect();
    assert_eq!(secrets.len(), 5, "three credentials, the key of change marks, the master key");
    secrets
}

/// The password in the URL of the database.
fn database_password() -> String {
    let url = std::env::var("PASSGATE_TEST_POSTGRES").expect("PASSGATE_TEST_POSTGRES: run tests/run.sh");
    let (user, _) = url.split_once('@').expect("a user in the URL");
    user.rsplit_once(':')
        .filter(|(before, _)| before.contains("//"))
        .map_or_else(String::new, |(_, word)| word.to_owned())
}

/// A secret as it could show up: whole, its halves, the parts of a token, and each in hexadecimal and in base64, wherever
/// in a longer text it began.
fn forms(secret: &str) -> Vec<String> {
    // A service secret begins with its holder's name, which is none.
    let secret = secret.strip_prefix("pgs_").and_then(|rest| rest.split_once('_')).map_or(secret, |(_, random)| random);
    let (first, second) = secret.split_at(secret.len() / 2);
    // A token's first part is the same for all tokens and no secret.
    let parts = secret.split('.').skip(1).map(str::to_owned);
    let mut forms: Vec<String> = [secret, first, second].map(str::to_owned).into_iter().chain(parts).collect();
    forms.retain(|form| form.len() >= 8);
    let encoded: Vec<String> = forms.iter().flat_map(|form| encoded(form)).collect();
    forms.extend(encoded);
    forms
}

/// What base64 and hexadecimal make of it: base64 of a text that begins elsewhere shares all but the characters at the ends.
fn encoded(form: &str) -> Vec<String> {
    let hexadecimal = form.bytes().map(|byte| format!("{byte:02x}")).collect();
    let aligned = (0..3).flat_map(|before| {
        let text = [vec![0; before], form.as_bytes().to_vec()].concat();
        let skip = before * 4 / 3 + usize::from(before > 0);
        [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)].map(|text| text[skip..text.len() - 1].to_owned())
    });
    std::iter::once(hexadecimal).chain(aligned).collect()
}

#[test]
fn a_secret_is_found_in_whatever_text_it_was_encoded_with() {
    let secret = "correct horse battery";
    for around in ["", "a", "ab", "abc", "Bearer "] {
        let encoded = URL_SAFE_NO_PAD.encode(format!("{around}{secret}{around}"));

        assert!(forms(secret).iter().any(|form| encoded.contains(form)), "{around:?}: {encoded}");
    }
}
