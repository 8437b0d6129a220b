//! How long it is known what became of a creation.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use passgate_kit::client::{Ambient, ManualClock, SecretString, SystemRandom};
use passgate_kit::testing::{DIALECTS, TestDatabase};
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use time::macros::datetime;

use super::*;
use crate::store::Migrator;

const DAY: StdDuration = StdDuration::from_secs(24 * 60 * 60);

async fn opened(dialect: passgate_kit::store::Dialect) -> (TestDatabase, Arc<ManualClock>, Creations) {
    let (database, clock) = (TestDatabase::new(dialect), Arc::new(ManualClock::new(datetime!(2026-01-01 0:00 UTC))));
    let store = database.open::<Migrator>("identity", &Ambient::new(clock.clone(), Arc::new(SystemRandom))).await;
    let nowhere = passgate_kit::server::channel("http://127.0.0.1:1").expect("an address");
    let issuing = Issuing::new(nowhere, Arc::new(SecretString::new(String::new())));
    (database, clock, Creations::new(store, issuing))
}

/// Adds a row as it was left at this moment, and gives its token.
async fn add(creations: &Creations, state: &'static str, with_token: bool) -> TokenId {
    let ambient = creations.store.ambient();
    let (id, token) = (ambient.uuid_v7().to_string(), TokenId::new(ambient.uuid_v7()));
    let row = creation_row::Model {
        request_id: id.clone(),
        id,
        caller: "users/a".to_owned(),
        body_digest: vec![7; 32],
        caller_token: None,
        api_user: "api-users/b".to_owned(),
        token_id: with_token.then(|| token.to_string()),
        held_name: None,
        state: state.to_owned(),
        give_up_us: micros(ambient.now() + GIVE_UP_AFTER),
    };
    let added = creations.store.write(move |tx| {
        Box::pin(async move { Ok::<_, IdentityError>(creation::insert(tx.connection(), &row).await?) })
    });
    added.await.map(|committed| committed.value).expect("added");
    token
}

async fn left(creations: &Creations) -> u64 {
    let counted = creations
        .store
        .read(|conn| Box::pin(async move { Ok::<_, IdentityError>(creation_row::Entity::find().count(conn).await?) }));
    counted.await.expect("counted")
}

#[tokio::test]
async fn what_nobody_can_ask_for_any_more_is_pruned_in_batches_and_a_token_is_known_longer() {
    for dialect in DIALECTS {
        let (_database, clock, creations) = opened(dialect).await;
        for _ in 0..600 {
            add(&creations, creation::COMMITTED, false).await;
        }
        let given_up = add(&creations, creation::ABORTED, true).await;
        let committed = add(&creations, creation::COMMITTED, true).await;

        clock.advance(DAY);
        assert_eq!(creations.prune().await.expect("pruned"), 0, "a repeat is known for a day");
        clock.advance(StdDuration::from_secs(31));
        assert_eq!(creations.prune().await.expect("pruned"), 601);
        assert_eq!(left(&creations).await, 1);
        assert_eq!(creations.resolve(committed).await.expect("resolved"), Outcome::Committed);
        assert_eq!(creations.resolve(given_up).await.expect("resolved"), Outcome::Aborted);

        clock.advance(29 * DAY);
        assert_eq!(creations.prune().await.expect("pruned"), 1);
        assert_eq!(left(&creations).await, 0);
        assert_eq!(
            creations.resolve(committed).await.expect("resolved"),
            Outcome::Preparing,
            "not told to be given up"
        );
        let never_heard_of = TokenId::new(creations.store.ambient().uuid_v7());
        assert_eq!(creations.resolve(never_heard_of).await.expect("resolved"), Outcome::Aborted);
    }
}

#[tokio::test]
async fn what_is_under_way_is_given_up_before_it_is_pruned() {
    for dialect in DIALECTS {
        let (_database, clock, creations) = opened(dialect).await;
        add(&creations, creation::PREPARING, true).await;

        clock.advance(40 * DAY);
        assert_eq!(creations.prune().await.expect("pruned"), 0);
        assert_eq!(creations.sweep().await.expect("swept"), 1);
        assert_eq!(creations.prune().await.expect("pruned"), 1);
    }
}
