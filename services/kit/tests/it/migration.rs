//! Schemas: made by many at once, and checked.

use futures_util::future::join_all;
use passgate_kit::client::Ambient;
use passgate_kit::feed::head;
use passgate_kit::store::{OpenError, Store};

use crate::support::{Migrator, NewerMigrator, create, on_both_databases, things};

on_both_databases! {
    async fn many_replicas_may_migrate_at_once(db: TestDatabase) {
        let ambient = Ambient::system();
        let opened = join_all((0..4).map(|_| Store::open(db.config(), "things", &ambient))).await;
        let stores: Vec<Store> = opened.into_iter().map(|store| store.expect("opened")).collect();

        let migrated = join_all(stores.iter().map(Store::migrate::<Migrator>)).await;

        for (store, migrated) in stores.iter().zip(migrated) {
            migrated.expect("migrated");
            store.check_schema::<Migrator>().await.expect("up to date");
        }
        let heads = join_all(stores.iter().map(|store| store.read(|conn| Box::pin(async move { head(conn).await })))).await;
        let first = heads[0].as_ref().expect("head");
        assert!(heads.iter().all(|head| head.as_ref().is_ok_and(|head| head == first)), "one feed");
    }

    async fn migrating_again_keeps_what_is_there(db: TestDatabase) {
        let store = crate::support::open(&db).await;
        let written = create(&store, "anvil").await.expect("created").position;

        store.migrate::<NewerMigrator>().await.expect("migrated");

        assert_eq!(things(&store).await, ["anvil"]);
        let now = store.read(|conn| Box::pin(async move { head(conn).await })).await.expect("head");
        assert_eq!(Some(now), written);
    }

    async fn a_newer_schema_is_refused_in_words_that_help(db: TestDatabase) {
        let store = db.open::<NewerMigrator>("things", &Ambient::system()).await;

        for refused in [store.migrate::<Migrator>().await, store.check_schema::<Migrator>().await] {
            let error = refused.expect_err("newer");
            assert!(matches!(&error, OpenError::Newer { unknown } if unknown == "m0003_later"), "{error:?}");
            assert!(error.to_string().contains("run that version"), "{error}");
        }
    }

    async fn an_older_or_empty_schema_is_found_without_touching_it(db: TestDatabase) {
        let store = Store::open(db.config(), "things", &Ambient::system()).await.expect("opened");

        for _ in 0..2 {
            let error = store.check_schema::<Migrator>().await.expect_err("empty");
            assert!(matches!(&error, OpenError::Older { missing } if missing == "m0001_kit_shared_tables"), "{error:?}");
            assert!(error.to_string().contains("passgate migrate"), "{error}");
        }

        store.migrate::<Migrator>().await.expect("migrated");
        let error = store.check_schema::<NewerMigrator>().await.expect_err("older");
        assert!(matches!(&error, OpenError::Older { missing } if missing == "m0003_later"), "{error:?}");
    }
}
