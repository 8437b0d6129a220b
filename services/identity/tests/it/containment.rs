//! Power is contained: every RPC that gives, restores or rests on power refuses who holds less.

use passgate_kit::client::Principal;
use passgate_proto::identity::v1::*;
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::support::{Client, Harness, on_both, reason, told};

const ADMINISTRATORS: &str = "00000000-0000-7000-8000-000000000001";

/// Each act that gives or rests on power, on an administrator and on what administrators hold.
async fn acts(harness: &Harness, client: &Client) -> Vec<(&'static str, Result<(), Status>)> {
    let admin = harness.admin_user.to_string();
    let holder = format!("users/{admin}");
    let user = User { id: admin.clone(), email: "mine@example.org".into(), ..Default::default() };
    let mask = Some(FieldMask { paths: vec!["email".into()] });
    let all = || vec!["*".to_owned()];
    let group = || vec![format!("groups/{ADMINISTRATORS}")];
    let member = || (ADMINISTRATORS.to_owned(), holder.clone());
    let (group_id, member_name) = member();
    macro_rules! act {
        ($($service:ident.$method:ident($request:expr)),+ $(,)?) => {
            vec![$((stringify!($method), client.$service().$method($request).await.map(drop))),+]
        };
    }
    act![
        users.create_user(CreateUserRequest { email: "new@example.org".into(), grants: all(), ..Default::default() }),
        users.create_user(CreateUserRequest { email: "new@example.org".into(), groups: group(), ..Default::default() }),
        users.update_user(UpdateUserRequest { user: Some(user), update_mask: mask }),
        users.disable_user(DisableUserRequest { id: admin.clone() }),
        users.enable_user(EnableUserRequest { id: admin.clone() }),
        users.delete_user(DeleteUserRequest { id: admin.clone(), ..Default::default() }),
        users.set_password(SetPasswordRequest { id: admin.clone(), ..Default::default() }),
        api_users.create_api_user(CreateApiUserRequest { name: "new".into(), grants: all(), ..Default::default() }),
        api_users.create_api_user(CreateApiUserRequest { name: "new".into(), groups: group(), ..Default::default() }),
        groups.add_member(AddMemberRequest { group_id: group_id.clone(), member: member_name.clone() }),
        groups.remove_member(RemoveMemberRequest { group_id, member: member_name }),
        grants.grant(GrantRequest { holder: holder.clone(), patterns: vec!["endpoints/a".into()] }),
        grants.revoke(RevokeRequest { holder: holder.clone(), patterns: all() }),
    ]
}

on_both! {
    async fn whoever_may_call_everything_of_passgate_has_no_power_over_who_holds_more(harness) {
        let help_desk = harness.user("help@example.org", &["apis/passgate.*"]).await;
        let before = harness.changes().await;
        for (act, result) in acts(&harness, &harness.session(help_desk)).await {
            let status = result.expect_err(act);
            assert_eq!((status.code(), reason(&status)), (Code::PermissionDenied, "NOT_HELD".into()), "{act}: {status:?}");
            assert!(status.message().contains('*'), "{act} names what lacks: {}", status.message());
        }
        assert_eq!(harness.changes().await, before, "nothing was changed");
    }

    async fn an_administrators_narrow_token_has_no_more_power_than_its_scopes(harness) {
        let narrow = harness.named(Principal::User(harness.admin_user), &["apis/passgate.*"]);
        let before = harness.changes().await;
        for (act, result) in acts(&harness, &narrow).await {
            let status = result.expect_err(act);
            let own_password = act == "set_password" && status.code() == Code::InvalidArgument;
            assert!(own_password || reason(&status) == "NOT_HELD", "{act}: {status:?}");
        }
        assert_eq!(harness.changes().await, before, "nothing was changed");
    }

    async fn the_same_acts_are_open_to_who_holds_as_much(harness) {
        let bob = harness.user("bob@example.org", &["endpoints/sales-*"]).await;
        let help_desk = harness.user("help@example.org", &["apis/passgate.*", "endpoints/*"]).await;
        let client = harness.session(help_desk);
        let id = bob.to_string();
        let grant = |patterns: &[&str]| GrantRequest {
            holder: format!("users/{bob}"),
            patterns: patterns.iter().map(ToString::to_string).collect(),
        };

        client.users().disable_user(DisableUserRequest { id: id.clone() }).await.expect("disabled");
        client.users().enable_user(EnableUserRequest { id: id.clone() }).await.expect("enabled");
        client.users().set_password(SetPasswordRequest { id, ..Default::default() }).await.expect("set");
        client.grants().grant(grant(&["endpoints/x:read"])).await.expect("given");
        let wider = client.grants().grant(grant(&["apis/shop.v1.Orders/*"])).await;

        assert_eq!(told(wider), (Code::PermissionDenied, "NOT_HELD".into()));
    }
}
