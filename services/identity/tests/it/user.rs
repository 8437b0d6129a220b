//! UserService.

use passgate_kit::client::Principal;
use passgate_proto::identity::v1::*;
use prost_types::FieldMask;
use tonic::Code;

use crate::support::{ADMIN_PASSWORD, fields, has_mark, on_both, sign_in, told};

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() })
}

on_both! {
    async fn a_new_user_signs_in_with_its_one_time_password_and_a_new_one(harness) {
        let request = CreateUserRequest { email: "Alice@Example.org".into(), ..Default::default() };
        let made = harness.admin.users().create_user(request).await.expect("created");
        assert!(has_mark(&made), "a write answers its change");
        let made = made.into_inner();
        let user = made.user.expect("a user");
        assert_eq!((user.email.as_str(), user.password_must_change), ("Alice@Example.org", true));

        let nobody = harness.nobody();
        let refused = sign_in(&nobody, "alice@example.ORG", &made.one_time_password, None).await;
        assert_eq!(told(refused), (Code::FailedPrecondition, "PASSWORD_MUST_CHANGE".into()));
        let same = sign_in(&nobody, "alice@example.org", &made.one_time_password, Some(&made.one_time_password)).await;
        assert_eq!(fields(same), ["new_password"]);
        let signed_in = sign_in(&nobody, "alice@example.org", &made.one_time_password, Some("alices very own words")).await;

        assert_eq!(signed_in.expect("signed in").principal, format!("users/{}", user.id));
        let old = sign_in(&nobody, "alice@example.org", &made.one_time_password, None).await;
        assert_eq!(told(old), (Code::Unauthenticated, "SIGN_IN_REFUSED".into()));
    }

    async fn every_wrong_field_of_a_new_user_is_named_at_once_and_nothing_is_made(harness) {
        let before = harness.changes().await;
        let request = CreateUserRequest {
            email: "no address".into(),
            display_name: "a\u{200b}b".into(),
            password: Some("short".into()),
            description: "a\u{7}".into(),
            labels: [("UPPER".to_owned(), String::new())].into_iter().collect(),
            grants: vec!["*".into(), "endpoints/*/x".into()],
            groups: vec!["administrators".into()],
            request_id: "ü".into(),
        };

        let mut named = fields(harness.admin.users().create_user(request).await);

        named.sort();
        let all = ["description", "display_name", "email", "grants[1]", "groups[0]", "labels", "password", "request_id"];
        assert_eq!(named, all);
        assert_eq!(harness.changes().await, before);
    }

    async fn an_email_is_taken_whatever_its_case(harness) {
        harness.user("bob@example.org", &[]).await;

        let request = CreateUserRequest { email: "BOB@example.org".into(), ..Default::default() };

        assert_eq!(
            told(harness.admin.users().create_user(request).await),
            (Code::AlreadyExists, "EMAIL_TAKEN".into())
        );
    }

    async fn a_repeat_answers_the_same_user_and_no_password(harness) {
        let request =
            CreateUserRequest { email: "bob@example.org".into(), request_id: "r1".into(), ..Default::default() };
        let first = harness.admin.users().create_user(request.clone()).await.expect("created").into_inner();

        let again = harness.admin.users().create_user(request.clone()).await.expect("found").into_inner();
        let other = CreateUserRequest { description: "other".into(), ..request };
        let reused = harness.admin.users().create_user(other).await;

        assert_eq!(again.user.expect("a user").id, first.user.expect("a user").id);
        assert_eq!(again.one_time_password, "");
        assert_eq!(told(reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".into()));
    }

    async fn lists_are_paged_and_their_tokens_are_the_callers_alone(harness) {
        for number in 0..5 {
            harness.user(&format!("user-{number}@example.org"), &[]).await;
        }
        let mut request = ListUsersRequest { page_size: 2, ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let page = harness.admin.users().list_users(request.clone()).await.expect("a page").into_inner();
            seen.extend(page.users.into_iter().map(|user| user.email));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(seen.len(), 6);
        assert_eq!(seen[0], "user-4@example.org", "newest first");

        let changed = ListUsersRequest { email: "user-1@example.org".into(), ..request.clone() };
        assert_eq!(fields(harness.admin.users().list_users(changed).await), ["page_token"]);
        let other = harness.session(harness.user("other@example.org", &["*"]).await);
        assert_eq!(fields(other.users().list_users(request).await), ["page_token"]);
        let wrong = ListUsersRequest { page_size: -1, page_token: "x".into(), state: 9, ..Default::default() };
        assert_eq!(fields(harness.admin.users().list_users(wrong).await), ["state", "page_size", "page_token"]);
        let one = ListUsersRequest { email: "USER-1@example.org".into(), ..Default::default() };
        assert_eq!(harness.admin.users().list_users(one).await.expect("a page").into_inner().users.len(), 1);
    }

    async fn an_update_changes_what_its_mask_names_if_the_etag_is_current(harness) {
        let id = harness.user("bob@example.org", &[]).await;
        let mut user = harness.get_user(id).await;
        user.display_name = "Bob".into();
        user.description = "not this".into();
        let request = UpdateUserRequest { user: Some(user.clone()), update_mask: mask(&["display_name"]) };

        let updated = harness.admin.users().update_user(request.clone()).await.expect("updated").into_inner();

        let updated = updated.user.expect("a user");
        assert_eq!((updated.display_name.as_str(), updated.description.as_str()), ("Bob", ""));
        assert_ne!(updated.etag, user.etag);
        let stale = harness.admin.users().update_user(request).await;
        assert_eq!(told(stale), (Code::Aborted, "ETAG_MISMATCH".into()));
        for paths in [&["state"][..], &[], &["*", "email"]] {
            let request = UpdateUserRequest { user: Some(updated.clone()), update_mask: mask(paths) };
            assert_eq!(fields(harness.admin.users().update_user(request).await), ["update_mask"], "{paths:?}");
        }
    }

    async fn a_disabled_users_tokens_and_sessions_are_refused_and_only_the_tokens_come_back(harness) {
        let id = harness.user("bob@example.org", &[]).await;
        let token = harness.named(Principal::User(id), &[]);
        token.users().get_self(GetSelfRequest {}).await.expect("allowed before");
        harness.admin.users().set_password(SetPasswordRequest {
            id: id.to_string(), new_password: Some("bob's one time words".into()), ..Default::default()
        }).await.expect("set");
        let nobody = harness.nobody();
        let session = sign_in(&nobody, "bob@example.org", "bob's one time words", Some("bob's very own words")).await;
        let session = harness.with(&session.expect("signed in").session_token);

        let disabled = harness.admin.users().disable_user(DisableUserRequest { id: id.to_string(), confirm_within: None }).await;
        assert!(has_mark(&disabled.expect("disabled")));
        let again = harness.admin.users().disable_user(DisableUserRequest { id: id.to_string(), confirm_within: None }).await;
        assert!(has_mark(&again.expect("found disabled")), "what is found done is as good as what is done");

        let refused = (Code::Unauthenticated, "OWNER_DISABLED".to_owned());
        assert_eq!(told(token.users().get_self(GetSelfRequest {}).await), refused);
        let signed_in = sign_in(&nobody, "bob@example.org", "bob's very own words", None).await;
        assert_eq!(told(signed_in), (Code::Unauthenticated, "SIGN_IN_REFUSED".into()));
        harness.admin.users().enable_user(EnableUserRequest { id: id.to_string() }).await.expect("enabled");
        token.users().get_self(GetSelfRequest {}).await.expect("allowed again");
        assert_eq!(told(session.users().get_self(GetSelfRequest {}).await).1, "TOKEN_REVOKED");
    }

    async fn a_deletion_first_says_how_many_tokens_would_stop_working(harness) {
        let id = harness.user("bob@example.org", &[]).await;
        harness.token.live.lock().insert(format!("users/{id}"), 3);
        let request = DeleteUserRequest { id: id.to_string(), ..Default::default() };

        let refused = harness.admin.users().delete_user(request.clone()).await;
        assert_eq!(told(refused), (Code::FailedPrecondition, "HAS_LIVE_TOKENS".into()));
        let request = DeleteUserRequest { delete_live_tokens: true, ..request };
        harness.admin.users().delete_user(request.clone()).await.expect("deleted");

        assert_eq!(told(harness.admin.users().delete_user(request).await), (Code::NotFound, "NOT_FOUND".into()));
        harness.user("bob@example.org", &[]).await;
    }

    async fn the_last_administrator_stays_whatever_is_tried_at_once(harness) {
        let other = harness.user("other@example.org", &["*"]).await;
        let (one, two) = (harness.session(harness.admin_user), harness.session(other));
        let (mut first, mut second) = (one.users(), two.users());

        let (one_off, two_off) = tokio::join!(
            first.disable_user(DisableUserRequest { id: other.to_string(), confirm_within: None }),
            second.disable_user(DisableUserRequest { id: harness.admin_user.to_string(), confirm_within: None }),
        );

        assert_eq!(usize::from(one_off.is_ok()) + usize::from(two_off.is_ok()), 1, "{one_off:?} {two_off:?}");
        let (left, left_id) = if one_off.is_ok() { (one, harness.admin_user) } else { (two, other) };
        let refused = left.users().disable_user(DisableUserRequest { id: left_id.to_string(), confirm_within: None }).await;
        assert_eq!(told(refused), (Code::FailedPrecondition, "LAST_ADMINISTRATOR".into()));
        let request = DeleteUserRequest { id: left_id.to_string(), ..Default::default() };
        assert_eq!(told(left.users().delete_user(request).await).1, "LAST_ADMINISTRATOR");
    }

    async fn ones_own_password_needs_the_current_one_and_ends_every_other_session(harness) {
        let nobody = harness.nobody();
        let other = sign_in(&nobody, "admin@localhost", ADMIN_PASSWORD, None).await.expect("signed in");
        let other = harness.with(&other.session_token);
        let request = |current: &str| SetPasswordRequest {
            id: harness.admin_user.to_string(),
            current_password: current.to_owned(),
            new_password: Some("quite another set of words".to_owned()),
        };

        let wrong = harness.admin.users().set_password(request("not the current one")).await;
        assert_eq!(told(wrong), (Code::Unauthenticated, "SIGN_IN_REFUSED".into()));
        other.users().get_self(GetSelfRequest {}).await.expect("nothing changed");
        let empty = SetPasswordRequest { id: harness.admin_user.to_string(), ..Default::default() };
        assert_eq!(fields(harness.admin.users().set_password(empty).await), ["current_password", "new_password"]);
        harness.admin.users().set_password(request(ADMIN_PASSWORD)).await.expect("set");

        harness.admin.users().get_self(GetSelfRequest {}).await.expect("the session that asks stays");
        assert_eq!(told(other.users().get_self(GetSelfRequest {}).await).1, "TOKEN_REVOKED");
        sign_in(&nobody, "admin@localhost", "quite another set of words", None).await.expect("the new one works");
    }

    async fn a_password_is_changed_by_a_fresh_session_or_a_scope_that_names_it_and_never_by_a_mere_token(harness) {
        let id = harness.user("bob@example.org", &[]).await;
        let request = SetPasswordRequest {
            id: id.to_string(),
            current_password: "whatever it may be".into(),
            new_password: Some("quite another set of words".into()),
        };

        for scopes in [&[][..], &["*"]] {
            let refused = harness.named(Principal::User(id), scopes).users().set_password(request.clone()).await;
            assert_eq!(told(refused), (Code::PermissionDenied, "CREDENTIAL_ACT_NOT_SCOPED".into()), "{scopes:?}");
        }
        let named = harness.named(Principal::User(id), &["apis/passgate.identity.v1.UserService/SetPassword"]);
        assert_eq!(told(named.users().set_password(request.clone()).await).1, "SIGN_IN_AGAIN");
        let others = SetPasswordRequest { id: harness.admin_user.to_string(), ..request };
        assert_eq!(told(harness.session(id).users().set_password(others).await), (Code::NotFound, "NOT_FOUND".into()));
    }

    async fn somebody_elses_user_looks_like_none(harness) {
        let alice = harness.user("alice@example.org", &[]).await;
        let bob = harness.user("bob@example.org", &[]).await;
        let client = harness.session(alice);
        let get = |id: String| GetUserRequest { id };

        client.users().get_user(get(alice.to_string())).await.expect("one's own");
        let others = client.users().get_user(get(bob.to_string())).await.expect_err("refused");
        let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
        let none = client.users().get_user(get(unknown.to_owned())).await.expect_err("refused");

        assert_eq!(others.code(), Code::NotFound);
        assert_eq!(others.message().replace(&bob.to_string(), ""), none.message().replace(unknown, ""));
        assert_eq!(fields(client.users().get_user(get("x".into())).await), ["id"]);
        assert_eq!(told(client.users().list_users(ListUsersRequest::default()).await).0, Code::PermissionDenied);
    }

    async fn get_self_says_what_one_holds(harness) {
        let id = harness.user("alice@example.org", &["endpoints/sales-*:read"]).await;
        let answer = harness.session(id).users().get_self(GetSelfRequest {}).await.expect("answered").into_inner();
        assert_eq!(answer.principal, format!("users/{id}"));
        assert_eq!(answer.grants, ["endpoints/sales-*:read"]);
    }
}
