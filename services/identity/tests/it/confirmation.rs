//! What takes something away can be confirmed: by those who keep decisions, through the token service.

use passgate_proto::identity::v1::*;
use passgate_proto::r#type::v1::Confirmation;
use tonic::Code;

use crate::support::{fields, on_both, told};

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

on_both! {
    async fn taking_away_waits_until_it_is_confirmed_if_that_is_asked(harness) {
        let client = &harness.admin;
        let bob = harness.user("bob@example.org", &["endpoints/a"]).await;
        let group = CreateGroupRequest { name: "sales".into(), ..Default::default() };
        let group_id = client.groups().create_group(group).await.expect("made").into_inner().group.expect("a group").id;
        let member = format!("users/{bob}");
        let add = AddMemberRequest { group_id: group_id.clone(), member: member.clone() };
        client.groups().add_member(add).await.expect("added");
        let importer = CreateApiUserRequest { name: "importer".into(), ..Default::default() };
        let importer = client.api_users().create_api_user(importer).await.expect("made").into_inner();
        let api_user = importer.api_user.expect("an API user").id;
        let confirm_within = seconds(3);
        let mut confirmations: Vec<Option<Confirmation>> = Vec::new();

        let remove = RemoveMemberRequest { group_id, member: member.clone(), confirm_within };
        confirmations.push(client.groups().remove_member(remove).await.expect("removed").into_inner().confirmation);
        let revoke = RevokeRequest { holder: member, patterns: vec!["endpoints/a".into()], confirm_within };
        confirmations.push(client.grants().revoke(revoke).await.expect("revoked").into_inner().confirmation);
        let disable = DisableUserRequest { id: bob.to_string(), confirm_within };
        confirmations.push(client.users().disable_user(disable).await.expect("disabled").into_inner().confirmation);
        let delete = DeleteUserRequest { id: bob.to_string(), confirm_within, ..Default::default() };
        confirmations.push(client.users().delete_user(delete).await.expect("deleted").into_inner().confirmation);
        let disable = DisableApiUserRequest { id: api_user.clone(), confirm_within };
        confirmations.push(client.api_users().disable_api_user(disable).await.expect("disabled").into_inner().confirmation);
        let delete = DeleteApiUserRequest { id: api_user, confirm_within, ..Default::default() };
        confirmations.push(client.api_users().delete_api_user(delete).await.expect("deleted").into_inner().confirmation);

        assert!(confirmations.iter().all(|confirmation| confirmation.as_ref().is_some_and(|told| told.complete)));
        let awaited = harness.token.awaited.lock().clone();
        assert_eq!(awaited.len(), confirmations.len());
        let numbers: Vec<u64> = awaited.iter().filter_map(|one| Some(one.identity.as_ref()?.number)).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "each its own change: {numbers:?}");
        assert_eq!(numbers.last(), Some(&harness.changes().await));
        assert!(awaited.iter().all(|one| one.within == confirm_within));
    }

    async fn without_the_token_service_the_change_is_made_and_nothing_is_known(harness) {
        let bob = harness.user("bob@example.org", &["endpoints/a"]).await;
        let revoke = |within| RevokeRequest {
            holder: format!("users/{bob}"),
            patterns: vec!["endpoints/a".into()],
            confirm_within: within,
        };
        let wrong = harness.admin.grants().revoke(revoke(seconds(31))).await;
        assert_eq!(fields(wrong), ["confirm_within"]);
        *harness.token.deaf.lock() = true;

        let revoked = harness.admin.grants().revoke(revoke(seconds(1))).await.expect("revoked").into_inner();

        assert_eq!(revoked.grants, []);
        assert_eq!(revoked.confirmation, Some(Confirmation::default()));
        let again = harness.admin.grants().revoke(revoke(None)).await.expect("found done").into_inner();
        assert_eq!(again.confirmation, None, "not asked for");
        let unknown = RevokeRequest { holder: "users/01890a5d-ac96-774b-bcce-b302099a8057".into(), ..revoke(seconds(1)) };
        assert_eq!(told(harness.admin.grants().revoke(unknown).await).0, Code::NotFound);
    }
}
