//! Etags: left out, the write goes ahead; given, it is the current one or nothing is written.

use passgate_proto::identity::v1::*;
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::support::{Client, Harness, on_both, told};

fn mask() -> Option<FieldMask> {
    Some(FieldMask { paths: vec!["description".into()] })
}

/// What has an etag, each way to write it, and how to read its etag.
#[derive(Clone, Debug)]
enum Thing {
    User(String),
    ApiUser(String),
    Group(String),
}

impl Thing {
    async fn all(harness: &Harness) -> [Self; 3] {
        let user = harness.user("bob@example.org", &[]).await;
        let api_user = CreateApiUserRequest { name: "import".into(), ..Default::default() };
        let api_user = harness.admin.api_users().create_api_user(api_user).await.expect("created").into_inner();
        let group = CreateGroupRequest { name: "sales".into(), ..Default::default() };
        let group = harness.admin.groups().create_group(group).await.expect("created").into_inner();
        [
            Self::User(user.to_string()),
            Self::ApiUser(api_user.api_user.expect("it").id),
            Self::Group(group.group.expect("it").id),
        ]
    }

    async fn etag(&self, client: &Client) -> String {
        let id = |id: &String| id.clone();
        match self {
            Self::User(user) => {
                let got = client.users().get_user(GetUserRequest { id: id(user) }).await.expect("found").into_inner();
                got.user.expect("a user").etag
            }
            Self::ApiUser(user) => {
                let got = client.api_users().get_api_user(GetApiUserRequest { id: id(user) }).await.expect("found");
                got.into_inner().api_user.expect("it").etag
            }
            Self::Group(group) => {
                let got = client.groups().get_group(GetGroupRequest { id: id(group) }).await.expect("found");
                got.into_inner().group.expect("it").etag
            }
        }
    }

    async fn describe(&self, client: &Client, etag: &str, description: &str) -> Result<(), Status> {
        let (etag, description) = (etag.to_owned(), description.to_owned());
        match self.clone() {
            Self::User(id) => {
                let user = Some(User { id, etag, description, ..Default::default() });
                client.users().update_user(UpdateUserRequest { user, update_mask: mask() }).await.map(drop)
            }
            Self::ApiUser(id) => {
                let api_user = Some(ApiUser { id, etag, description, ..Default::default() });
                client
                    .api_users()
                    .update_api_user(UpdateApiUserRequest { api_user, update_mask: mask() })
                    .await
                    .map(drop)
            }
            Self::Group(id) => {
                let group = Some(Group { id, etag, description, ..Default::default() });
                client.groups().update_group(UpdateGroupRequest { group, update_mask: mask() }).await.map(drop)
            }
        }
    }

    async fn delete(&self, client: &Client, etag: &str) -> Result<(), Status> {
        let etag = etag.to_owned();
        match self.clone() {
            Self::User(id) => {
                client.users().delete_user(DeleteUserRequest { id, etag, ..Default::default() }).await.map(drop)
            }
            Self::ApiUser(id) => {
                let request = DeleteApiUserRequest { id, etag, ..Default::default() };
                client.api_users().delete_api_user(request).await.map(drop)
            }
            Self::Group(id) => client.groups().delete_group(DeleteGroupRequest { id, etag }).await.map(drop),
        }
    }
}

on_both! {
    async fn a_stale_etag_writes_nothing_and_none_asks_for_no_check(harness) {
        let client = &harness.admin;
        let stale = (Code::Aborted, "ETAG_MISMATCH".to_owned());
        for thing in Thing::all(&harness).await {
            let first = thing.etag(client).await;
            thing.describe(client, &first, "one").await.expect("the current one");
            let before = harness.changes().await;

            assert_eq!(told(thing.describe(client, &first, "two").await), stale, "{thing:?}");
            assert_eq!(told(thing.describe(client, "made up", "two").await), stale, "{thing:?}");
            assert_eq!(told(thing.delete(client, &first).await), stale, "{thing:?}");
            assert_eq!(harness.changes().await, before, "{thing:?}");

            thing.describe(client, "", "three").await.expect("no etag, no check");
            assert_ne!(thing.etag(client).await, first);
            thing.delete(client, &thing.etag(client).await).await.expect("the current one");
        }
    }

    async fn of_two_writers_who_read_the_same_exactly_one_writes(harness) {
        let replica = harness.session(harness.admin_user);
        for thing in Thing::all(&harness).await {
            for round in 0..5 {
                let etag = thing.etag(&harness.admin).await;
                let before = harness.changes().await;
                let (one, two) = (format!("one {round}"), format!("two {round}"));

                let (one, two) = tokio::join!(
                    thing.describe(&harness.admin, &etag, &one),
                    thing.describe(&replica, &etag, &two),
                );

                assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{thing:?} {one:?} {two:?}");
                let lost = if one.is_ok() { two } else { one };
                assert_eq!(told(lost), (Code::Aborted, "ETAG_MISMATCH".into()));
                assert_eq!(harness.changes().await, before + 1);
            }
        }
    }
}
