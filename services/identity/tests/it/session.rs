//! SessionService.

use passgate_proto::identity::v1::*;
use tonic::Code;

use crate::support::{ADMIN_PASSWORD, fields, on_both, sign_in, told};

on_both! {
    async fn unknown_wrong_and_disabled_are_one_answer(harness) {
        let nobody = harness.nobody();
        let id = harness.user("bob@example.org", &[]).await;
        harness.admin.users().disable_user(DisableUserRequest { id: id.to_string(), confirm_within: None }).await.expect("disabled");
        let mut answers = Vec::new();
        for (email, password) in [
            ("nobody@example.org", "some words or other"),
            ("admin@localhost", "some words or other"),
            ("bob@example.org", "some words or other"),
        ] {
            let status = sign_in(&nobody, email, password, None).await.expect_err("refused");
            answers.push((status.code(), status.message().to_owned(), status.details().to_vec()));
        }
        assert_eq!(answers[0].0, Code::Unauthenticated);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }

    async fn an_api_user_is_told_that_it_does_not_sign_in_and_a_mere_name_is_not(harness) {
        let nobody = harness.nobody();
        let told_so = sign_in(&nobody, "api-users/01890a5d-ac96-774b-bcce-b302099a8057", "x", None).await;
        assert_eq!(told(told_so).1, "API_USERS_DO_NOT_SIGN_IN");
        let name = sign_in(&nobody, "nightly-import", "some words or other", None).await;
        assert_eq!(told(name), (Code::Unauthenticated, "SIGN_IN_REFUSED".into()), "as an unknown address");
        assert_eq!(fields(sign_in(&nobody, "", "", Some("short")).await), ["email", "password", "new_password"]);
    }

    async fn failures_slow_down_even_the_right_password_from_there(harness) {
        let nobody = harness.nobody();
        for _ in 0..7 {
            let _ = sign_in(&nobody, "admin@localhost", "some words or other", None).await;
        }
        let refused = sign_in(&nobody, "admin@localhost", ADMIN_PASSWORD, None).await;
        assert_eq!(told(refused), (Code::Unauthenticated, "SIGN_IN_REFUSED".into()));
    }

    async fn without_the_token_service_nobody_signs_in_and_nobody_administers(harness) {
        *harness.token.away.lock() = true;
        let signed_in = sign_in(&harness.nobody(), "admin@localhost", ADMIN_PASSWORD, None).await;
        assert_eq!(told(signed_in), (Code::Unavailable, "DEPENDENCY_UNAVAILABLE".into()));
        let listed = harness.admin.users().list_users(ListUsersRequest::default()).await;
        assert_eq!(told(listed), (Code::Unavailable, "UNDECIDABLE".into()));
    }

    async fn a_session_carries_the_epoch_under_which_the_password_was_checked(harness) {
        sign_in(&harness.nobody(), "admin@localhost", ADMIN_PASSWORD, None).await.expect("signed in");
        let sessions = harness.token.sessions.lock();
        let last = sessions.last().expect("a session");
        assert_eq!((last.session_epoch, last.peer.as_str()), (1, "127.0.0.1"));
        assert!(last.auth_time.is_some());
    }

    async fn signing_out_ends_the_session_that_asks(harness) {
        harness.admin.sessions().sign_out(SignOutRequest {}).await.expect("signed out");
        let ended = harness.token.ended.lock().clone();
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].0, format!("users/{}", harness.admin_user));
    }
}
