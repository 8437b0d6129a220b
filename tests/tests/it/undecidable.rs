//! No database, no echo: a token service that cannot read its database lets nothing through on what it remembers, once
//! that is older than `max_staleness`; and it comes back by itself.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use serde_json::json;

use crate::support::cut::Line;
use crate::support::grpcurl;
use crate::support::http as plain;
use crate::support::patience::{now, since, until};
use crate::support::postgres;
use crate::support::system::System;

/// The default.
const MAX_STALENESS: Duration = Duration::from_secs(5);

/// `url`, by way of `line`.
async fn by_way_of_a_line(url: &str) -> (Line, String) {
    let (user, rest) = url.split_once('@').expect("a user in the URL");
    let (place, database) = rest.split_once('/').expect("a database in the URL");
    let target = place.to_socket_addrs().expect("an address").next().expect("one");
    let line = Line::to(target).await;
    let url = format!("{user}@{}/{database}", line.address());
    (line, url)
}

async fn stops_and_comes_back(service: &str) {
    let (line, url) = by_way_of_a_line(&postgres::database()).await;
    let system = System::on(|name| if name == service { url.clone() } else { postgres::database() }).await;
    system.endpoint("sales-orders");
    let made = system.create_token(json!({"name": "laptop"}));
    let secret = made["secret"].as_str().expect("the secret");
    let call = || plain::get(system.gateway, "/endpoints/sales-orders/1").token(secret).send();
    assert_eq!(call().await.outcome(), (200, ""), "before");

    line.stop();
    let stopped = now();
    let last_allowed = until("a refusal", || async {
        let asked = now();
        let answer = call().await;
        match answer.outcome() {
            (200, "") => {
                let age = asked.since(stopped);
                assert!(age <= MAX_STALENESS, "let through {age:?} after the database was last heard");
                None
            }
            outcome => {
                assert_eq!(outcome, (503, "UNDECIDABLE"));
                assert!(!answer.header("retry-after").is_empty());
                Some(since(stopped))
            }
        }
    })
    .await;
    assert!(
        last_allowed < MAX_STALENESS + Duration::from_secs(5),
        "the refusal itself comes in time: {last_allowed:?}"
    );
    assert_eq!(call().await.outcome(), (503, "UNDECIDABLE"), "and stays");
    let refused = grpcurl::call(system.gateway, "passgate.token.v1.TokenService/GetSelf").token(secret).refused();
    assert_eq!((refused.code.as_str(), refused.reason.as_str()), ("Unavailable", "UNDECIDABLE"));

    line.go_on();
    until("an answer after the database is back", || async { (call().await.outcome() == (200, "")).then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_service_without_its_database_is_undecidable_within_the_bound_and_comes_back_by_itself() {
    stops_and_comes_back("token").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_service_whose_identity_service_lacks_its_database_is_undecidable_and_comes_back_by_itself() {
    stops_and_comes_back("identity").await;
}
