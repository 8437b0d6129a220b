//! `EndpointService`: what each RPC does, and each way in which it refuses.

#![cfg(test)]

use passgate_proto::gateway::v1 as pb;
use tonic::Code;

use crate::support::{
    Gateway, create_endpoint, endpoint, fact, on_both_databases, told, update_endpoint, wrong_fields,
};

/// May call every RPC of the service, and holds nothing else.
const OPERATOR: &[&str] = &["apis/passgate.gateway.v1.EndpointService/*"];

async fn create(gateway: &Gateway, token: &str, wanted: pb::Endpoint) -> Result<pb::Endpoint, tonic::Status> {
    let answer = gateway.endpoints(token).create_endpoint(create_endpoint(wanted)).await?;
    Ok(answer.into_inner().endpoint.expect("the endpoint"))
}

async fn get(gateway: &Gateway, name: &str) -> Result<pb::Endpoint, tonic::Status> {
    let answer = gateway.endpoints("admin").get_endpoint(pb::GetEndpointRequest { name: name.to_owned() }).await?;
    Ok(answer.into_inner().endpoint.expect("the endpoint"))
}

async fn delete(gateway: &Gateway, name: &str) -> Result<(), tonic::Status> {
    let request = pb::DeleteEndpointRequest { name: name.to_owned(), etag: String::new() };
    gateway.endpoints("admin").delete_endpoint(request).await.map(drop)
}

