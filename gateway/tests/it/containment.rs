//! Power is contained: walked over every RPC of the gateway, as the contracts' table has them.

#![cfg(test)]

use passgate_proto::access::RULES;
use passgate_proto::gateway::v1 as pb;
use passgate_proto::gateway::v1::endpoint::Access;
use tonic::{Code, Status};

use crate::support::{
    Gateway, api, create_api, create_endpoint, endpoint, fact, on_both_databases, told, update_api, update_endpoint,
};

/// May call every RPC of the gateway, and holds nothing else.
const OPERATOR: &[&str] = &["apis/passgate.gateway.v1.*"];

/// The RPCs that give power or give it back. A new one belongs here, and into `give`.
const GIVES_POWER: &[&str] = &[
    "/passgate.gateway.v1.ApiService/CreateApi",
    "/passgate.gateway.v1.ApiService/UpdateApi",
    "/passgate.gateway.v1.EndpointService/CreateEndpoint",
    "/passgate.gateway.v1.EndpointService/EnableEndpoint",
    "/passgate.gateway.v1.EndpointService/UpdateEndpoint",
];

/// Those that give none: they read, or take away.
const GIVES_NONE: &[&str] = &[
    "/passgate.gateway.v1.ApiService/DeleteApi",
    "/passgate.gateway.v1.ApiService/GetApi",
    "/passgate.gateway.v1.ApiService/ListApis",
    "/passgate.gateway.v1.AuditService/ListAuditEvents",
    "/passgate.gateway.v1.AuditService/VerifyChain",
    "/passgate.gateway.v1.AuditService/WatchAuditEvents",
    "/passgate.gateway.v1.EndpointService/DeleteEndpoint",
    "/passgate.gateway.v1.EndpointService/DisableEndpoint",
    "/passgate.gateway.v1.EndpointService/GetEndpoint",
    "/passgate.gateway.v1.EndpointService/ListEndpoints",
];

#[test]
fn every_rpc_is_known_to_give_power_or_none() {
    let mut known: Vec<&str> = GIVES_POWER.iter().chain(GIVES_NONE).copied().collect();
    known.sort_unstable();
    let rpcs: Vec<&str> =
        RULES.iter().map(|rule| rule.path).filter(|path| path.starts_with("/passgate.gateway.")).collect();
    assert_eq!(known, rpcs);
}

