//! The token's side of creating an API user with a token.

use passgate_kit::client::ApiUserId;
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::token::State;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::calls::{denied, fields, list, refused, seconds, with_service};
use crate::support::identity::Outcome;
use crate::support::{Harness, on_both, told};

fn preparation(owner: ApiUserId, caller: &str) -> pb::PrepareTokenRequest {
    pb::PrepareTokenRequest {
        creation_id: Uuid::from_u128(7).to_string(),
        token_id: "01900000-0000-7000-8000-00000000cafe".to_owned(),
        owner: owner.resource_name(),
        name: "widget".to_owned(),
        caller_token: caller.to_owned(),
        ..pb::PrepareTokenRequest::default()
    }
}

async fn prepare(service: &Harness, request: pb::PrepareTokenRequest) -> Result<pb::PrepareTokenResponse, Status> {
    let request = with_service(&service.installation.identity_credential, request);
    Ok(service.replica.issuing().prepare_token(request).await?.into_inner())
}

on_both![
    a_prepared_token_is_inert_until_its_owner_comes_into_being,
    a_prepared_token_works_by_look_up_while_the_stream_lags,
    a_repeat_gives_the_same_bytes_and_another_body_is_refused,
    a_repeat_of_a_dead_token_is_told_so,
    who_asks_bounds_what_is_prepared,
    what_nobody_reports_is_asked_about_after_a_minute,
    a_creation_that_committed_makes_its_token_good_by_asking_too,
];

async fn a_prepared_token_is_inert_until_its_owner_comes_into_being(service: Harness) {
    let (admin, session) = service.user(&["*"]).await;
    let robot = service.identity().future_api_user();
    let made = prepare(&service, preparation(robot, &session)).await.expect("prepared");
    let token = made.token.expect("a token");
    assert_eq!((token.created_by, token.scopes), (admin.to_string(), list(&["*"])));

    assert_eq!(service.authorize(&made.secret, "endpoints/a").await, denied("OWNER_DELETED"));
    assert_eq!(service.get(&session, &token.id).await, Err(refused(Code::NotFound, "NOT_FOUND")));
    let all = pb::ListTokensRequest::default;
    assert!(service.names(&session, all()).await.expect("a list").is_empty(), "it is not listed");

    service.identity().commit_creation(robot, &["endpoints/a"], &token.id);

    assert_eq!(service.authorize(&made.secret, "endpoints/a").await, Ok(()), "at once, by looking the owner up");
    assert_eq!(service.get(&session, &token.id).await.expect("a token").state(), State::Active);
    assert_eq!(service.names(&session, all()).await.expect("a list"), ["widget"]);
}

async fn a_prepared_token_works_by_look_up_while_the_stream_lags(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    service.until(&session, "endpoints/a", Ok(())).await;
    let robot = service.identity().future_api_user();
    let made = prepare(&service, preparation(robot, &session)).await.expect("prepared");
    let id = made.token.expect("a token").id;

    service.identity().set_held(true);
    service.identity().commit_creation(robot, &["endpoints/a"], &id);

    assert_eq!(service.authorize(&made.secret, "endpoints/a").await, Ok(()));
    service.revoke(&session, &id).await.expect("revoked");
    assert_eq!(service.authorize(&made.secret, "endpoints/a").await, denied("TOKEN_REVOKED"));
    service.identity().set_held(false);
}

async fn a_repeat_gives_the_same_bytes_and_another_body_is_refused(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let robot = service.identity().future_api_user();
    let request = preparation(robot, &session);
    let first = prepare(&service, request.clone()).await.expect("prepared");

    let elsewhere = pb::PrepareTokenRequest { peer: "192.0.2.9".to_owned(), ..request.clone() };
    assert_eq!(prepare(&service, elsewhere).await.expect("the same"), first);
    let other = pb::PrepareTokenRequest { name: "other".to_owned(), ..request.clone() };
    assert_eq!(fields(&prepare(&service, other).await.expect_err("refused")), ["token_id"]);

    service.later(&session, std::time::Duration::from_secs(601)).await;
    let late = prepare(&service, request).await.expect("the token");
    assert!(late.secret.is_empty() && late.secret_no_longer_shown);
}

async fn a_repeat_of_a_dead_token_is_told_so(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let robot = service.identity().future_api_user();
    let request = preparation(robot, &session);
    let id = prepare(&service, request.clone()).await.expect("prepared").token.expect("a token").id;
    service.identity().commit_creation(robot, &[], &id);
    service.revoke(&session, &id).await.expect("revoked");

    let refusal = prepare(&service, request).await.expect_err("refused");

    assert_eq!(told(&refusal), refused(Code::FailedPrecondition, "TOKEN_REVOKED"));
}

async fn who_asks_bounds_what_is_prepared(service: Harness) {
    let (_, session) = service.user(&["endpoints/a", "apis/passgate.identity.v1.*"]).await;
    let robot = service.identity().future_api_user();
    let plain = preparation(robot, &session);

    let refusal = prepare(&service, plain.clone()).await.expect_err("not without scopes");
    assert_eq!(fields(&refusal), ["scopes"]);
    let wide = pb::PrepareTokenRequest { scopes: list(&["endpoints/*"]), ..plain.clone() };
    let refusal = prepare(&service, wide).await.expect_err("not wider");
    assert_eq!(told(&refusal), refused(Code::PermissionDenied, "SCOPE_NOT_HELD"));
    let forged = pb::PrepareTokenRequest { caller_token: "forged".to_owned(), ..plain.clone() };
    let refusal = prepare(&service, forged).await.expect_err("not for a stranger");
    assert_eq!(told(&refusal), refused(Code::Unauthenticated, "TOKEN_INVALID"));
    let long = pb::PrepareTokenRequest { ttl: Some(seconds(366 * 86_400)), ..plain.clone() };
    assert_eq!(fields(&prepare(&service, long).await.expect_err("not longer")), ["ttl"]);

    let narrow = pb::PrepareTokenRequest { scopes: list(&["endpoints/a"]), ..plain };
    prepare(&service, narrow).await.expect("prepared");
}

async fn what_nobody_reports_is_asked_about_after_a_minute(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let robot = service.identity().future_api_user();
    let request = preparation(robot, &session);
    let made = prepare(&service, request.clone()).await.expect("prepared");
    let id = made.token.expect("a token").id;
    service.identity().resolve(&id, Outcome::Aborted);
    service.later(&session, std::time::Duration::from_secs(61)).await;

    // The name and the id are free once it is gone: another body is then no conflict.
    let other = pb::PrepareTokenRequest { name: "other".to_owned(), ..request };
    let gone = async {
        while prepare(&service, other.clone()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.expect("it is gone");
}

async fn a_creation_that_committed_makes_its_token_good_by_asking_too(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let robot = service.identity().future_api_user();
    let made = prepare(&service, preparation(robot, &session)).await.expect("prepared");
    let id = made.token.expect("a token").id;
    service.identity().resolve(&id, Outcome::Committed);
    service.later(&session, std::time::Duration::from_secs(61)).await;

    let listed = async {
        while service.names(&session, pb::ListTokensRequest::default()).await.expect("a list").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), listed).await.expect("it is listed");
}
