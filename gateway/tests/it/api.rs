//! `ApiService`: what each RPC does, and each way in which it refuses.

#![cfg(test)]

use passgate_proto::access::{Level, RULES};
use passgate_proto::gateway::v1 as pb;
use tonic::Code;

use crate::support::{Gateway, api, create_api, fact, on_both_databases, told, update_api, wrong_fields};

/// May call every RPC of the service, and holds nothing else.
const OPERATOR: &[&str] = &["apis/passgate.gateway.v1.ApiService/*"];

const BUILT_IN: &str = "passgate.gateway.v1.EndpointService";

async fn create(gateway: &Gateway, token: &str, wanted: pb::Api) -> Result<pb::Api, tonic::Status> {
    let answer = gateway.apis(token).create_api(create_api(wanted)).await?;
    Ok(answer.into_inner().api.expect("the API"))
}

async fn get(gateway: &Gateway, name: &str) -> Result<pb::Api, tonic::Status> {
    let answer = gateway.apis("admin").get_api(pb::GetApiRequest { name: name.to_owned() }).await?;
    Ok(answer.into_inner().api.expect("the API"))
}

async fn delete(gateway: &Gateway, name: &str) -> Result<(), tonic::Status> {
    let request = pb::DeleteApiRequest { name: name.to_owned(), etag: String::new() };
    gateway.apis("admin").delete_api(request).await.map(drop)
}

