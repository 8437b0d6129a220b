//! Confirmed revocation: who has acknowledged, and who has not been heard from.

use std::time::Duration;

use passgate_kit::store::Dialect;
use passgate_proto::token::v1 as pb;
use passgate_proto::r#type::v1::Confirmation;

use crate::support::calls::{fields, seconds, with_service, with_token};
use crate::support::watching::{SOON, start};
use crate::support::{Harness, Installation, NOW, on_both};

on_both![
    who_acknowledges_is_named_and_nobody_is_waited_for_longer,
    who_is_not_heard_from_is_named_with_the_end_of_his_lease,
    nobody_who_holds_no_lease_is_waited_for,
    a_change_at_identity_is_confirmed_too,
    disabling_and_revoking_everything_are_confirmed,
    a_confirmation_is_waited_for_at_most_thirty_seconds,
    who_watched_before_a_restart_is_still_waited_for,
];

fn revocation(id: &str, within: i64) -> pb::RevokeTokenRequest {
    pb::RevokeTokenRequest { id: id.to_owned(), revoke_reason: String::new(), confirm_within: Some(seconds(within)) }
}

async fn confirm(service: &Harness, session: &str, id: &str, within: i64) -> Confirmation {
    let revoked = service.replica.tokens().revoke_token(with_token(session, revocation(id, within))).await;
    revoked.expect("revoked").into_inner().confirmation.expect("a confirmation")
}

fn names(confirmation: &Confirmation) -> (Vec<&str>, Vec<&str>) {
    let mut acknowledged: Vec<&str> = confirmation.acknowledged.iter().map(|one| one.decider.as_str()).collect();
    let mut missing: Vec<&str> = confirmation.missing.iter().map(|one| one.decider.as_str()).collect();
    acknowledged.sort_unstable();
    missing.sort_unstable();
    (acknowledged, missing)
}

async fn who_acknowledges_is_named_and_nobody_is_waited_for_longer(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let gateway = service.installation.gateway.clone();
    for (name, id) in [("gateway", 1), ("host-2", 2)] {
        let mut watching = service.replica.watch(&gateway, start(name, id, None)).await;
        watching.lease().await;
        tokio::spawn(watching.follow());
    }
    let (id, _) = service.token(&session, "laptop").await;

    let confirmation =
        tokio::time::timeout(SOON, confirm(&service, &session, &id, 25)).await.expect("long before that");

    assert!(confirmation.complete, "{confirmation:?}");
    assert_eq!(names(&confirmation), (vec!["gateway", "gateway/host-2"], vec![]));
    let cut_off = confirmation.cut_off_by.expect("a time");
    assert_eq!(cut_off.seconds, NOW.unix_timestamp() + 5);
}

async fn who_is_not_heard_from_is_named_with_the_end_of_his_lease(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let gateway = service.installation.gateway.clone();
    let mut silent = service.replica.watch(&gateway, start("gateway", 1, None)).await;
    silent.lease().await;
    let mut good = service.replica.watch(&gateway, start("host-2", 2, None)).await;
    good.lease().await;
    tokio::spawn(good.follow());
    let (id, _) = service.token(&session, "laptop").await;

    let confirmation = confirm(&service, &session, &id, 1).await;

    assert!(!confirmation.complete, "{confirmation:?}");
    assert_eq!(names(&confirmation), (vec!["gateway/host-2"], vec!["gateway"]));
    let end = confirmation.missing[0].lease_end_time.expect("a time");
    assert_eq!(end.seconds, NOW.unix_timestamp() + 5);
    let seen = service.get(&session, &id).await.expect("a token");
    assert_eq!(seen.state(), pb::token::State::Revoked, "it is revoked either way");
}

async fn nobody_who_holds_no_lease_is_waited_for(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let gateway = service.installation.gateway.clone();
    let _never_asked = service.replica.watch(&gateway, start("new", 1, None)).await;
    let mut went = service.replica.watch(&gateway, start("went", 2, None)).await;
    went.lease().await;
    drop(went);
    let (id, _) = service.token(&session, "laptop").await;
    service.later(&session, Duration::from_secs(6)).await;

    let confirmation =
        tokio::time::timeout(SOON, confirm(&service, &session, &id, 25)).await.expect("long before that");

    assert!(confirmation.complete, "{confirmation:?}");
    assert_eq!(names(&confirmation), (vec![], vec![]));
}

