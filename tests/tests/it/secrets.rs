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
    let system = System::processes(Database::Sqlite).await;
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

    plain::get(system.gateway, "/endpoints/sales-orders/1").token(&used).send().await;
    plain::get(system.gateway, &format!("/endpoints/sales-orders/1?token={used}")).send().await;
    plain::get(system.gateway, &format!("/endpoints/sales-orders/{used}")).send().await;
    plain::get(system.gateway, "/endpoints/sales-orders/1").header("x-api-key", &used).send().await;
    plain::get(system.gateway, "/endpoints/sales-orders/1").header("authorization", &used).send().await;
    plain::get(system.gateway, "/endpoints/sales-orders/1").token(&format!("{used}x")).send().await;
    grpcurl::call(system.gateway, "passgate.token.v1.TokenService/GetSelf").token(&used).answered();
    system.token_as(&revoked, "TokenService/RevokeToken").body(json!({"id": "not an id"})).refused();
    let wrong = json!({"email": ADMINISTRATOR, "password": "quite a wrong password"});
    grpcurl::call(system.identity, "passgate.identity.v1.SessionService/SignIn").body(wrong).refused();

    let logs = ["identity", "token", "gateway"].map(|service| log(system.folder(), service));
    assert!(logs.iter().all(|log| log.contains("\"level\":")), "each service logs");
    let logs = logs.concat();
    let secrets = [
        &used,
        &revoked,
        &session,
        &system.session,
        &one_time,
        first_password.trim(),
        PASSWORD,
        "quite a wrong password",
    ];
    for secret in secrets.into_iter().chain(credentials(system.folder()).iter().map(String::as_str)) {
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
fn credentials(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder.join("credentials")).expect("the folder");
    let texts = files.map(|file| fs::read_to_string(file.expect("a file").path()).expect("text"));
    texts.filter(|text| text.starts_with("pgs_")).map(|text| text.trim().to_owned()).collect()
}

/// A secret as it could show up: whole, its halves, the parts of a token, and each as base64.
fn forms(secret: &str) -> Vec<String> {
    let (first, second) = secret.split_at(secret.len() / 2);
    // A token's first part is the same for all tokens and no secret.
    let parts = secret.split('.').skip(1).map(str::to_owned);
    let mut forms: Vec<String> = [secret, first, second].map(str::to_owned).into_iter().chain(parts).collect();
    forms.retain(|form| form.len() >= 8);
    let encoded: Vec<String> =
        forms.iter().flat_map(|form| [STANDARD_NO_PAD.encode(form), URL_SAFE_NO_PAD.encode(form)]).collect();
    forms.extend(encoded);
    forms
}
