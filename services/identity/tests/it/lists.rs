//! Lists: filtered, ordered, and paged by where the page before ended.

use passgate_proto::identity::v1::*;

use crate::support::{Harness, fields, on_both};

async fn api_user(harness: &Harness, name: &str, team: &str) -> String {
    let labels = if team.is_empty() { Default::default() } else { [("team".to_owned(), team.to_owned())].into() };
    let request = CreateApiUserRequest { name: name.into(), labels, ..Default::default() };
    let made = harness.admin.api_users().create_api_user(request).await.expect("created").into_inner();
    made.api_user.expect("it").id
}

/// The names of all pages, two at a time.
async fn names(harness: &Harness, filter: &str, order_by: &str) -> Vec<String> {
    let mut request =
        ListApiUsersRequest { page_size: 2, filter: filter.into(), order_by: order_by.into(), ..Default::default() };
    let mut names = Vec::new();
    loop {
        let page = harness.admin.api_users().list_api_users(request.clone()).await.expect(filter).into_inner();
        assert!(page.api_users.len() <= 2);
        names.extend(page.api_users.into_iter().map(|api_user| api_user.name));
        if page.next_page_token.is_empty() {
            return names;
        }
        request.page_token = page.next_page_token;
    }
}

on_both! {
    async fn api_users_are_found_by_what_is_said_about_them_page_by_page(harness) {
        for (name, team) in [("Sales b", "sales"), ("sales A", "Sales"), ("import", ""), ("Zebra", "sales")] {
            api_user(&harness, name, team).await;
        }
        let disabled = api_user(&harness, "old", "sales").await;
        harness.admin.api_users().disable_api_user(DisableApiUserRequest { id: disabled, confirm_within: None }).await.expect("disabled");

        for (filter, order, wanted) in [
            ("", "", &["old", "Zebra", "import", "sales A", "Sales b"][..]),
            ("", "create_time", &["Sales b", "sales A", "import", "Zebra", "old"]),
            ("", "name", &["import", "old", "sales A", "Sales b", "Zebra"]),
            ("", "name desc", &["Zebra", "Sales b", "sales A", "old", "import"]),
            ("state = DISABLED", "", &["old"]),
            ("state != DISABLED", "name", &["import", "sales A", "Sales b", "Zebra"]),
            ("name = \"SALES B\"", "", &["Sales b"]),
            ("name = SALES*", "name", &["sales A", "Sales b"]),
            ("name != sales*", "name", &["import", "old", "Zebra"]),
            ("labels.team = sales", "name", &["old", "Sales b", "Zebra"]),
            ("labels.team != sales", "name", &["import", "sales A"]),
            ("labels.team:*", "name", &["old", "sales A", "Sales b", "Zebra"]),
            ("labels.team = sales AND state = ENABLED AND name = z*", "", &["Zebra"]),
            ("create_time > 2020-01-01 AND create_time < 2020-01-02T00:00:00Z", "", &[]),
            ("create_time >= 2020-01-01", "name", &["import", "old", "sales A", "Sales b", "Zebra"]),
            ("labels.team = \"' OR '1'='1\"", "", &[]),
            ("name = \"%\"", "", &[]),
        ] {
            assert_eq!(names(&harness, filter, order).await, wanted, "{filter:?} by {order:?}");
        }
    }

    async fn users_and_groups_are_found_so_too(harness) {
        for (email, name) in [("b@example.org", "Bob"), ("a@example.com", "alice")] {
            let request =
                CreateUserRequest { email: email.into(), display_name: name.into(), ..Default::default() };
            harness.admin.users().create_user(request).await.expect("created");
        }
        for (filter, order, wanted) in [
            ("email = A@EXAMPLE.com", "", &["a@example.com"][..]),
            ("email = b@*", "", &["b@example.org"]),
            ("display_name = ALICE", "", &["a@example.com"]),
            ("", "display_name", &["admin@localhost", "a@example.com", "b@example.org"]),
            ("", "email desc", &["b@example.org", "admin@localhost", "a@example.com"]),
            ("state = DISABLED", "", &[]),
        ] {
            let request = ListUsersRequest { filter: filter.into(), order_by: order.into(), ..Default::default() };
            let page = harness.admin.users().list_users(request).await.expect("a page").into_inner();
            let found: Vec<String> = page.users.into_iter().map(|user| user.email).collect();
            assert_eq!(found, wanted, "{filter:?} by {order:?}");
        }
        let request = ListGroupsRequest { filter: "name = adm*".into(), order_by: "name".into(), ..Default::default() };
        let groups = harness.admin.groups().list_groups(request).await.expect("a page").into_inner().groups;
        assert_eq!(groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["administrators"]);
    }

    async fn a_page_token_belongs_to_its_filter_and_order(harness) {
        for name in ["a", "b", "c"] {
            api_user(&harness, name, "sales").await;
        }
        let request = ListApiUsersRequest {
            page_size: 1, filter: "labels.team = sales".into(), order_by: "name".into(), ..Default::default()
        };
        let page = harness.admin.api_users().list_api_users(request.clone()).await.expect("a page").into_inner();
        let next = ListApiUsersRequest { page_token: page.next_page_token, ..request };

        harness.admin.api_users().list_api_users(next.clone()).await.expect("its own");
        for other in [
            ListApiUsersRequest { filter: "labels.team:*".into(), ..next.clone() },
            ListApiUsersRequest { order_by: "name desc".into(), ..next.clone() },
            ListApiUsersRequest { filter: String::new(), ..next },
        ] {
            assert_eq!(fields(harness.admin.api_users().list_api_users(other).await), ["page_token"]);
        }
    }
}
