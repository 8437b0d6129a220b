//! What cannot be known now is not allowed.

use std::time::Duration;

use passgate_kit::client::Ambient;
use passgate_kit::store::{Dialect, Store, StoreError, Tx};
use passgate_proto::token::v1 as pb;
use sea_orm::ConnectionTrait as _;
use tonic::Code;

use crate::support::calls::{denied, named, refused, with_token};
use crate::support::{Harness, Installation, on_both, told};

on_both![
    without_the_identity_service_nothing_is_decided_after_max_staleness,
    a_suspended_machine_knows_that_time_has_passed,
    an_echo_counts_only_once_the_memory_has_what_it_vouches_for,
    without_its_own_database_nothing_is_decided_either,
    read_before_revoke_fill_after,
];

async fn without_the_identity_service_nothing_is_decided_after_max_staleness(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    assert_eq!(service.authorize(&session, "endpoints/a").await, Ok(()));
    let mut service = service;

    service.identity().set_away(true);
    service.installation.clock.advance(Duration::from_millis(4_900));
    assert_eq!(service.authorize(&session, "endpoints/a").await, Ok(()), "what is known is good for a while");

    service.installation.clock.advance(Duration::from_millis(200));
    assert_eq!(service.authorize(&session, "endpoints/a").await, Err(refused(Code::Unavailable, "UNDECIDABLE")));
    let own = service.create(&session, named("laptop")).await.expect_err("nor administered");
    assert_eq!(told(&own), refused(Code::Unavailable, "UNDECIDABLE"));
    assert_eq!(
        service.authorize("forged", "endpoints/a").await,
        denied("TOKEN_INVALID"),
        "a stranger is one at all times"
    );
    service.replica.until_not_ready().await;

    service.identity().set_away(false);
    service.replica.until_ready().await;
    assert_eq!(service.authorize(&session, "endpoints/a").await, Ok(()));
}

async fn a_suspended_machine_knows_that_time_has_passed(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    service.identity().set_away(true);

    service.installation.clock.suspend(Duration::from_secs(6));

    assert_eq!(service.authorize(&session, "endpoints/a").await, Err(refused(Code::Unavailable, "UNDECIDABLE")));
}

async fn an_echo_counts_only_once_the_memory_has_what_it_vouches_for(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    // The stream is silent: neither changes nor echoes come, though the connection stands.
    service.identity().set_held(true);
    service.installation.clock.advance(Duration::from_secs(6));

    assert_eq!(service.authorize(&session, "endpoints/a").await, Err(refused(Code::Unavailable, "UNDECIDABLE")));

    service.identity().set_held(false);
    service.until(&session, "endpoints/a", Ok(())).await;
}

async fn without_its_own_database_nothing_is_decided_either(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let rename = |from: &'static str, to: &'static str| {
        let config = service.installation.database.config();
        async move {
            let store = Store::open(config, "token", &Ambient::system()).await.expect("the database");
            let renamed = store.write(move |tx: &mut Tx| {
                Box::pin(async move {
                    tx.connection().execute_unprepared(&format!("ALTER TABLE {from} RENAME TO {to}")).await?;
                    Ok::<_, StoreError>(())
                })
            });
            let _ = renamed.await.expect("renamed");
            store.close().await;
        }
    };
    assert_eq!(service.authorize(&session, "endpoints/a").await, Ok(()));

    rename("feed_head", "feed_head_away").await;
    service.installation.clock.advance(Duration::from_secs(6));
    assert_eq!(service.authorize(&session, "endpoints/a").await, Err(refused(Code::Unavailable, "UNDECIDABLE")));

    rename("feed_head_away", "feed_head").await;
    service.until(&session, "endpoints/a", Ok(())).await;
}

async fn read_before_revoke_fill_after(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    for round in 0..20 {
        let (id, secret) = service.token(&session, &format!("token {round}")).await;
        // Reads of the row race with its revocation; none of them may leave the old row behind.
        let reads = (0..8).map(|_| service.authorize(&secret, "endpoints/a"));
        let (revoked, _) = tokio::join!(service.revoke(&session, &id), futures_util::future::join_all(reads));
        revoked.expect("revoked");
        assert_eq!(service.authorize(&secret, "endpoints/a").await, denied("TOKEN_REVOKED"), "round {round}");
    }
}

#[tokio::test]
async fn it_starts_and_listens_without_the_identity_service_but_is_not_ready() {
    let installation = Installation::new(Dialect::Sqlite).await;
    installation.identity.set_away(true);
    let mut replica = installation.start(installation.config()).await;
    assert!(!*replica.running.ready.borrow());
    let refusal = replica.tokens().get_self(with_token("forged", pb::GetSelfRequest {})).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::Unauthenticated, "TOKEN_INVALID"), "it answers");

    installation.identity.set_away(false);

    replica.until_ready().await;
}
