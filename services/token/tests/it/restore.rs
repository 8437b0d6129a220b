//! A database that was restored, and how it is adopted.

use std::fs;
use std::path::PathBuf;

use passgate_kit::store::{DatabaseConfig, Dialect, Place};
use passgate_proto::r#type::v1::Position;
use passgate_token::{Revocations, Service};
use tonic::Code;

use crate::support::calls::{denied, refused};
use crate::support::watching::start;
use crate::support::{Harness, Installation, Replica, on_both};

on_both![an_adopted_feed_makes_everybody_start_over_and_what_was_revoked_stays_so];

async fn adopt(installation: &Installation, text: &str) -> passgate_token::AdoptedTokens {
    let revocations = Revocations::parse(text).expect("lines");
    let adopted = Service::adopt(installation.database.config(), &installation.ambient, revocations).await;
    adopted.expect("adopted")
}

async fn restart(installation: Installation, replica: Replica, text: &str) -> (Harness, passgate_token::AdoptedTokens) {
    replica.stop().await;
    let adopted = adopt(&installation, text).await;
    let replica = installation.replica().await;
    (Harness { installation, replica }, adopted)
}

async fn an_adopted_feed_makes_everybody_start_over_and_what_was_revoked_stays_so(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let (lost, lost_secret) = service.token(&session, "lost").await;
    let (dead, _) = service.token(&session, "dead").await;
    let (_, kept_secret) = service.token(&session, "kept").await;
    service.revoke(&session, &dead).await.expect("revoked");
    let gateway = service.installation.gateway.clone();
    let before = service.replica.watch(&gateway, start("gateway", 1, None)).await.at;
    let Harness { installation, replica } = service;

    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let text = [&lost, &dead, unknown].map(|id| format!("{{\"token_id\": \"{id}\"}}\n")).concat();
    let (service, adopted) = restart(installation, replica, &text).await;

    assert_eq!((adopted.revoked, adopted.dead, adopted.unknown), (1, 1, 1));
    assert_eq!(adopted.feed.number, before.number);
    assert_eq!(service.authorize(&lost_secret, "endpoints/a").await, denied("TOKEN_REVOKED"));
    assert_eq!(service.authorize(&kept_secret, "endpoints/a").await, Ok(()));
    let seen_more = Position { number: before.number + 50, ..before.clone() };
    for since in [before, seen_more] {
        let mut over = service.replica.watch(&gateway, start("gateway", 1, Some(since.clone()))).await;
        assert!(!over.begin.resumed);
        assert_ne!(over.at.feed_id, since.feed_id);
        over.lease().await;
    }
    // From here on it is a feed like any other, over a restart too.
    let at = service.replica.watch(&gateway, start("gateway", 1, None)).await.at;
    service.token(&session, "next").await;
    let Harness { installation, replica } = service;
    replica.stop().await;
    let replica = installation.replica().await;
    let mut resumed = replica.watch(&gateway, start("gateway", 1, Some(at.clone()))).await;
    assert!(resumed.begin.resumed);
    assert_eq!(resumed.change().await.position.expect("a position").number, at.number + 1);
}

fn file(config: &DatabaseConfig) -> PathBuf {
    match config.place().expect("a place") {
        Place::Sqlite(file) => file,
        Place::Postgres { .. } => panic!("only files are copied"),
    }
}

#[tokio::test]
async fn a_backup_that_is_put_back_is_noticed_by_who_saw_more_and_serves_again_once_it_is_adopted() {
    let service = Harness::start(Dialect::Sqlite).await;
    let (_, session) = service.user(&["endpoints/*"]).await;
    let (id, secret) = service.token(&session, "laptop").await;
    let gateway = service.installation.gateway.clone();
    let Harness { installation, replica } = service;
    replica.stop().await;
    let database = file(installation.database.config());
    let backup = database.with_extension("backup");
    fs::copy(&database, &backup).expect("a backup");
    let replica = installation.replica().await;
    let service = Harness { installation, replica };
    service.revoke(&session, &id).await.expect("revoked");
    let since = service.replica.watch(&gateway, start("gateway", 1, None)).await.at;
    let Harness { installation, replica } = service;
    replica.stop().await;
    for log in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(database.with_extension(log)); // there is none after an orderly end
    }
    fs::copy(&backup, &database).expect("put back");

    let mut replica = installation.replica().await;
    let over = replica.watch(&gateway, start("gateway", 1, Some(since))).await;
    assert!(!over.begin.resumed);
    replica.until_not_ready().await;
    let asked = replica.authorize(&gateway, &secret, "endpoints/a").await;
    assert_eq!(
        asked,
        Err(refused(Code::Unavailable, "UNDECIDABLE")),
        "it is good in the backup, and nobody is told so"
    );

    let (service, adopted) = restart(installation, replica, &format!("{{\"token_id\": \"{id}\"}}")).await;
    assert_eq!(adopted.revoked, 1);
    assert_eq!(service.authorize(&secret, "endpoints/a").await, denied("TOKEN_REVOKED"));
}

#[tokio::test]
async fn adopting_while_a_service_runs_ends_its_deciding() {
    let mut service = Harness::start(Dialect::Sqlite).await;
    let (_, session) = service.user(&["endpoints/*"]).await;
    let gateway = service.installation.gateway.clone();
    let watching = service.replica.watch(&gateway, start("gateway", 1, None)).await;

    adopt(&service.installation, "").await;

    service.replica.until_not_ready().await;
    assert_eq!(service.authorize(&session, "endpoints/a").await, Err(refused(Code::Unavailable, "UNDECIDABLE")));
    let end = watching.end().await;
    assert_eq!(crate::support::told(&end), refused(Code::Unavailable, "UNDECIDABLE"));
    assert!(end.message().contains("passgate feed adopt"), "{}", end.message());
}