on_both_databases! {
    async fn an_api_is_registered_and_read_back_and_served_the_same(gateway: Gateway) {
        let wanted = pb::Api {
            description: "Orders".to_owned(),
            labels: [("team".to_owned(), "shop".to_owned())].into(),
            read_methods: vec!["Get".to_owned(), "List".to_owned()],
            ..api("shop.v1.Orders")
        };

        let answer = gateway.apis("admin").create_api(create_api(wanted.clone())).await.expect("made");

        assert!(answer.metadata().get("passgate-change").is_some());
        let made = answer.into_inner().api.expect("the API");
        let (create_time, update_time, etag) = (made.create_time, made.update_time, made.etag.clone());
        assert!(create_time.is_some() && create_time == update_time && !etag.is_empty());
        assert_eq!(made, pb::Api { create_time, update_time, etag, kind: pb::api::Kind::Registered.into(), ..wanted });
        assert_eq!(get(&gateway, "shop.v1.Orders").await.expect("found"), made);
        assert!(gateway.registry().current().expect("current").api("shop.v1.Orders").is_some());

        delete(&gateway, "shop.v1.Orders").await.expect("deleted");
        assert!(gateway.registry().current().expect("current").api("shop.v1.Orders").is_none());
    }

    async fn every_wrong_field_is_named_at_once_and_nothing_is_written(gateway: Gateway) {
        let wrong = pb::Api {
            name: "shop..Orders".to_owned(),
            description: "\0".to_owned(),
            labels: [("Team".to_owned(), "x".to_owned())].into(),
            upstream: "http://upstream.example/path".to_owned(),
            read_methods: vec!["Get".to_owned(), "Get/It".to_owned(), "*".to_owned()],
            ..pb::Api::default()
        };
        let request = pb::CreateApiRequest { request_id: "ü".to_owned(), ..create_api(wrong) };

        let refusal = gateway.apis("admin").create_api(request).await.expect_err("refused");

        assert_eq!(wrong_fields(&refusal), [
            "request_id",
            "api.name",
            "api.description",
            "api.labels",
            "api.upstream",
            "api.read_methods[1]",
            "api.read_methods[2]",
        ]);
        let nothing = gateway.apis("admin").create_api(pb::CreateApiRequest::default()).await;
        assert_eq!(wrong_fields(&nothing.expect_err("refused")), ["api"]);
        let forbidden = pb::Api { upstream: "http://169.254.169.254".to_owned(), ..api("shop.v1.Orders") };
        assert_eq!(wrong_fields(&create(&gateway, "admin", forbidden).await.expect_err("refused")), ["api.upstream"]);
    }

    async fn passgates_own_services_are_listed_and_can_be_neither_registered_nor_changed(gateway: Gateway) {
        let own = get(&gateway, BUILT_IN).await.expect("found");
        assert_eq!(own.kind(), pb::api::Kind::BuiltIn);
        assert_eq!((own.upstream.as_str(), own.etag.as_str()), ("", ""));
        assert_eq!(own.read_methods, ["GetEndpoint", "ListEndpoints"]);

        for name in [BUILT_IN, "passgate.identity.v1.DirectoryService", "passgate.Evil", "grpc.health.v1.Health", "envoy.X"] {
            let mut admin = gateway.apis("admin");
            let delete = pb::DeleteApiRequest { name: name.to_owned(), etag: String::new() };
            let refusals = [
                admin.create_api(create_api(api(name))).await.err(),
                admin.update_api(update_api(api(name), &["*"])).await.err(),
                admin.delete_api(delete).await.err(),
            ];
            for refusal in refusals {
                let refusal = refusal.expect("refused");
                assert_eq!(told(&refusal), (Code::FailedPrecondition, "BUILT_IN".to_owned()), "{name}");
                assert_eq!(fact(&refusal, "resource"), format!("apis/{name}"));
            }
        }
    }

    async fn a_list_has_registered_and_built_in_ones_in_one_order_page_after_page(gateway: Gateway) {
        for name in ["shop.v1.Orders", "a.B", "passgatf.X"] {
            create(&gateway, "admin", api(name)).await.expect("made");
        }
        let mut expected: Vec<String> =
            RULES.iter().filter(|rule| rule.level != Level::Internal).map(|rule| rule.service.to_owned()).collect();
        expected.extend(["shop.v1.Orders", "a.B", "passgatf.X"].map(str::to_owned));
        expected.sort();
        expected.dedup();

        let mut names = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = pb::ListApisRequest { page_size: 2, page_token };
            let page = gateway.apis("admin").list_apis(request).await.expect("a page").into_inner();
            assert!(page.apis.len() <= 2);
            names.extend(page.apis.into_iter().map(|api| api.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }

        assert_eq!(names, expected);
        let wrong = pb::ListApisRequest { page_size: i32::MIN, page_token: "x".to_owned() };
        let refusal = gateway.apis("admin").list_apis(wrong).await.expect_err("refused");
        assert_eq!(wrong_fields(&refusal), ["page_size", "page_token"]);
    }

    async fn a_name_is_taken_once_and_taken_again_after_deletion_only_knowingly(gateway: Gateway) {
        let first = create(&gateway, "admin", api("shop.v1.Orders")).await.expect("made");
        let refusal = create(&gateway, "admin", api("shop.v1.Orders")).await.expect_err("refused");
        assert_eq!(told(&refusal), (Code::AlreadyExists, "NAME_TAKEN".to_owned()));

        delete(&gateway, "shop.v1.Orders").await.expect("deleted");
        let refusal = create(&gateway, "admin", api("shop.v1.Orders")).await.expect_err("refused");
        assert_eq!(told(&refusal), (Code::FailedPrecondition, "NAME_WAS_USED".to_owned()));

        let request = pb::CreateApiRequest { reuse_name: true, ..create_api(api("shop.v1.Orders")) };
        let second = gateway.apis("admin").create_api(request).await.expect("made").into_inner().api.expect("the API");
        assert_ne!(second.etag, first.etag);
    }

    async fn a_repeat_of_a_create_answers_the_same_api_and_another_body_is_refused(gateway: Gateway) {
        let request = pb::CreateApiRequest { request_id: "one".to_owned(), ..create_api(api("shop.v1.Orders")) };
        let first = gateway.apis("admin").create_api(request.clone()).await.expect("made").into_inner();

        let repeat = gateway.apis("admin").create_api(request.clone()).await.expect("repeated").into_inner();
        assert_eq!(repeat, first);

        let other = pb::CreateApiRequest { api: Some(api("other.X")), ..request };
        let refusal = gateway.apis("admin").create_api(other).await.expect_err("refused");
        assert_eq!((refusal.code(), told(&refusal).1), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    }

    async fn registering_needs_a_caller_that_holds_all_methods_by_grants_and_scopes(gateway: Gateway) {
        let all = "apis/shop.v1.Orders/*";
        gateway.tokens().add("operator", OPERATOR);
        gateway.tokens().add("some", &[OPERATOR[0], "apis/shop.v1.Orders/Get", "apis/shop.v1.Orders/List*"]);
        gateway.tokens().add("letters", &[OPERATOR[0], "apis/shop.v1.Orders/Z*", "apis/shop.v1.Orders/z*"]);
        gateway.tokens().add("reader", &[OPERATOR[0], "apis/shop.v1.Orders/*:read"]);
        gateway.tokens().add_scoped("scoped", &["*"], &[OPERATOR[0], "apis/shop.v1.Orders/Get"]);
        gateway.tokens().add("owner", &[OPERATOR[0], all]);

        for token in ["operator", "some", "letters", "reader", "scoped"] {
            let refusal = create(&gateway, token, api("shop.v1.Orders")).await.expect_err(token);
            assert_eq!(told(&refusal), (Code::PermissionDenied, "NOT_HELD".to_owned()), "{token}");
            assert!(fact(&refusal, "lacking").contains(all), "{token}");
        }
        assert_eq!(told(&get(&gateway, "shop.v1.Orders").await.expect_err("not there")).1, "NOT_FOUND");
        create(&gateway, "owner", api("shop.v1.Orders")).await.expect("holds all of it");
    }

    async fn a_change_that_gives_power_needs_a_caller_that_holds_the_api(gateway: Gateway) {
        gateway.tokens().add("operator", OPERATOR);
        let made = create(&gateway, "admin", pb::Api { read_methods: vec!["Get".to_owned()], ..api("shop.v1.Orders") }).await;
        let made = made.expect("made");
        let giving = [
            ("upstream", pb::Api { upstream: "http://elsewhere.example".to_owned(), ..made.clone() }),
            ("read_methods", pb::Api { read_methods: vec!["Get".to_owned(), "Delete".to_owned()], ..made.clone() }),
        ];

        for (field, wanted) in giving {
            let refusal = gateway.apis("operator").update_api(update_api(wanted, &[field])).await.expect_err(field);
            assert_eq!(told(&refusal), (Code::PermissionDenied, "NOT_HELD".to_owned()), "{field}");
        }
        assert_eq!(get(&gateway, "shop.v1.Orders").await.expect("found"), made);

        let narrower = pb::Api { description: "x".to_owned(), read_methods: Vec::new(), ..made };
        let changed = gateway.apis("operator").update_api(update_api(narrower, &["*"])).await.expect("gives no power");
        assert_eq!(changed.into_inner().api.expect("the API").description, "x");
    }

    async fn what_is_not_there_is_not_found_and_wrong_names_and_masks_are_wrong_fields(gateway: Gateway) {
        let mut admin = gateway.apis("admin");
        let delete = |name: &str| pb::DeleteApiRequest { name: name.to_owned(), etag: String::new() };
        let none = [
            admin.get_api(pb::GetApiRequest { name: "no.Such".to_owned() }).await.err(),
            admin.update_api(update_api(api("no.Such"), &["*"])).await.err(),
            admin.delete_api(delete("no.Such")).await.err(),
        ];
        for refusal in none {
            assert_eq!(told(&refusal.expect("refused")), (Code::NotFound, "NOT_FOUND".to_owned()));
        }

        let wrong = [
            admin.get_api(pb::GetApiRequest { name: "no/Such".to_owned() }).await.err(),
            admin.delete_api(delete("")).await.err(),
        ];
        for refusal in wrong {
            assert_eq!(wrong_fields(&refusal.expect("refused")), ["name"]);
        }
        for paths in [&[][..], &["name"], &["kind"], &["*", "labels"]] {
            let refusal = admin.update_api(update_api(api("no.Such"), paths)).await.expect_err("refused");
            assert_eq!(wrong_fields(&refusal), ["update_mask"], "{paths:?}");
        }
    }

    async fn an_old_etag_changes_and_deletes_nothing(gateway: Gateway) {
        let old = create(&gateway, "admin", api("shop.v1.Orders")).await.expect("made");
        let wanted = pb::Api { description: "one".to_owned(), ..old.clone() };
        gateway.apis("admin").update_api(update_api(wanted, &["description"])).await.expect("changed");

        let again = pb::Api { description: "two".to_owned(), ..old.clone() };
        let refusal = gateway.apis("admin").update_api(update_api(again, &["description"])).await.expect_err("refused");
        assert_eq!(told(&refusal), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
        let request = pb::DeleteApiRequest { name: "shop.v1.Orders".to_owned(), etag: old.etag };
        let refusal = gateway.apis("admin").delete_api(request).await.expect_err("refused");
        assert_eq!(told(&refusal), (Code::Aborted, "ETAG_MISMATCH".to_owned()));

        assert_eq!(get(&gateway, "shop.v1.Orders").await.expect("still there").description, "one");
    }
}