on_both_databases! {
    async fn an_endpoint_is_made_with_safe_defaults_and_read_back_the_same(gateway: Gateway) {
        let made = create(&gateway, "admin", endpoint("sales")).await.expect("made");

        assert_eq!(made.access(), pb::endpoint::Access::TokenRequired);
        assert_eq!(made.timeout.map(|timeout| timeout.seconds), Some(30));
        assert_eq!((made.max_request_bytes, made.disabled), (0, false));
        assert!(!made.etag.is_empty() && made.create_time.is_some() && made.create_time == made.update_time);
        assert_eq!(get(&gateway, "sales").await.expect("found"), made);
    }

    async fn every_field_is_kept_as_it_was_given(gateway: Gateway) {
        let wanted = pb::Endpoint {
            description: "Sales of all\ncompanies".to_owned(),
            labels: [("team".to_owned(), "Zürich".to_owned())].into(),
            access: pb::endpoint::Access::Public.into(),
            methods: vec!["GET".to_owned(), "POST".to_owned()],
            read_methods: vec!["POST".to_owned()],
            fixed_query: [("company".to_owned(), "a&b".to_owned())].into(),
            timeout: Some(prost_types::Duration { seconds: 1, nanos: 500_000_001 }),
            max_request_bytes: 1 << 20,
            disabled: true,
            ..endpoint("sales")
        };

        let made = create(&gateway, "admin", wanted.clone()).await.expect("made");

        let (create_time, update_time, etag) = (made.create_time, made.update_time, made.etag.clone());
        assert_eq!(made, pb::Endpoint { create_time, update_time, etag, ..wanted });
        assert_eq!(get(&gateway, "sales").await.expect("found"), made);
    }

    async fn a_change_is_in_the_snapshot_when_its_answer_arrives_and_carries_a_mark(gateway: Gateway) {
        let answer = gateway.endpoints("admin").create_endpoint(create_endpoint(endpoint("sales"))).await.expect("made");

        assert!(answer.metadata().get("passgate-change").is_some());
        let registry = gateway.registry().current().expect("current");
        assert_eq!(registry.endpoint("sales").expect("served").upstream.to_string(), "http://upstream.example/base");

        delete(&gateway, "sales").await.expect("deleted");
        assert!(gateway.registry().current().expect("current").endpoint("sales").is_none());
    }

    async fn every_wrong_field_of_a_create_is_named_at_once_and_nothing_is_written(gateway: Gateway) {
        let wrong = pb::Endpoint {
            name: "Sales".to_owned(),
            description: "a\u{202e}b".to_owned(),
            labels: [("Team".to_owned(), "x".to_owned())].into(),
            upstream: "http://169.254.169.254/latest".to_owned(),
            access: 9,
            methods: vec!["CONNECT".to_owned()],
            read_methods: vec!["post".to_owned()],
            fixed_query: [(String::new(), "x".to_owned())].into(),
            timeout: Some(prost_types::Duration { seconds: 0, nanos: -1 }),
            max_request_bytes: u64::MAX,
            ..pb::Endpoint::default()
        };
        let request = pb::CreateEndpointRequest { request_id: "a b".to_owned(), ..create_endpoint(wrong) };

        let refusal = gateway.endpoints("admin").create_endpoint(request).await.expect_err("refused");

        assert_eq!(wrong_fields(&refusal), [
            "request_id",
            "endpoint.name",
            "endpoint.description",
            "endpoint.labels",
            "endpoint.upstream",
            "endpoint.access",
            "endpoint.methods",
            "endpoint.read_methods",
            "endpoint.fixed_query",
            "endpoint.timeout",
            "endpoint.max_request_bytes",
        ]);
        let nothing = gateway.endpoints("admin").create_endpoint(pb::CreateEndpointRequest::default()).await;
        assert_eq!(wrong_fields(&nothing.expect_err("refused")), ["endpoint"]);
        let listed = gateway.endpoints("admin").list_endpoints(pb::ListEndpointsRequest::default()).await.expect("listed");
        assert!(listed.into_inner().endpoints.is_empty());
    }

    async fn upstreams_that_no_setting_allows_are_wrong_fields(gateway: Gateway) {
        for upstream in [
            "",
            "ftp://upstream.example",
            "http://user@upstream.example",
            "http://upstream.example?x",
            "http://upstream.example#x",
            "http://upstream.example:0",
            "http://169.254.169.254",
            "http://[fe80::1]",
            "http://[fd00:ec2::254]",
            "http://[::ffff:169.254.169.254]",
            "http://[64:ff9b::a9fe:a9fe]",
            "http://[2002:a9fe:a9fe::1]",
            "http://100.100.100.200",
            "http://168.63.129.16",
            "http://metadata.google.internal",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://224.0.0.1",
            "http://2130706433",
            "http://0x7f.1",
            "http://127.1",
            &format!("http://{}", gateway.admin_address()),
            &format!("http://{}", gateway.data_address()),
            &format!("http://localhost:{}", gateway.data_address().port()),
            &gateway.config().token_urls[0],
            &gateway.config().identity_url,
            &gateway.config().token_urls[0].replace("127.0.0.1", "localhost"),
            &gateway.config().identity_url.replace("127.0.0.1", "127.0.0.2"),
        ] {
            let wanted = pb::Endpoint { upstream: upstream.to_owned(), ..endpoint("sales") };
            let refusal = create(&gateway, "admin", wanted).await.expect_err(upstream);
            assert_eq!(wrong_fields(&refusal), ["endpoint.upstream"], "{upstream}");
        }
        let allowed = pb::Endpoint { upstream: "http://127.0.0.1:10".to_owned(), ..endpoint("sales") };
        create(&gateway, "admin", allowed).await.expect("the test's configuration allows loopback");
    }

    async fn a_name_is_taken_once(gateway: Gateway) {
        create(&gateway, "admin", endpoint("sales")).await.expect("made");

        let refusal = create(&gateway, "admin", endpoint("sales")).await.expect_err("refused");

        assert_eq!(told(&refusal), (Code::AlreadyExists, "NAME_TAKEN".to_owned()));
        assert_eq!(fact(&refusal, "resource"), "endpoints/sales");
    }

    async fn two_creates_of_one_name_at_once_make_one(gateway: Gateway) {
        let (one, other) = tokio::join!(
            create(&gateway, "admin", endpoint("sales")),
            create(&gateway, "admin", endpoint("sales")),
        );

        let (made, refused): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        let refusal = refused.into_iter().next().expect("one").expect_err("refused");
        assert_eq!(told(&refusal), (Code::AlreadyExists, "NAME_TAKEN".to_owned()));
    }

    async fn a_name_that_was_used_is_taken_again_only_knowingly_and_no_old_etag_fits(gateway: Gateway) {
        let first = create(&gateway, "admin", endpoint("sales")).await.expect("made");
        delete(&gateway, "sales").await.expect("deleted");

        let refusal = create(&gateway, "admin", endpoint("sales")).await.expect_err("refused");
        assert_eq!(told(&refusal), (Code::FailedPrecondition, "NAME_WAS_USED".to_owned()));

        let request = pb::CreateEndpointRequest { reuse_name: true, ..create_endpoint(endpoint("sales")) };
        let second = gateway.endpoints("admin").create_endpoint(request).await.expect("made").into_inner();
        assert_ne!(second.endpoint.expect("the endpoint").etag, first.etag);
    }

    async fn a_repeat_of_a_create_answers_the_same_endpoint_and_another_body_is_refused(gateway: Gateway) {
        let request = pb::CreateEndpointRequest { request_id: "one".to_owned(), ..create_endpoint(endpoint("sales")) };
        let first = gateway.endpoints("admin").create_endpoint(request.clone()).await.expect("made").into_inner();

        let repeat = gateway.endpoints("admin").create_endpoint(request.clone()).await.expect("repeated").into_inner();
        assert_eq!(repeat, first);

        let other = pb::CreateEndpointRequest { endpoint: Some(endpoint("other")), ..request.clone() };
        let refusal = gateway.endpoints("admin").create_endpoint(other).await.expect_err("refused");
        assert_eq!((refusal.code(), told(&refusal).1), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));

        let by_another = gateway.endpoints("holder").create_endpoint(request).await.expect_err("refused");
        assert_eq!(told(&by_another).1, "NAME_TAKEN", "a request_id is its caller's own");
    }

    async fn making_an_endpoint_needs_a_caller_that_holds_it_by_grants_and_scopes(gateway: Gateway) {
        gateway.tokens().add("operator", OPERATOR);
        gateway.tokens().add("reader", &[OPERATOR[0], "endpoints/sales:read"]);
        gateway.tokens().add_scoped("scoped", &["*"], OPERATOR);

        for token in ["operator", "reader", "scoped"] {
            let refusal = create(&gateway, token, endpoint("sales")).await.expect_err(token);
            assert_eq!(told(&refusal), (Code::PermissionDenied, "NOT_HELD".to_owned()), "{token}");
            let lacking = if token == "reader" { "endpoints/sales:write" } else { "endpoints/sales" };
            assert_eq!(fact(&refusal, "lacking"), lacking, "{token}");
        }
        assert_eq!(told(&get(&gateway, "sales").await.expect_err("not there")).1, "NOT_FOUND");
        create(&gateway, "holder", endpoint("sales")).await.expect("holds endpoints/*");
    }

    async fn without_the_right_token_nothing_is_answered(gateway: Gateway) {
        let mut nobody = gateway.endpoints("unknown");
        let refusal = nobody.list_endpoints(pb::ListEndpointsRequest::default()).await.expect_err("refused");
        assert_eq!(told(&refusal), (Code::Unauthenticated, "TOKEN_INVALID".to_owned()));

        gateway.tokens().add("stranger", &["endpoints/*"]);
        let refusal = gateway.endpoints("stranger").list_endpoints(pb::ListEndpointsRequest::default()).await;
        assert_eq!(told(&refusal.expect_err("refused")), (Code::PermissionDenied, "NO_GRANT".to_owned()));

        gateway.tokens().set_away(true);
        let refusal = gateway.endpoints("admin").list_endpoints(pb::ListEndpointsRequest::default()).await;
        assert_eq!(told(&refusal.expect_err("refused")), (Code::Unavailable, "UNDECIDABLE".to_owned()));
    }

    async fn what_is_not_there_is_not_found_by_any_rpc(gateway: Gateway) {
        let mut admin = gateway.endpoints("admin");
        let name = || "none".to_owned();
        let refusals = [
            admin.get_endpoint(pb::GetEndpointRequest { name: name() }).await.err(),
            admin.update_endpoint(update_endpoint(endpoint("none"), &["*"])).await.err(),
            admin.enable_endpoint(pb::EnableEndpointRequest { name: name() }).await.err(),
            admin.disable_endpoint(pb::DisableEndpointRequest { name: name() }).await.err(),
            admin.delete_endpoint(pb::DeleteEndpointRequest { name: name(), etag: String::new() }).await.err(),
        ];
        for refusal in refusals {
            let refusal = refusal.expect("refused");
            assert_eq!(told(&refusal), (Code::NotFound, "NOT_FOUND".to_owned()));
            assert_eq!(fact(&refusal, "resource"), "endpoints/none");
        }
    }

    async fn a_wrong_name_is_a_wrong_field_of_every_rpc(gateway: Gateway) {
        let mut admin = gateway.endpoints("admin");
        let name = || "a/b".to_owned();
        let refusals = [
            admin.get_endpoint(pb::GetEndpointRequest { name: name() }).await.err(),
            admin.enable_endpoint(pb::EnableEndpointRequest { name: name() }).await.err(),
            admin.disable_endpoint(pb::DisableEndpointRequest { name: name() }).await.err(),
            admin.delete_endpoint(pb::DeleteEndpointRequest { name: name(), etag: String::new() }).await.err(),
        ];
        for refusal in refusals {
            assert_eq!(wrong_fields(&refusal.expect("refused")), ["name"]);
        }
        let refusal = admin.update_endpoint(update_endpoint(endpoint("a/b"), &["*"])).await.expect_err("refused");
        assert_eq!(wrong_fields(&refusal), ["endpoint.name"]);
    }

    async fn an_update_changes_what_its_mask_names_and_nothing_else(gateway: Gateway) {
        let made = create(&gateway, "admin", endpoint("sales")).await.expect("made");
        let wanted = pb::Endpoint {
            description: "new".to_owned(),
            methods: vec!["GET".to_owned()],
            upstream: "http://elsewhere.example".to_owned(),
            ..made.clone()
        };

        let answer = gateway.endpoints("admin").update_endpoint(update_endpoint(wanted, &["description"])).await;
        let changed = answer.expect("changed").into_inner().endpoint.expect("the endpoint");

        assert_ne!(changed.etag, made.etag);
        let (update_time, etag) = (changed.update_time, changed.etag.clone());
        assert_eq!(changed, pb::Endpoint { description: "new".to_owned(), update_time, etag, ..made });
        assert_eq!(get(&gateway, "sales").await.expect("found"), changed);
    }

    async fn masks_that_are_empty_or_name_what_cannot_be_changed_are_wrong_fields(gateway: Gateway) {
        let made = create(&gateway, "admin", endpoint("sales")).await.expect("made");

        for paths in [&[][..], &["name"], &["disabled"], &["etag"], &["create_time"], &["nothing"], &["*", "labels"]] {
            let answer = gateway.endpoints("admin").update_endpoint(update_endpoint(made.clone(), paths)).await;
            assert_eq!(wrong_fields(&answer.expect_err("refused")), ["update_mask"], "{paths:?}");
        }
        let wrong = pb::Endpoint { upstream: "x".to_owned(), timeout: Some(prost_types::Duration { seconds: 4000, nanos: 0 }), ..made.clone() };
        let answer = gateway.endpoints("admin").update_endpoint(update_endpoint(wrong, &["*"])).await;
        assert_eq!(wrong_fields(&answer.expect_err("refused")), ["endpoint.upstream", "endpoint.timeout"]);
        let nothing = gateway.endpoints("admin").update_endpoint(pb::UpdateEndpointRequest::default()).await;
        assert_eq!(wrong_fields(&nothing.expect_err("refused")), ["update_mask", "endpoint"]);
        assert_eq!(get(&gateway, "sales").await.expect("found"), made);
    }

    async fn an_old_etag_changes_and_deletes_nothing(gateway: Gateway) {
        let old = create(&gateway, "admin", endpoint("sales")).await.expect("made");
        let wanted = pb::Endpoint { description: "one".to_owned(), ..old.clone() };
        gateway.endpoints("admin").update_endpoint(update_endpoint(wanted, &["description"])).await.expect("changed");

        let again = pb::Endpoint { description: "two".to_owned(), ..old.clone() };
        let refusal = gateway.endpoints("admin").update_endpoint(update_endpoint(again, &["description"])).await;
        assert_eq!(told(&refusal.expect_err("refused")), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
        let request = pb::DeleteEndpointRequest { name: "sales".to_owned(), etag: old.etag };
        let refusal = gateway.endpoints("admin").delete_endpoint(request).await;
        assert_eq!(told(&refusal.expect_err("refused")), (Code::Aborted, "ETAG_MISMATCH".to_owned()));

        assert_eq!(get(&gateway, "sales").await.expect("still there").description, "one");
    }

    async fn a_change_that_gives_power_needs_a_caller_that_holds_the_endpoint(gateway: Gateway) {
        gateway.tokens().add("operator", OPERATOR);
        let made = create(&gateway, "admin", endpoint("sales")).await.expect("made");
        let giving = [
            ("upstream", pb::Endpoint { upstream: "http://elsewhere.example".to_owned(), ..made.clone() }),
            ("access", pb::Endpoint { access: pb::endpoint::Access::Public.into(), ..made.clone() }),
            ("fixed_query", pb::Endpoint { fixed_query: [("a".to_owned(), "b".to_owned())].into(), ..made.clone() }),
            ("read_methods", pb::Endpoint { read_methods: vec!["POST".to_owned()], ..made.clone() }),
        ];

        for (field, wanted) in giving {
            let refusal = gateway.endpoints("operator").update_endpoint(update_endpoint(wanted, &[field])).await;
            let refusal = refusal.expect_err(field);
            assert_eq!(told(&refusal), (Code::PermissionDenied, "NOT_HELD".to_owned()), "{field}");
            assert_eq!(fact(&refusal, "lacking"), "endpoints/sales", "{field}");
        }
        assert_eq!(get(&gateway, "sales").await.expect("found"), made);

        let harmless = pb::Endpoint { description: "x".to_owned(), ..made };
        gateway.endpoints("operator").update_endpoint(update_endpoint(harmless, &["*"])).await.expect("gives no power");
    }

    async fn an_endpoint_is_switched_off_and_on_and_twice_is_once(gateway: Gateway) {
        let made = create(&gateway, "admin", endpoint("sales")).await.expect("made");
        let mut admin = gateway.endpoints("admin");
        let name = || "sales".to_owned();

        let off = admin.disable_endpoint(pb::DisableEndpointRequest { name: name() }).await.expect("off").into_inner();
        assert!(off.endpoint.as_ref().expect("the endpoint").disabled);
        let served = gateway.registry().current().expect("current");
        assert!(!served.endpoint("sales").expect("still known").enabled);

        let again = admin.disable_endpoint(pb::DisableEndpointRequest { name: name() }).await.expect("off").into_inner();
        assert_eq!(again.endpoint, off.endpoint, "nothing changed");

        let on = admin.enable_endpoint(pb::EnableEndpointRequest { name: name() }).await.expect("on").into_inner();
        let on = on.endpoint.expect("the endpoint");
        assert!(!on.disabled && on.etag != made.etag);
    }

    async fn a_list_goes_by_name_page_after_page(gateway: Gateway) {
        for name in ["b-2", "a", "b", "b-1", "c"] {
            create(&gateway, "admin", endpoint(name)).await.expect("made");
        }

        let mut names = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = pb::ListEndpointsRequest { page_size: 2, page_token };
            let page = gateway.endpoints("admin").list_endpoints(request).await.expect("a page").into_inner();
            names.push(page.endpoints.into_iter().map(|endpoint| endpoint.name).collect::<Vec<_>>());
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }

        assert_eq!(names, [vec!["a", "b"], vec!["b-1", "b-2"], vec!["c"]]);
    }

    async fn page_sizes_below_zero_and_page_tokens_that_are_not_the_callers_are_wrong_fields(gateway: Gateway) {
        for name in ["a", "b"] {
            create(&gateway, "admin", endpoint(name)).await.expect("made");
        }
        let first = pb::ListEndpointsRequest { page_size: 1, page_token: String::new() };
        let page_token = gateway.endpoints("admin").list_endpoints(first).await.expect("a page").into_inner().next_page_token;

        let wrong = pb::ListEndpointsRequest { page_size: -1, page_token: "made-up".to_owned() };
        let refusal = gateway.endpoints("admin").list_endpoints(wrong).await.expect_err("refused");
        assert_eq!(wrong_fields(&refusal), ["page_size", "page_token"]);

        let foreign = pb::ListEndpointsRequest { page_size: 1, page_token: page_token.clone() };
        let refusal = gateway.endpoints("holder").list_endpoints(foreign).await.expect_err("refused");
        assert_eq!(wrong_fields(&refusal), ["page_token"]);

        let other_list = pb::ListApisRequest { page_size: 1, page_token };
        let refusal = gateway.apis("admin").list_apis(other_list).await.expect_err("refused");
        assert_eq!(wrong_fields(&refusal), ["page_token"]);
    }
}
