//! GroupService.

use passgate_proto::identity::v1::*;
use prost_types::FieldMask;
use tonic::Code;

use crate::support::{fields, on_both, told};

const ADMINISTRATORS: &str = "00000000-0000-7000-8000-000000000001";

on_both! {
    async fn a_group_gives_its_members_what_it_holds_until_it_is_gone(harness) {
        let bob = harness.user("bob@example.org", &[]).await;
        let admin = &harness.admin;
        let request = CreateGroupRequest { name: "Sales".into(), request_id: "r".into(), ..Default::default() };
        let group = admin.groups().create_group(request.clone()).await.expect("created").into_inner().group.expect("it");
        let again = admin.groups().create_group(request).await.expect("found").into_inner().group.expect("it");
        assert_eq!(again.id, group.id);
        let grant = GrantRequest { holder: format!("groups/{}", group.id), patterns: vec!["endpoints/sales-*".into()] };
        admin.grants().grant(grant).await.expect("given");
        let member = AddMemberRequest { group_id: group.id.clone(), member: format!("users/{bob}") };
        admin.groups().add_member(member.clone()).await.expect("added");
        admin.groups().add_member(member).await.expect("is there already");

        let own = || async { harness.session(bob).users().get_self(GetSelfRequest {}).await.expect("self").into_inner() };
        assert_eq!(own().await.grants, ["endpoints/sales-*"]);
        let list = ListMembersRequest { group_id: group.id.clone(), ..Default::default() };
        assert_eq!(admin.groups().list_members(list).await.expect("a page").into_inner().members, [format!("users/{bob}")]);
        let delete = DeleteGroupRequest { id: group.id.clone(), etag: group.etag.clone() };
        admin.groups().delete_group(delete).await.expect("deleted");

        assert!(own().await.grants.is_empty());
        let get = GetGroupRequest { id: group.id };
        assert_eq!(told(admin.groups().get_group(get).await), (Code::NotFound, "NOT_FOUND".into()));
    }

    async fn names_are_unique_whatever_their_case_and_free_again_after_a_deletion(harness) {
        let create = |name: &str| CreateGroupRequest { name: name.into(), ..Default::default() };
        let group = harness.admin.groups().create_group(create("Sales")).await.expect("made").into_inner().group.expect("it");

        let taken = harness.admin.groups().create_group(create("SALES")).await;
        assert_eq!(told(taken), (Code::AlreadyExists, "NAME_TAKEN".into()));
        let wrong = harness.admin.groups().create_group(create(" Sales")).await;
        assert_eq!(fields(wrong), ["name"]);
        let list = ListGroupsRequest { name: "sales".into(), ..Default::default() };
        assert_eq!(harness.admin.groups().list_groups(list).await.expect("a page").into_inner().groups.len(), 1);
        harness.admin.groups().delete_group(DeleteGroupRequest { id: group.id, ..Default::default() }).await.expect("gone");
        harness.admin.groups().create_group(create("sales")).await.expect("free again");
    }

    async fn the_built_in_groups_can_be_neither_changed_nor_deleted(harness) {
        let id = ADMINISTRATORS.to_owned();
        let update = UpdateGroupRequest {
            group: Some(Group { id: id.clone(), name: "others".into(), ..Default::default() }),
            update_mask: Some(FieldMask { paths: vec!["name".into()] }),
        };
        let grant = GrantRequest { holder: format!("groups/{id}"), patterns: vec!["*".into()] };
        let revoke = RevokeRequest { holder: format!("groups/{id}"), patterns: vec!["*".into()], confirm_within: None };
        let refused = (Code::FailedPrecondition, "BUILT_IN".to_owned());

        assert_eq!(told(harness.admin.groups().update_group(update).await), refused);
        assert_eq!(told(harness.admin.groups().delete_group(DeleteGroupRequest { id, ..Default::default() }).await), refused);
        assert_eq!(told(harness.admin.grants().grant(grant).await), refused);
        assert_eq!(told(harness.admin.grants().revoke(revoke).await), refused);
    }

    async fn the_last_administrator_does_not_leave_the_group(harness) {
        let request = RemoveMemberRequest {
            group_id: ADMINISTRATORS.into(),
            member: format!("users/{}", harness.admin_user), confirm_within: None,
        };
        let before = harness.changes().await;
        let refused = harness.admin.groups().remove_member(request).await;
        assert_eq!(told(refused), (Code::FailedPrecondition, "LAST_ADMINISTRATOR".into()));
        assert_eq!(harness.changes().await, before);
    }
}