type Ways = Vec<(&'static str, Result<(), Status>)>;

/// Each way in which `path` gives power over the endpoint `sales`, the public but disabled endpoint `closed`, or the API
/// `shop.v1.Orders`, tried by `token`; and what it said.
async fn give(gateway: &Gateway, path: &str, token: &str) -> Ways {
    let (mut endpoints, mut apis) = (gateway.endpoints(token), gateway.apis(token));
    let name = || "sales".to_owned();
    match path {
        "/passgate.gateway.v1.EndpointService/CreateEndpoint" => {
            let (plain, dry) = (create_endpoint(endpoint("new")), create_endpoint(endpoint("new")));
            let dry = pb::CreateEndpointRequest { validate_only: true, ..dry };
            vec![
                ("made", endpoints.create_endpoint(plain).await.map(drop)),
                ("as a dry run", endpoints.create_endpoint(dry).await.map(drop)),
            ]
        }
        "/passgate.gateway.v1.EndpointService/UpdateEndpoint" => {
            let upstream =
                pb::Endpoint { name: name(), upstream: "http://evil.example".to_owned(), ..Default::default() };
            let public = pb::Endpoint { name: name(), access: Access::Public.into(), ..Default::default() };
            let fixed_query = [("company".to_owned(), "1".to_owned())].into();
            let fixed = pb::Endpoint { name: name(), fixed_query, ..Default::default() };
            let reads = pb::Endpoint { name: name(), read_methods: vec!["DELETE".to_owned()], ..Default::default() };
            vec![
                ("upstream", endpoints.update_endpoint(update_endpoint(upstream, &["upstream"])).await.map(drop)),
                ("access", endpoints.update_endpoint(update_endpoint(public, &["access"])).await.map(drop)),
                ("fixed_query", endpoints.update_endpoint(update_endpoint(fixed, &["fixed_query"])).await.map(drop)),
                ("read_methods", endpoints.update_endpoint(update_endpoint(reads, &["read_methods"])).await.map(drop)),
            ]
        }
        "/passgate.gateway.v1.EndpointService/EnableEndpoint" => {
            let request = pb::EnableEndpointRequest { name: "closed".to_owned() };
            vec![("public", endpoints.enable_endpoint(request).await.map(drop))]
        }
        "/passgate.gateway.v1.ApiService/CreateApi" => {
            let (plain, dry) = (create_api(api("shop.v1.New")), create_api(api("shop.v1.New")));
            let dry = pb::CreateApiRequest { validate_only: true, ..dry };
            vec![
                ("made", apis.create_api(plain).await.map(drop)),
                ("as a dry run", apis.create_api(dry).await.map(drop)),
            ]
        }
        "/passgate.gateway.v1.ApiService/UpdateApi" => {
            let upstream = pb::Api { upstream: "http://evil.example".to_owned(), ..api("shop.v1.Orders") };
            let reads = pb::Api { read_methods: vec!["Delete".to_owned()], ..api("shop.v1.Orders") };
            vec![
                ("upstream", apis.update_api(update_api(upstream, &["upstream"])).await.map(drop)),
                ("read_methods", apis.update_api(update_api(reads, &["read_methods"])).await.map(drop)),
            ]
        }
        other => panic!("{other} gives power: show here how"),
    }
}

on_both_databases! {
    async fn no_rpc_gives_power_that_its_caller_does_not_hold(gateway: Gateway) {
        let mut admin = gateway.endpoints("admin");
        admin.create_endpoint(create_endpoint(endpoint("sales"))).await.expect("made");
        let closed = pb::Endpoint { access: Access::Public.into(), disabled: true, ..endpoint("closed") };
        admin.create_endpoint(create_endpoint(closed)).await.expect("made");
        gateway.apis("admin").create_api(create_api(api("shop.v1.Orders"))).await.expect("made");
        let begin = gateway.feed().await.len();
        // Each letter of a method's name, and yet not the whole API.
        let letters: Vec<String> =
            ('a'..='z').chain('A'..='Z').chain(['_']).map(|first| format!("apis/shop.v1.Orders/{first}*")).collect();
        let letters: Vec<&str> = OPERATOR.iter().copied().chain(letters.iter().map(String::as_str)).collect();
        gateway.tokens().add("operator", OPERATOR);
        gateway.tokens().add("reader", &[OPERATOR[0], "endpoints/*:read", "apis/shop.*:read"]);
        gateway.tokens().add_scoped("scoped", &["*"], OPERATOR);
        gateway.tokens().add("letters", &letters);

        for path in GIVES_POWER {
            for token in ["operator", "reader", "scoped", "letters"] {
                for (way, outcome) in give(&gateway, path, token).await {
                    let refusal = outcome.expect_err(&format!("{path} {way} by {token}"));
                    assert_eq!(told(&refusal), (Code::PermissionDenied, "NOT_HELD".to_owned()), "{path} {way} {token}");
                    assert!(!fact(&refusal, "lacking").is_empty(), "{path} {way} {token}");
                }
            }
        }

        assert_eq!(gateway.feed().await.len(), begin, "nothing was changed");
    }

    async fn whoever_holds_it_may_give_it(gateway: Gateway) {
        gateway.tokens().add("both", &[OPERATOR[0], "endpoints/*", "apis/shop.v1.*"]);
        let mut both = gateway.endpoints("both");
        both.create_endpoint(create_endpoint(endpoint("sales"))).await.expect("made");
        let closed = pb::Endpoint { access: Access::Public.into(), disabled: true, ..endpoint("closed") };
        both.create_endpoint(create_endpoint(closed)).await.expect("made");
        gateway.apis("both").create_api(create_api(api("shop.v1.Orders"))).await.expect("made");

        for path in GIVES_POWER {
            for (way, outcome) in give(&gateway, path, "both").await {
                // The dry runs come after the thing is there: that alone is what they are told.
                match outcome {
                    Ok(()) => {}
                    Err(refusal) => assert_eq!((way, told(&refusal).1.as_str()), ("as a dry run", "NAME_TAKEN"), "{path}"),
                }
            }
        }
    }

    async fn an_endpoint_that_needs_a_token_is_switched_by_whoever_may_call_the_rpc(gateway: Gateway) {
        let mut admin = gateway.endpoints("admin");
        admin.create_endpoint(create_endpoint(endpoint("sales"))).await.expect("made");
        gateway.tokens().add("operator", OPERATOR);
        let mut operator = gateway.endpoints("operator");

        operator.disable_endpoint(pb::DisableEndpointRequest { name: "sales".to_owned() }).await.expect("taken away");
        operator.enable_endpoint(pb::EnableEndpointRequest { name: "sales".to_owned() }).await.expect("given to nobody new");
    }

    async fn what_cannot_be_known_gives_nothing(gateway: Gateway) {
        let mut admin = gateway.endpoints("admin");
        let closed = pb::Endpoint { access: Access::Public.into(), disabled: true, ..endpoint("closed") };
        admin.create_endpoint(create_endpoint(closed)).await.expect("made");
        gateway.tokens().set_holdings_unknown(true);

        let refusal = admin.enable_endpoint(pb::EnableEndpointRequest { name: "closed".to_owned() }).await.expect_err("refused");

        assert_eq!(told(&refusal), (Code::Unavailable, "UNDECIDABLE".to_owned()));
        let route = gateway.registry().current().expect("current").endpoint("closed").expect("there").clone();
        assert!(!route.enabled);
    }
}
