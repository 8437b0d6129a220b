//! An API user with its token: both or neither, stopped at every step.

use std::sync::Arc;
use std::time::Duration;

use passgate_kit::client::{Ambient, Principal};
use passgate_proto::identity::v1::resolve_creation_response::Outcome;
use passgate_proto::identity::v1::*;
use tokio::sync::Notify;
use tonic::{Code, Response, Status};

use crate::support::{Client, Fault, Harness, on_both, told};

fn wanted(request_id: &str) -> CreateApiUserRequest {
    CreateApiUserRequest {
        name: "Nightly import".into(),
        token: Some(InitialToken { name: "first".into(), ..Default::default() }),
        grants: vec!["endpoints/sales-*".into()],
        request_id: request_id.into(),
        ..Default::default()
    }
}

async fn create(client: &Client, request_id: &str) -> Result<CreateApiUserResponse, Status> {
    client.api_users().create_api_user(wanted(request_id)).await.map(Response::into_inner)
}

async fn api_users(harness: &Harness) -> usize {
    let list = harness.admin.api_users().list_api_users(ListApiUsersRequest::default()).await;
    list.expect("a page").into_inner().api_users.len()
}

async fn resolve(harness: &Harness, token_id: &str) -> Outcome {
    let request = ResolveCreationRequest { token_id: token_id.to_owned() };
    let answer = harness.as_token_service().directory().resolve_creation(request).await.expect("answered");
    answer.into_inner().outcome()
}

fn prepared(harness: &Harness) -> Vec<String> {
    harness.token.prepared.lock().keys().cloned().collect()
}

