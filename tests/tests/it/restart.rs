//! What a restart leaves as it was.

use serde_json::json;

use crate::support::grpcurl;
use crate::support::http as plain;
use crate::support::system::{ADMINISTRATOR, Database, PASSWORD, Standalone, System};
use crate::support::upstream::Upstream;

#[tokio::test]
async fn standalone_finds_everything_again_after_a_restart() {
    let upstream = Upstream::start().await;
    let first = Standalone::start().await;
    let session = first.first_sign_in();
    let endpoint = json!({"endpoint": {"name": "sales-orders", "upstream": upstream.url()}});
    let register = grpcurl::call(first.registry, "passgate.gateway.v1.EndpointService/CreateEndpoint");
    register.token(&session).body(endpoint).answered();
    let create = grpcurl::call(first.token, "passgate.token.v1.TokenService/CreateToken");
    let made = create.token(&session).body(json!({"name": "laptop"})).answered();
    let secret = made["secret"].as_str().expect("the secret");

    let second = Standalone::start_again(first.stop()).await;

    let answer = plain::get(second.gateway, "/endpoints/sales-orders/1").token(secret).send().await;
    assert_eq!(answer.outcome(), (200, ""));
    let body = json!({"email": ADMINISTRATOR, "password": PASSWORD});
    grpcurl::call(second.identity, "passgate.identity.v1.SessionService/SignIn").body(body).answered();
    let list = grpcurl::call(second.token, "passgate.token.v1.TokenService/ListTokens").token(&session).answered();
    assert_eq!(list["tokens"][0]["name"], "laptop");
}

#[tokio::test]
async fn three_processes_come_up_in_any_order_and_each_may_be_killed_and_come_back() {
    let mut system = System::in_order(Database::Sqlite, ["token", "gateway", "identity"]).await;
    system.endpoint("sales-orders");
    let alice = system.user("alice@example.com", &["endpoints/*"]);
    let secret = system.own_token(&alice, json!({"name": "laptop"}));

    for service in ["identity", "token", "gateway"] {
        system.kill(service);
        system.start_again(service);

        let answer = plain::get(system.gateway, "/endpoints/sales-orders/1").token(&secret).send().await;
        assert_eq!(answer.outcome(), (200, ""), "after {service} came back");
    }
}