async fn a_change_at_identity_is_confirmed_too(service: Harness) {
    let (alice, session) = service.user(&["endpoints/*"]).await;
    let mut watching = service.replica.watch(&service.installation.gateway, start("gateway", 1, None)).await;
    watching.lease().await;
    tokio::spawn(watching.follow());
    service.identity().set_enabled(alice, false);
    let ask = |number: u64, within| {
        let identity = crate::support::identity::position(usize::try_from(number).expect("a number"));
        let request = pb::AwaitAppliedRequest { identity: Some(identity), within: Some(seconds(within)) };
        let request = with_service(&service.installation.identity_credential, request);
        let mut issuing = service.replica.issuing();
        async move {
            let answer = issuing.await_applied(request).await.expect("an answer").into_inner();
            answer.confirmation.expect("a confirmation")
        }
    };

    let confirmed = ask(service.identity().head(), 25).await;
    assert!(confirmed.complete, "{confirmed:?}");
    assert_eq!(names(&confirmed), (vec!["gateway"], vec![]));
    let never = ask(service.identity().head() + 1, 1).await;
    assert_eq!((never.complete, names(&never)), (false, (vec![], vec!["gateway"])), "it never arrived");
    assert_eq!(service.authorize(&session, "endpoints/a").await, crate::support::calls::denied("OWNER_DISABLED"));
}

async fn disabling_and_revoking_everything_are_confirmed(service: Harness) {
    let (alice, session) = service.user(&["endpoints/*"]).await;
    let mut watching = service.replica.watch(&service.installation.gateway, start("gateway", 1, None)).await;
    watching.lease().await;
    tokio::spawn(watching.follow());
    let (id, _) = service.token(&session, "laptop").await;
    let mut tokens = service.replica.tokens();

    let disable = pb::DisableTokenRequest { id, confirm_within: Some(seconds(25)) };
    let disabled = tokens.disable_token(with_token(&session, disable)).await.expect("disabled").into_inner();
    assert_eq!(names(&disabled.confirmation.expect("a confirmation")), (vec!["gateway"], vec![]));

    let all = pb::RevokeAllTokensRequest {
        principal: alice.to_string(),
        revoke_reason: String::new(),
        confirm_within: Some(seconds(25)),
    };
    let revoked = tokens.revoke_all_tokens(with_token(&session, all)).await.expect("revoked").into_inner();
    assert_eq!(names(&revoked.confirmation.expect("a confirmation")), (vec!["gateway"], vec![]));
}

async fn a_confirmation_is_waited_for_at_most_thirty_seconds(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let (id, secret) = service.token(&session, "laptop").await;

    let refusal = service.replica.tokens().revoke_token(with_token(&session, revocation(&id, 31))).await;
    assert_eq!(fields(&refusal.expect_err("refused")), ["confirm_within"]);
    assert_eq!(service.authorize(&secret, "endpoints/a").await, Ok(()), "nothing was done");

    let none = service.replica.tokens().revoke_token(with_token(&session, revocation(&id, 0))).await;
    assert_eq!(none.expect("revoked").into_inner().confirmation, None);
}

async fn who_watched_before_a_restart_is_still_waited_for(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let mut before = service.replica.watch(&service.installation.gateway, start("gateway", 1, None)).await;
    before.lease().await;
    let (id, _) = service.token(&session, "laptop").await;
    let Harness { installation, replica } = service;
    replica.stop().await;
    let replica = installation.replica().await;
    let service = Harness { installation, replica };

    let confirmation = confirm(&service, &session, &id, 1).await;

    assert_eq!((confirmation.complete, names(&confirmation)), (false, (vec![], vec!["gateway"])));
}

#[tokio::test]
async fn a_confirmation_knows_the_deciders_of_all_replicas() {
    let installation = Installation::new(Dialect::Postgres).await;
    let (one, other) = tokio::join!(installation.replica(), installation.replica());
    let service = Harness { installation, replica: one };
    let (_, session) = service.user(&["endpoints/*"]).await;
    let gateway = service.installation.gateway.clone();
    let mut here = service.replica.watch(&gateway, start("gateway", 1, None)).await;
    let mut there = other.watch(&gateway, start("host-2", 2, None)).await;
    let mut silent = other.watch(&gateway, start("host-3", 3, None)).await;
    for watching in [&mut here, &mut there, &mut silent] {
        watching.lease().await;
    }
    tokio::spawn(here.follow());
    tokio::spawn(there.follow());
    let (id, _) = service.token(&session, "laptop").await;

    let confirmation = confirm(&service, &session, &id, 3).await;

    assert!(!confirmation.complete);
    assert_eq!(names(&confirmation), (vec!["gateway", "gateway/host-2"], vec!["gateway/host-3"]));
    tokio::spawn(silent.follow());
    let (id, _) = service.token(&session, "phone").await;
    let all = tokio::time::timeout(SOON, confirm(&service, &session, &id, 25)).await.expect("long before that");
    assert!(all.complete, "{all:?}");
    assert_eq!(names(&all), (vec!["gateway", "gateway/host-2", "gateway/host-3"], vec![]));
}
