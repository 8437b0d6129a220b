//! A service whose credential is removed is cut off at once, alone, and without a restart of anything.

use std::time::Duration;

use serde_json::json;

use crate::support::grpcurl;
use crate::support::http as plain;
use crate::support::patience::{now, since, until};
use crate::support::program::run;
use crate::support::system::{ADMINISTRATOR, Database, PASSWORD, System};

/// How long an answer may rest on what was known before: the default.
const MAX_STALENESS: Duration = Duration::from_secs(5);

fn remove(system: &System, instance: &str) {
    let folder = system.folder().join("credentials");
    let folder = folder.to_str().expect("plain characters");
    let removed = run(&["credentials", "remove", "--folder", folder, "--instance", instance]);
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
}

async fn with_a_token() -> (System, String) {
    let system = System::processes(Database::Sqlite).await;
    system.endpoint("sales-orders");
    let made = system.create_token(json!({"name": "laptop"}));
    let secret = made["secret"].as_str().expect("the secret").to_owned();
    let call = plain::get(system.gateway, "/endpoints/sales-orders/1").token(&secret).send();
    assert_eq!(call.await.outcome(), (200, ""), "before");
    (system, secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_service_whose_credential_is_removed_learns_nothing_more_and_lets_nothing_through() {
    let (system, secret) = with_a_token().await;

    remove(&system, "token");

    let removed = now();
    until("a refusal", || async {
        let asked = now();
        let answer = plain::get(system.gateway, "/endpoints/sales-orders/1").token(&secret).send().await;
        match answer.outcome() {
            (200, "") => {
                // Its stream ends within 0.2 s; until then there is an echo.
                let late = asked.since(removed);
                assert!(late <= MAX_STALENESS + Duration::from_secs(1), "let through {late:?} after it was cut off");
                None
            }
            outcome => {
                assert_eq!(outcome, (503, "UNDECIDABLE"));
                Some(())
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_credential_is_removed_is_cut_off_alone() {
    let (system, secret) = with_a_token().await;

    remove(&system, "gateway");

    let removed = now();
    until("a refusal", || async {
        let answer = plain::get(system.gateway, "/endpoints/sales-orders/1").token(&secret).send().await;
        (answer.status == 503).then_some(())
    })
    .await;
    assert!(since(removed) <= MAX_STALENESS + Duration::from_secs(5), "in time");
    let body = json!({"email": ADMINISTRATOR, "password": PASSWORD});
    grpcurl::call(system.identity, "passgate.identity.v1.SessionService/SignIn").body(body).answered();
    grpcurl::call(system.token, "passgate.token.v1.TokenService/GetSelf").token(&secret).answered();
}
