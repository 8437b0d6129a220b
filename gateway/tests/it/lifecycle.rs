//! Starting, ending, and what is still there afterwards.

#![cfg(test)]

use std::time::Duration;

use passgate_gateway::{Config, StartError};
use passgate_kit::client::Ambient;
use passgate_kit::store::Dialect;
use passgate_proto::gateway::v1 as pb;
use tokio::net::TcpListener;

use crate::support::{Gateway, api, create_api, create_endpoint, endpoint, on_both_databases, run, update_endpoint};

on_both_databases! {
    async fn what_was_registered_is_served_again_after_a_restart(gateway: Gateway) {
        gateway.endpoints("admin").create_endpoint(create_endpoint(endpoint("sales"))).await.expect("made");
        gateway.apis("admin").create_api(create_api(api("shop.v1.Orders"))).await.expect("made");

        let gateway = gateway.restart().await;

        let registry = gateway.registry().current().expect("current");
        assert!(registry.endpoint("sales").is_some() && registry.api("shop.v1.Orders").is_some());
        let listed = gateway.endpoints("admin").list_endpoints(pb::ListEndpointsRequest::default()).await.expect("listed");
        assert_eq!(listed.into_inner().endpoints.len(), 1);
    }

    async fn each_change_leaves_one_line_in_the_feed_and_a_repeat_or_refusal_leaves_none(gateway: Gateway) {
        let mut admin = gateway.endpoints("admin");
        let create = pb::CreateEndpointRequest { request_id: "one".to_owned(), ..create_endpoint(endpoint("sales")) };
        let made = admin.create_endpoint(create.clone()).await.expect("made").into_inner().endpoint.expect("the endpoint");
        admin.create_endpoint(create).await.expect("repeated");
        admin.create_endpoint(create_endpoint(endpoint("sales"))).await.expect_err("taken");
        let described = pb::Endpoint { description: "x".to_owned(), ..made };
        admin.update_endpoint(update_endpoint(described, &["description"])).await.expect("changed");
        let name = || "sales".to_owned();
        admin.disable_endpoint(pb::DisableEndpointRequest { name: name() }).await.expect("off");
        admin.disable_endpoint(pb::DisableEndpointRequest { name: name() }).await.expect("off already");
        admin.enable_endpoint(pb::EnableEndpointRequest { name: name() }).await.expect("on");
        admin.delete_endpoint(pb::DeleteEndpointRequest { name: name(), etag: String::new() }).await.expect("gone");
        gateway.apis("admin").create_api(create_api(api("shop.v1.Orders"))).await.expect("made");

        let rows = gateway.feed().await;

        let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
        assert_eq!(kinds, [
            "endpoint.created",
            "endpoint.updated",
            "endpoint.disabled",
            "endpoint.enabled",
            "endpoint.deleted",
            "api.created",
        ]);
        let updated = &rows[1];
        assert_eq!(updated.subject, "endpoints/sales");
        assert!(updated.actor.principal.starts_with("users/") && updated.actor.token_id.is_some());
        let description = |value: &Option<serde_json::Value>| value.as_ref().map(|value| value["description"].clone());
        assert_eq!(description(&updated.before), Some("".into()));
        assert_eq!(description(&updated.after), Some("x".into()));
        assert!(rows[0].before.is_none() && rows[4].after.is_none());
    }

    async fn it_knows_its_keys_once_ready_and_stops_being_ready_when_told_to_end(gateway: Gateway) {
        let keys = gateway.running().decisions.core().keys(Ambient::system().moment()).expect("told").0;
        assert_eq!(keys.issuer(), "urn:passgate:test");

        gateway.stop().await;

        assert!(!*gateway.running().ready.borrow());
        TcpListener::bind(gateway.data_address()).await.expect("the port is free again");
    }
}

#[tokio::test]
async fn a_replica_serves_what_another_one_registered() {
    let gateway = Gateway::start(Dialect::Postgres).await;
    let replica = gateway.replica().await;

    gateway.endpoints("admin").create_endpoint(create_endpoint(endpoint("sales"))).await.expect("made");

    let seen = async {
        while replica.running.registry.current().is_none_or(|registry| registry.endpoint("sales").is_none()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen).await.expect("the replica follows the feed");
}

#[tokio::test]
async fn without_the_token_service_it_listens_and_is_not_ready() {
    let gateway = Gateway::start(Dialect::Sqlite).await;
    gateway.stop().await;
    gateway.tokens().set_away(true);

    let (running, lifecycle) = run(gateway.config()).await.expect("it starts all the same");

    assert!(!running.decisions.is_live() && !*running.ready.borrow());
    assert!(running.registry.current().is_some());
    gateway.tokens().set_away(false);
    let mut ready = running.ready.clone();
    tokio::time::timeout(Duration::from_secs(10), ready.wait_for(|ready| *ready))
        .await
        .expect("in time")
        .expect("running");
    lifecycle.stop();
}

#[tokio::test]
async fn it_is_not_ready_once_nobody_vouches_for_its_memory_and_ready_again_once_somebody_does() {
    let gateway = Gateway::start(Dialect::Sqlite).await;
    let mut ready = gateway.running().ready.clone();

    for is_silent in [true, false] {
        gateway.tokens().feed().set_silent(is_silent); // the stream goes on, and gives no lease
        let told = tokio::time::timeout(Duration::from_secs(20), ready.wait_for(|ready| *ready != is_silent)).await;
        told.expect("in time").expect("running");
    }
}

#[tokio::test]
async fn plaintext_off_loopback_is_served_only_where_its_setting_says_so() {
    let gateway = Gateway::start(Dialect::Sqlite).await;
    gateway.stop().await;
    let config = Config {
        listen: ([0, 0, 0, 0], 0).into(),
        dangerously_plaintext_off_loopback: true,
        ..gateway.config().clone()
    };

    let (running, lifecycle) = run(&config).await.expect("it starts");

    assert!(running.addresses.iter().any(|(_, address)| address.ip().is_unspecified()));
    lifecycle.stop();
}

#[tokio::test]
async fn what_keeps_it_from_starting_is_told_with_what_to_do() {
    let gateway = Gateway::start(Dialect::Sqlite).await;
    gateway.stop().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let good = gateway.config();
    let address = taken.local_addr().expect("an address");

    let cases = [
        (Config { listen: address, ..good.clone() }, "another process has this port"),
        (Config { token_urls: vec!["ftp://x".to_owned()], ..good.clone() }, "token_urls: must be http://host:port"),
        (Config { identity_url: "http://u@x".to_owned(), ..good.clone() }, "identity_url: must be http://host:port"),
        (Config { public_authority: Some("a/b".to_owned()), ..good.clone() }, "public_authority: must be a host"),
        (Config { credential_file: "/nowhere".into(), ..good.clone() }, "/nowhere"),
        (Config { listen: ([0, 0, 0, 0], 0).into(), ..good.clone() }, "listen: must be a loopback address"),
        (Config { admin_listen: ([0, 0, 0, 0], 0).into(), ..good.clone() }, "dangerously_plaintext_off_loopback"),
        (
            Config { token_urls: vec!["http://token.example:9082".to_owned()], ..good.clone() },
            "token_urls: must name a loopback",
        ),
        (
            Config { identity_url: "http://192.0.2.1:9081".to_owned(), ..good.clone() },
            "identity_url: must name a loopback",
        ),
    ];
    for (config, told) in cases {
        let error: StartError = run(&config).await.expect_err(told);
        assert!(error.to_string().contains(told), "{error}");
    }
}
