//! ApiUserService, without tokens.

use passgate_kit::client::{ApiUserId, Principal};
use passgate_proto::identity::v1::*;
use prost_types::FieldMask;
use tonic::Code;

use crate::support::{Harness, fields, on_both, told};

async fn create(harness: &Harness, name: &str) -> ApiUser {
    let request = CreateApiUserRequest { name: name.into(), ..Default::default() };
    harness.admin.api_users().create_api_user(request).await.expect("created").into_inner().api_user.expect("it")
}

on_both! {
    async fn an_api_user_is_made_found_changed_disabled_and_deleted(harness) {
        let made = create(&harness, "Nightly import").await;
        let mut clients = harness.admin.api_users();
        let name = ListApiUsersRequest { name: "NIGHTLY import".into(), ..Default::default() };
        let found = clients.list_api_users(name).await.expect("a page").into_inner().api_users;
        assert_eq!(found.first(), Some(&made));
        let update = UpdateApiUserRequest {
            api_user: Some(ApiUser { name: "Daily import".into(), ..made.clone() }),
            update_mask: Some(FieldMask { paths: vec!["*".into()] }),
        };
        let updated = clients.update_api_user(update.clone()).await.expect("updated").into_inner().api_user.expect("it");
        assert_eq!(updated.name, "Daily import");
        assert_eq!(told(clients.update_api_user(update).await), (Code::Aborted, "ETAG_MISMATCH".into()));
        let id = made.id.clone();
        let own = harness.named(Principal::ApiUser(ApiUserId::parse(&id).expect("an id")), &[]);
        own.api_users().get_api_user(GetApiUserRequest { id: id.clone() }).await.expect("itself");

        clients.disable_api_user(DisableApiUserRequest { id: id.clone(), confirm_within: None }).await.expect("disabled");
        let refused = own.api_users().get_api_user(GetApiUserRequest { id: id.clone() }).await;
        assert_eq!(told(refused).1, "OWNER_DISABLED");
        clients.enable_api_user(EnableApiUserRequest { id: id.clone() }).await.expect("enabled");
        own.api_users().get_api_user(GetApiUserRequest { id: id.clone() }).await.expect("itself again");
        clients.delete_api_user(DeleteApiUserRequest { id: id.clone(), ..Default::default() }).await.expect("deleted");
        assert_eq!(told(own.api_users().get_api_user(GetApiUserRequest { id }).await).1, "OWNER_DELETED");
        create(&harness, "daily IMPORT").await;
    }

    async fn every_wrong_field_is_named_those_of_the_token_too(harness) {
        let request = CreateApiUserRequest {
            name: String::new(),
            token: Some(InitialToken {
                name: " a".into(),
                scopes: Some(Default::default()),
                ttl: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
                ..Default::default()
            }),
            grants: vec!["x".into()],
            groups: vec!["y".into()],
            ..Default::default()
        };
        let mut named = fields(harness.admin.api_users().create_api_user(request).await);
        named.sort();
        assert_eq!(named, ["grants[0]", "groups[0]", "name", "token.name", "token.scopes", "token.ttl"]);
    }

    async fn a_name_is_taken_by_all_that_looks_like_it(harness) {
        create(&harness, "caf\u{e9} import").await;
        let other = create(&harness, "other").await;
        for twin in ["CAF\u{c9} IMPORT", "cafe\u{301} import", "Cafe\u{301} Import", "\u{ff43}af\u{e9} import"] {
            let request = CreateApiUserRequest { name: twin.into(), ..Default::default() };
            let refused = harness.admin.api_users().create_api_user(request).await;
            assert_eq!(told(refused), (Code::AlreadyExists, "NAME_TAKEN".into()), "{twin}");
            let renamed = UpdateApiUserRequest {
                api_user: Some(ApiUser { name: twin.into(), ..other.clone() }),
                update_mask: Some(FieldMask { paths: vec!["name".into()] }),
            };
            let refused = harness.admin.api_users().update_api_user(renamed).await;
            assert_eq!(told(refused), (Code::AlreadyExists, "NAME_TAKEN".into()), "{twin}");
        }
        for formula in ["=cmd|' /C calc'!A0", "caf import"] {
            create(&harness, formula).await;
        }
    }
}
