//! Two token services over one PostgreSQL.

use std::time::Duration;

use passgate_kit::client::Ambient;
use passgate_kit::store::{Dialect, Store, StoreError};
use passgate_proto::token::v1 as pb;
use sea_orm::ConnectionTrait as _;

use crate::support::calls::{denied, mark, named, question, with_service, with_token};
use crate::support::{Harness, Installation, Refusal, Replica};

async fn two() -> (Harness, Replica) {
    let installation = Installation::new(Dialect::Postgres).await;
    let (one, other) = tokio::join!(installation.replica(), installation.replica());
    (Harness { installation, replica: one }, other)
}

async fn until(replica: &Replica, gateway: &str, token: &str, wanted: Result<(), Refusal>) {
    let reached = async {
        while replica.authorize(gateway, token, "endpoints/a").await != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.expect("the other replica follows");
}

#[tokio::test]
async fn two_that_start_at_once_have_one_installation_and_one_key() {
    let (service, other) = two().await;
    let keys = |replica: &Replica| {
        let (mut keys, request) = (replica.keys(), with_service(&service.installation.gateway, pb::ListKeysRequest {}));
        async move { keys.list_keys(request).await.expect("keys").into_inner() }
    };

    let (ones, others) = (keys(&service.replica).await, keys(&other).await);

    assert_eq!(ones.keys.len(), 1);
    assert_eq!(ones, others);
}

#[tokio::test]
async fn what_one_revokes_the_other_refuses() {
    let (service, other) = two().await;
    let gateway = service.installation.gateway.clone();
    let (_, session) = service.user(&["endpoints/*"]).await;
    let (id, secret) = service.token(&session, "laptop").await;
    until(&other, &gateway, &secret, Ok(())).await;

    let request =
        with_token(&session, pb::RevokeTokenRequest { id, revoke_reason: String::new(), confirm_within: None });
    let revoked = service.replica.tokens().revoke_token(request).await.expect("revoked");

    // With the mark of the change at once, and without it in a moment.
    let marked = pb::AuthorizeRequest { at_least: mark(&revoked), ..question(&secret, "endpoints/a") };
    let answer = other.authorization().authorize(with_service(&gateway, marked)).await.expect("an answer").into_inner();
    assert_eq!(answer.decision.expect("one").reason, "TOKEN_REVOKED");
    until(&other, &gateway, &secret, denied("TOKEN_REVOKED")).await;
}

#[tokio::test]
async fn a_revocation_that_finds_it_done_by_the_other_is_in_force_here_too() {
    let (service, other) = two().await;
    let gateway = service.installation.gateway.clone();
    let (_, session) = service.user(&["endpoints/*"]).await;
    for round in 0..10 {
        let (id, secret) = service.token(&session, &format!("token {round}")).await;
        until(&other, &gateway, &secret, Ok(())).await;
        service.revoke(&session, &id).await.expect("revoked");

        let request =
            with_token(&session, pb::RevokeTokenRequest { id, revoke_reason: String::new(), confirm_within: None });
        other.tokens().revoke_token(request).await.expect("found done");

        assert_eq!(other.authorize(&gateway, &secret, "endpoints/a").await, denied("TOKEN_REVOKED"), "round {round}");
    }
}

#[tokio::test]
async fn each_change_of_identity_is_written_once() {
    let (service, other) = two().await;
    let gateway = service.installation.gateway.clone();
    let (alice, session) = service.user(&[]).await;
    for round in 0..20 {
        service.identity().set(alice, |record| record.display_name = format!("round {round}"));
    }
    service.identity().set(alice, |record| record.patterns = vec!["endpoints/a".to_owned()]);
    service.caught_up(&session).await;
    until(&other, &gateway, &session, Ok(())).await;

    let store =
        Store::open(service.installation.database.config(), "token", &Ambient::system()).await.expect("the database");
    let causes = store.read(|db| {
        Box::pin(async move {
            let sql = "SELECT cause FROM feed WHERE kind = 'projection.changed' ORDER BY number";
            let rows = db.query_all_raw(sea_orm::Statement::from_string(db.get_database_backend(), sql)).await?;
            rows.iter().map(|row| Ok::<String, StoreError>(row.try_get("", "cause")?)).collect::<Result<Vec<_>, _>>()
        })
    });
    let causes = causes.await.expect("read");
    let mut once = causes.clone();
    once.dedup();
    assert_eq!(causes, once, "one writer each");
    assert!(causes.len() >= 21);
    store.close().await;
}

#[tokio::test]
async fn a_replica_goes_on_when_the_other_ends() {
    let (service, other) = two().await;
    let gateway = service.installation.gateway.clone();
    let (alice, session) = service.user(&["endpoints/a"]).await;
    let Harness { installation, replica } = service;

    replica.stop().await;
    installation.identity.set(alice, |record| record.patterns.clear());

    until(&other, &gateway, &session, denied("NO_GRANT")).await;
    other.tokens().create_token(with_token(&session, named("laptop"))).await.expect("a token");
}
