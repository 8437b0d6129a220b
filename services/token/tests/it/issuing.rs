//! `IssuingService`.

use passgate_kit::client::Principal;
use passgate_proto::token::v1 as pb;
use passgate_proto::r#type::v1::PrincipalState;
use tonic::Code;

use crate::support::calls::{denied, fields, refused, with_service, with_token};
use crate::support::{Harness, NOW, on_both, told};

on_both![
    a_session_has_all_that_its_user_may_for_eight_hours,
    a_session_that_was_ended_is_over,
    the_oldest_of_more_than_twenty_sessions_goes,
    a_new_epoch_ends_all_sessions_but_the_one_that_is_kept,
    enabling_a_user_revives_its_tokens_and_never_its_sessions,
    live_tokens_are_counted,
    wrong_fields_are_named,
    nothing_but_the_identity_services_credential_opens_it,
];

async fn a_session_has_all_that_its_user_may_for_eight_hours(service: Harness) {
    let (alice, _) = service.user(&["endpoints/a"]).await;
    let begun = service.issue_session(alice, 0).await;
    let end = begun.expire_time.expect("an end").seconds;
    assert_eq!(end, NOW.unix_timestamp() + 8 * 60 * 60);
    assert_eq!(service.authorize(&begun.session_token, "endpoints/a").await, Ok(()));

    service.later(&begun.session_token, std::time::Duration::from_secs(8 * 60 * 60)).await;

    assert_eq!(service.authorize(&begun.session_token, "endpoints/a").await, denied("TOKEN_EXPIRED"));
}

async fn a_session_that_was_ended_is_over(service: Harness) {
    let (alice, _) = service.user(&["endpoints/a"]).await;
    let (bob, _) = service.user(&[]).await;
    let begun = service.issue_session(alice, 0).await;
    let end = |principal: Principal| {
        let request = pb::EndSessionRequest { principal: principal.to_string(), token_id: begun.token_id.clone() };
        with_service(&service.installation.identity_credential, request)
    };

    service.replica.issuing().end_session(end(bob)).await.expect("nothing happens");
    assert_eq!(service.authorize(&begun.session_token, "endpoints/a").await, Ok(()), "it is not bob's");

    service.replica.issuing().end_session(end(alice)).await.expect("ended");
    assert_eq!(service.authorize(&begun.session_token, "endpoints/a").await, denied("TOKEN_REVOKED"));
    service.replica.issuing().end_session(end(alice)).await.expect("ended before");
}

async fn the_oldest_of_more_than_twenty_sessions_goes(service: Harness) {
    let (alice, first) = service.user(&["endpoints/a"]).await;
    let second = service.session(alice).await;
    for _ in 0..19 {
        service.session(alice).await;
    }

    assert_eq!(service.authorize(&first, "endpoints/a").await, denied("TOKEN_REVOKED"));
    assert_eq!(service.authorize(&second, "endpoints/a").await, Ok(()));
}

async fn a_new_epoch_ends_all_sessions_but_the_one_that_is_kept(service: Harness) {
    let (alice, _) = service.user(&["endpoints/a"]).await;
    let (kept, other) = (service.issue_session(alice, 0).await, service.session(alice).await);
    let (_, named) = service.token(&kept.session_token, "laptop").await;

    service.identity().set(alice, |record| {
        record.session_epoch = 1;
        record.kept_session = kept.token_id.clone();
    });

    service.until(&other, "endpoints/a", denied("TOKEN_REVOKED")).await;
    assert_eq!(service.authorize(&kept.session_token, "endpoints/a").await, Ok(()));
    assert_eq!(service.authorize(&named, "endpoints/a").await, Ok(()), "named tokens live on");
    let late = service.issue_session(alice, 0).await;
    assert_eq!(
        service.authorize(&late.session_token, "endpoints/a").await,
        denied("TOKEN_REVOKED"),
        "its password was checked before"
    );
    assert_eq!(service.authorize(&service.issue_session(alice, 1).await.session_token, "endpoints/a").await, Ok(()));
}

async fn enabling_a_user_revives_its_tokens_and_never_its_sessions(service: Harness) {
    let (alice, session) = service.user(&["endpoints/a"]).await;
    let (_, named) = service.token(&session, "laptop").await;
    service.identity().set(alice, |record| {
        record.state = PrincipalState::Disabled.into();
        record.session_epoch = 1;
    });
    service.until(&named, "endpoints/a", denied("OWNER_DISABLED")).await;

    service.identity().set_enabled(alice, true);

    service.until(&named, "endpoints/a", Ok(())).await;
    assert_eq!(service.authorize(&session, "endpoints/a").await, denied("TOKEN_REVOKED"));
}

async fn live_tokens_are_counted(service: Harness) {
    let (alice, session) = service.user(&["endpoints/a"]).await;
    service.token(&session, "one").await;
    let (id, _) = service.token(&session, "two").await;
    service.revoke(&session, &id).await.expect("revoked");
    let count = |principal: String| {
        with_service(&service.installation.identity_credential, pb::CountLiveTokensRequest { principal })
    };

    let counted = service.replica.issuing().count_live_tokens(count(alice.to_string())).await.expect("a number");
    assert_eq!(counted.into_inner().live_tokens, 1);
    let refusal = service.replica.issuing().count_live_tokens(count("x".to_owned())).await.expect_err("refused");
    assert_eq!(fields(&refusal), ["principal"]);
}

async fn wrong_fields_are_named(service: Harness) {
    let identity = &service.installation.identity_credential;
    let mut issuing = service.replica.issuing();
    let wrong = pb::IssueSessionRequest {
        principal: "api-users/01900000-0000-7000-8000-000000000001".to_owned(),
        ..pb::IssueSessionRequest::default()
    };
    let refusal = issuing.issue_session(with_service(identity, wrong)).await.expect_err("refused");
    assert_eq!(fields(&refusal), ["principal", "auth_time"]);
    let refusal =
        issuing.end_session(with_service(identity, pb::EndSessionRequest::default())).await.expect_err("refused");
    assert_eq!(fields(&refusal), ["principal", "token_id"]);
    let refusal =
        issuing.prepare_token(with_service(identity, pb::PrepareTokenRequest::default())).await.expect_err("refused");
    assert_eq!(fields(&refusal), ["creation_id", "token_id", "owner", "name", "caller_token"]);
}

async fn nothing_but_the_identity_services_credential_opens_it(service: Harness) {
    let (alice, session) = service.user(&["*"]).await;
    let request = pb::CountLiveTokensRequest { principal: alice.to_string() };
    let mut issuing = service.replica.issuing();

    let refusal = issuing.count_live_tokens(with_token(&session, request.clone())).await.expect_err("not even * does");
    assert_eq!(told(&refusal), refused(Code::Unauthenticated, "SERVICE_CREDENTIAL_INVALID"));
    let gateway = with_service(&service.installation.gateway, request);
    let refusal = issuing.count_live_tokens(gateway).await.expect_err("another role");
    assert_eq!(told(&refusal), refused(Code::PermissionDenied, "SERVICE_CREDENTIAL_INVALID"));
}