on_both! {
    async fn both_come_into_being_and_the_feed_says_so(harness) {
        let made = create(&harness.admin, "r").await.expect("created");

        let token = made.token.expect("a token");
        assert_eq!(token.owner, format!("api-users/{}", made.api_user.expect("it").id));
        assert_eq!(made.secret, format!("secret-of-{}", token.id));
        assert_eq!(made.effective_patterns, ["endpoints/sales-*"]);
        assert_eq!(resolve(&harness, &token.id).await, Outcome::Committed);
        assert_eq!(resolve(&harness, &Ambient::system().uuid_v7().to_string()).await, Outcome::Aborted);
    }

    async fn with_the_token_service_away_neither_is_made_and_the_repeat_makes_both(harness) {
        harness.token.faults.lock().push_back(Fault::Away);

        let refused = create(&harness.admin, "r").await;
        assert_eq!(told(refused), (Code::Unavailable, "DEPENDENCY_UNAVAILABLE".into()));
        assert_eq!(api_users(&harness).await, 0);

        create(&harness.admin, "r").await.expect("created");
        assert_eq!(api_users(&harness).await, 1);
    }

    async fn a_lost_reply_leaves_a_token_that_is_given_up_and_the_repeat_makes_both(harness) {
        harness.token.faults.lock().push_back(Fault::LostReply);

        told(create(&harness.admin, "r").await);
        let orphan = prepared(&harness).remove(0);
        assert_eq!(resolve(&harness, &orphan).await, Outcome::Aborted);
        let made = create(&harness.admin, "r").await.expect("created");

        let token = made.token.expect("a token").id;
        assert_ne!(token, orphan);
        assert_eq!(resolve(&harness, &token).await, Outcome::Committed);
        assert_eq!(resolve(&harness, &orphan).await, Outcome::Aborted);
        assert_eq!(api_users(&harness).await, 1);
    }

    async fn a_refused_token_leaves_neither_and_the_name_free(harness) {
        let status = Status::permission_denied("the scopes ask for more than you hold");
        harness.token.faults.lock().push_back(Fault::Refuse(status));

        assert_eq!(told(create(&harness.admin, "").await).0, Code::PermissionDenied);
        assert_eq!(api_users(&harness).await, 0);
        create(&harness.admin, "").await.expect("the name is free");
    }

    async fn a_repeat_answers_the_same_api_user_token_and_secret(harness) {
        let first = create(&harness.admin, "r").await.expect("created");
        let again = create(&harness.admin, "r").await.expect("found");
        let other = CreateApiUserRequest { description: "other".into(), ..wanted("r") };
        let reused = harness.admin.api_users().create_api_user(other).await;
        let by_other_token = create(&harness.session(harness.admin_user), "r").await;

        assert_eq!(first, again);
        assert_eq!(told(reused), (Code::InvalidArgument, "REQUEST_ID_REUSED".into()));
        assert_eq!(told(by_other_token), (Code::AlreadyExists, "REQUEST_ID_OTHER_TOKEN".into()));
        assert_eq!((prepared(&harness).len(), api_users(&harness).await), (1, 1));
    }

    async fn two_repeats_at_once_make_one(harness) {
        let (one, two) = tokio::join!(create(&harness.admin, "r"), create(&harness.admin, "r"));

        assert_eq!(one.expect("created"), two.expect("created"));
        assert_eq!((prepared(&harness).len(), api_users(&harness).await), (1, 1));
    }

    async fn a_name_that_is_being_given_is_taken(harness) {
        let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        harness.token.faults.lock().push_back(Fault::Slow(arrived.clone(), go_on.clone()));
        let client = harness.admin.clone();
        let slow = tokio::spawn(async move { create(&client, "slow").await });
        arrived.notified().await;

        let taken = create(&harness.admin, "other").await;
        go_on.notify_one();

        assert_eq!(told(taken), (Code::AlreadyExists, "NAME_TAKEN".into()));
        slow.await.expect("joined").expect("created");
    }

    async fn a_slow_second_step_past_its_time_commits_nothing(harness) {
        let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        harness.token.faults.lock().push_back(Fault::Slow(arrived.clone(), go_on.clone()));
        let client = harness.admin.clone();
        let slow = tokio::spawn(async move { create(&client, "slow").await });
        arrived.notified().await;

        harness.advance(Duration::from_secs(31));
        go_on.notify_one();

        assert_eq!(told(slow.await.expect("joined")).0, Code::Aborted);
        assert_eq!(api_users(&harness).await, 0);
        let orphan = prepared(&harness).remove(0);
        assert_eq!(resolve(&harness, &orphan).await, Outcome::Aborted);
        create(&harness.admin, "slow").await.expect("the repeat begins anew");
    }

    async fn what_the_sweep_gave_up_stays_given_up_however_late_the_commit_comes(harness) {
        let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        harness.token.faults.lock().push_back(Fault::Slow(arrived.clone(), go_on.clone()));
        let client = harness.admin.clone();
        let slow = tokio::spawn(async move { create(&client, "slow").await });
        arrived.notified().await;

        harness.advance(Duration::from_secs(31));
        let second = create(&harness.admin, "slow").await.expect("a repeat after the time begins anew");
        go_on.notify_one();

        assert_eq!(told(slow.await.expect("joined")).0, Code::Aborted, "the first attempt's ids are no more");
        assert_eq!(api_users(&harness).await, 1);
        assert_eq!(resolve(&harness, &second.token.expect("a token").id).await, Outcome::Committed);
    }

    async fn power_that_is_taken_between_the_steps_is_not_given(harness) {
        let maker = harness.user("maker@example.org", &["apis/passgate.*", "endpoints/*"]).await;
        let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        harness.token.faults.lock().push_back(Fault::Slow(arrived.clone(), go_on.clone()));
        let client = harness.named(Principal::User(maker), &[]);
        let slow = tokio::spawn(async move { create(&client, "slow").await });
        arrived.notified().await;

        let revoke = RevokeRequest { holder: format!("users/{maker}"), patterns: vec!["endpoints/*".into()], confirm_within: None };
        harness.admin.grants().revoke(revoke).await.expect("taken");
        go_on.notify_one();

        assert_eq!(told(slow.await.expect("joined")), (Code::PermissionDenied, "NOT_HELD".into()));
        assert_eq!(api_users(&harness).await, 0);
    }
}
