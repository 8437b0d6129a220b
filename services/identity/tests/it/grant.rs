//! GrantService.

use passgate_proto::identity::v1::*;
use tonic::Code;

use crate::support::{fields, on_both, told};

on_both! {
    async fn what_is_given_is_held_and_what_is_taken_is_not(harness) {
        let bob = harness.user("bob@example.org", &[]).await;
        let holder = format!("users/{bob}");
        let patterns = vec!["endpoints/sales-*:read".to_owned(), "apis/shop.v1.Orders/*".to_owned()];
        let grant = GrantRequest { holder: holder.clone(), patterns: patterns.clone() };

        let given = harness.admin.grants().grant(grant.clone()).await.expect("given").into_inner().grants;
        assert_eq!(given.len(), 2);
        assert_eq!(given[0].created_by, format!("users/{}", harness.admin_user));
        let before = harness.changes().await;
        harness.admin.grants().grant(grant).await.expect("is there already");
        assert_eq!(harness.changes().await, before, "giving what is there changes nothing");
        let covering = ListGrantsRequest { resource: "endpoints/sales-orders".into(), ..Default::default() };
        let covering = harness.admin.grants().list_grants(covering).await.expect("a page").into_inner().grants;
        let holders: Vec<&str> = covering.iter().map(|grant| grant.pattern.as_str()).collect();
        assert!(holders.contains(&"endpoints/sales-*:read") && holders.contains(&"*"), "{holders:?}");
        assert!(!holders.contains(&"apis/shop.v1.Orders/*"));
        let revoke = RevokeRequest { holder: holder.clone(), patterns: vec![patterns[0].clone()], confirm_within: None };
        let left = harness.admin.grants().revoke(revoke).await.expect("taken").into_inner().grants;

        assert_eq!(left.len(), 1);
        let own = harness.session(bob).grants().list_grants(ListGrantsRequest::default()).await.expect("one's own");
        assert_eq!(own.into_inner().grants, left);
        let others = ListGrantsRequest { holder: format!("users/{}", harness.admin_user), ..Default::default() };
        assert_eq!(told(harness.session(bob).grants().list_grants(others).await).0, Code::NotFound);
    }

    async fn every_wrong_field_of_a_grant_is_named(harness) {
        let request = GrantRequest { holder: "bob".into(), patterns: vec!["endpoints/*/x".into(), "*".into(), " a".into()] };
        assert_eq!(fields(harness.admin.grants().grant(request).await), ["holder", "patterns[0]", "patterns[2]"]);
        let request = RevokeRequest { holder: "groups/x".into(), patterns: Vec::new(), confirm_within: None };
        assert_eq!(fields(harness.admin.grants().revoke(request).await), ["holder", "patterns"]);
        let request = ListGrantsRequest { holder: "x".into(), resource: "y".into(), ..Default::default() };
        assert_eq!(fields(harness.admin.grants().list_grants(request).await), ["holder", "resource"]);
        let unknown = GrantRequest { holder: "users/01890a5d-ac96-774b-bcce-b302099a8057".into(), patterns: vec!["*".into()] };
        assert_eq!(told(harness.admin.grants().grant(unknown).await).0, Code::NotFound);
    }

    async fn nobody_holds_more_than_200_patterns(harness) {
        let bob = harness.user("bob@example.org", &[]).await;
        let patterns: Vec<String> = (0..200).map(|number| format!("endpoints/e{number}")).collect();
        let grant = |patterns| GrantRequest { holder: format!("users/{bob}"), patterns };
        harness.admin.grants().grant(grant(patterns)).await.expect("200 fit");
        let refused = harness.admin.grants().grant(grant(vec!["endpoints/one-more".into()])).await;
        assert_eq!(told(refused), (Code::FailedPrecondition, "LIMIT_REACHED".into()));
    }

    async fn the_last_administrator_keeps_its_grant(harness) {
        let other = harness.user("other@example.org", &["*"]).await;
        let one = harness.session(other);
        one.users().disable_user(DisableUserRequest { id: harness.admin_user.to_string(), confirm_within: None }).await.expect("not the last");
        let revoke = RevokeRequest { holder: format!("users/{other}"), patterns: vec!["*".into()], confirm_within: None };
        assert_eq!(told(one.grants().revoke(revoke).await), (Code::FailedPrecondition, "LAST_ADMINISTRATOR".into()));
    }
}
