//! The dry run of a create: `validate_only` makes nothing and lists who could call it.

#![cfg(test)]

use passgate_proto::gateway::v1 as pb;
use tonic::Code;

use crate::support::{
    Gateway, api, create_api, create_endpoint, endpoint, fact, on_both_databases, told, wrong_fields,
};

fn dry(wanted: pb::Endpoint) -> pb::CreateEndpointRequest {
    pb::CreateEndpointRequest { validate_only: true, ..create_endpoint(wanted) }
}

on_both_databases! {
    async fn a_dry_run_makes_nothing_and_lists_who_could_call_with_both_actions_merged(gateway: Gateway) {
        gateway.tokens().add_caller("users/1", "endpoints/sales-*:read", "t1");
        gateway.tokens().add_caller("users/1", "endpoints/sales-orders:write", "t2");
        gateway.tokens().add_caller("api-users/2", "*", "t3");
        gateway.tokens().add_caller("users/3", "endpoints/other", "t4");
        let begin = gateway.feed().await.len();

        let answer = gateway.endpoints("admin").create_endpoint(dry(endpoint("sales-orders"))).await.expect("an answer");

        assert!(answer.metadata().get("passgate-change").is_none(), "nothing was changed");
        let answer = answer.into_inner();
        let found: Vec<_> = answer.callers.iter().map(|one| (&*one.principal, one.grants.clone(), one.token_ids.clone())).collect();
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found, [
            ("api-users/2", texts(&["*"]), texts(&["t3"])),
            ("users/1", texts(&["endpoints/sales-*:read", "endpoints/sales-orders:write"]), texts(&["t1", "t2"])),
        ]);
        assert!(!answer.more_callers);
        let wanted = answer.endpoint.expect("the endpoint");
        assert_eq!((wanted.name.as_str(), wanted.etag.as_str(), wanted.create_time), ("sales-orders", "", None));
        assert_eq!(gateway.feed().await.len(), begin);
        assert!(gateway.registry().current().expect("current").endpoint("sales-orders").is_none());
    }

    async fn a_dry_run_of_an_api_asks_about_all_its_methods(gateway: Gateway) {
        gateway.tokens().add_caller("users/1", "apis/shop.v1.Orders/Get", "t1");
        gateway.tokens().add_caller("users/2", "apis/shop.v1.Other/*", "t2");
        let request = pb::CreateApiRequest { validate_only: true, ..create_api(api("shop.v1.Orders")) };

        let answer = gateway.apis("admin").create_api(request).await.expect("an answer").into_inner();

        assert_eq!(answer.callers.iter().map(|one| one.principal.as_str()).collect::<Vec<_>>(), ["users/1"]);
        assert!(gateway.registry().current().expect("current").api("shop.v1.Orders").is_none());
    }

    async fn a_dry_run_tells_what_the_create_would_be_refused_for(gateway: Gateway) {
        let mut admin = gateway.endpoints("admin");
        admin.create_endpoint(create_endpoint(endpoint("sales"))).await.expect("made");
        let refusal = admin.create_endpoint(dry(endpoint("sales"))).await.expect_err("refused");
        assert_eq!(told(&refusal), (Code::AlreadyExists, "NAME_TAKEN".to_owned()));

        let gone = pb::DeleteEndpointRequest { name: "sales".to_owned(), etag: String::new() };
        admin.delete_endpoint(gone).await.expect("deleted");
        let refusal = admin.create_endpoint(dry(endpoint("sales"))).await.expect_err("refused");
        assert_eq!(told(&refusal), (Code::FailedPrecondition, "NAME_WAS_USED".to_owned()));
        assert!(refusal.message().contains("validate_only"), "{}", refusal.message());
        let reused = pb::CreateEndpointRequest { reuse_name: true, ..dry(endpoint("sales")) };
        admin.create_endpoint(reused).await.expect("it would be made");

        let wrong = pb::Endpoint { upstream: "ftp://x".to_owned(), ..endpoint("new") };
        let refusal = admin.create_endpoint(dry(wrong)).await.expect_err("refused");
        assert_eq!(wrong_fields(&refusal), ["endpoint.upstream"]);
    }

    async fn who_may_call_is_told_only_to_who_may_ask_the_token_service(gateway: Gateway) {
        gateway.tokens().add("maker", &["apis/passgate.gateway.v1.*", "endpoints/*"]);

        let refusal = gateway.endpoints("maker").create_endpoint(dry(endpoint("sales"))).await.expect_err("refused");

        assert_eq!(told(&refusal), (Code::PermissionDenied, "NO_GRANT".to_owned()));
        assert_eq!(fact(&refusal, "resource"), "apis/passgate.token.v1.AuthorizationService/ListCallers");
        gateway.endpoints("maker").create_endpoint(create_endpoint(endpoint("sales"))).await.expect("but it may make it");
    }
}
