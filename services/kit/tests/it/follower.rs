//! Following a feed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use passgate_kit::client::{Ambient, ChangeNumber, ManualClock, Position, SystemRandom};
use passgate_kit::feed::{Applied, Break, FeedRow, Follower, Memory, NotApplied, head};
use passgate_kit::store::{DatabaseConfig, Store};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{Migrator, create, on_both_databases, open, tamper};

/// Longer than any test waits for what must happen: a test that reaches it fails.
const LONG: Duration = Duration::from_secs(60);

/// Fails at the first row, as a database does that is too busy, and takes the rest.
struct Stumbles(bool);

impl Memory for Stumbles {
    type Error = std::io::Error;

    async fn apply(&mut self, _: &[FeedRow]) -> Result<(), std::io::Error> {
        if std::mem::replace(&mut self.0, false) { Err(std::io::Error::other("busy")) } else { Ok(()) }
    }

    async fn forget(&mut self, _: &Break) {}
}

/// What was applied, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u64>>>);

impl Memory for Seen {
    type Error = Infallible;

    async fn apply(&mut self, rows: &[FeedRow]) -> Result<(), Infallible> {
        self.0.lock().extend(rows.iter().map(|row| row.number().0));
        Ok(())
    }

    async fn forget(&mut self, _: &Break) {
        self.0.lock().clear();
    }
}

async fn start(store: &Store) -> Position {
    store.read(|conn| Box::pin(async move { head(conn).await })).await.expect("head")
}

async fn follow(store: &Store, poll: Duration) -> (Seen, Applied, JoinHandle<Result<(), Break>>, CancellationToken) {
    let (seen, stop) = (Seen::default(), CancellationToken::new());
    let follower = Follower::new(store.clone(), start(store).await, seen.clone()).poll_every(poll);
    let applied = follower.applied();
    (seen, applied, tokio::spawn(follower.run(stop.clone())), stop)
}

async fn has_evidence(applied: &Applied) {
    let mut applied = applied.clone();
    while applied.evidence().is_none() {
        applied.changed().await;
    }
}

on_both_databases! {
    async fn a_follower_sees_every_row_in_order(db: TestDatabase) {
        let store = open(&db).await;
        let (seen, applied, run, stop) = follow(&store, LONG).await;

        let writes = join_all((0..30).map(|number| create(&store, format!("t{number}")))).await;

        assert!(writes.iter().all(Result::is_ok));
        applied.wait_for(ChangeNumber(30), LONG).await.expect("applied");
        assert_eq!(*seen.0.lock(), (1..=30).collect::<Vec<_>>());
        assert_eq!(applied.position().map(|position| position.number), Some(ChangeNumber(30)));
        stop.cancel();
        run.await.expect("ended").expect("without a break");
        assert_eq!(applied.wait_for(ChangeNumber(31), LONG).await, Err(NotApplied::Stopped));
    }

    async fn a_change_that_could_not_be_applied_is_tried_again_though_nothing_rings_for_it(db: TestDatabase) {
        let store = open(&db).await;
        let follower = Follower::new(store.clone(), start(&store).await, Stumbles(true)).poll_every(LONG * 10);
        let applied = follower.applied();
        let stop = CancellationToken::new();
        let run = tokio::spawn(follower.run(stop.clone()));

        let written = create(&store, "anvil").await.expect("created").position.expect("appended");

        applied.wait_for_position(&written, LONG).await.expect("applied");
        stop.cancel();
        run.await.expect("ended").expect("without a break");
    }

    async fn evidence_is_as_old_as_the_question_and_about_the_head(db: TestDatabase) {
        let clock = Arc::new(ManualClock::new(OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000)));
        let ambient = Ambient::new(clock.clone(), Arc::new(SystemRandom));
        let store = db.open::<Migrator>("things", &ambient).await;
        let (_, mut applied, _run, _stop) = follow(&store, LONG).await;
        has_evidence(&applied).await;
        let old = applied.evidence().expect("evidence");

        clock.advance(Duration::from_secs(3));
        assert_eq!(old.age(ambient.moment()), Duration::from_secs(3));

        let written = create(&store, "anvil").await.expect("created").position.expect("appended");
        applied.wait_for_position(&written, LONG).await.expect("applied");
        // A read that was asked for before the clock moved may have seen the change too; the commit's own wake brings another.
        while applied.evidence().expect("evidence").age(ambient.moment()) > Duration::ZERO {
            applied.changed().await;
        }
        assert_eq!(applied.evidence().expect("evidence").position, written);
    }

    async fn a_feed_that_went_back_takes_memory_and_evidence_with_it(db: TestDatabase) {
        let store = open(&db).await;
        let (seen, applied, run, _stop) = follow(&store, LONG).await;
        let _ = create(&store, "a").await.expect("created");
        applied.wait_for(ChangeNumber(1), LONG).await.expect("applied");

        tamper(&store, "DELETE FROM feed").await;
        tamper(&store, "DELETE FROM thing").await;
        tamper(&store, "UPDATE feed_head SET number = 0").await;
        let _ = create(&store, "other").await.expect("created"); // wakes it

        let broken = run.await.expect("ended").expect_err("went back");
        assert!(matches!(broken, Break::WentBack { after, .. } if after.number == ChangeNumber(1)), "{broken}");
        assert_eq!((applied.position(), applied.evidence(), applied.broken()), (None, None, Some(broken)));
        assert!(seen.0.lock().is_empty());
        assert_eq!(applied.wait_for(ChangeNumber(1), LONG).await, Err(NotApplied::Broken));
    }

    async fn a_commit_of_another_replica_is_found_by_polling(db: TestDatabase) {
        let (here, there) = (open(&db).await, open(&db).await);
        let (_, applied, _run, _stop) = follow(&here, Duration::from_millis(20)).await;

        let written = create(&there, "anvil").await.expect("created").position.expect("appended");

        applied.wait_for_position(&written, LONG).await.expect("applied");
    }

    async fn what_does_not_come_is_waited_for_no_longer_than_said(db: TestDatabase) {
        let store = open(&db).await;
        let (_, applied, _run, _stop) = follow(&store, LONG).await;

        assert_eq!(applied.wait_for(ChangeNumber(1), Duration::from_millis(5)).await, Err(NotApplied::NotYet));
        let elsewhere = Position { feed: passgate_kit::client::FeedId(uuid::Uuid::nil()), ..start(&store).await };
        assert_eq!(applied.wait_for_position(&elsewhere, LONG).await, Err(NotApplied::OtherFeed));
    }

    async fn where_a_standby_can_take_over_evidence_is_a_commit(db: TestDatabase) {
        let config = DatabaseConfig { standby: true, ..db.config().clone() };
        let store = Store::open(&config, "things", &Ambient::system()).await.expect("opened");
        store.migrate::<Migrator>().await.expect("migrated");
        let (_, applied, _run, _stop) = follow(&store, LONG).await;

        has_evidence(&applied).await;

        let sql = store.dialect().statement("SELECT beat FROM feed_witness", []);
        let beats: i64 = store.read(|conn| Box::pin(async move {
            use sea_orm::ConnectionTrait as _;
            let row = conn.query_one_raw(sql).await?.expect("a row");
            Ok::<_, passgate_kit::store::StoreError>(row.try_get("", "beat")?)
        })).await.expect("beats");
        assert_eq!(beats > 0, store.dialect() == Dialect::Postgres);
    }
}

#[tokio::test]
async fn replicas_on_postgres_wake_each_other_without_polling() {
    let db = passgate_kit::testing::TestDatabase::new(passgate_kit::store::Dialect::Postgres);
    let (here, there) = (open(&db).await, open(&db).await);
    let (_, applied, _run, _stop) = follow(&here, LONG * 10).await;

    let written = create(&there, "anvil").await.expect("created").position.expect("appended");

    applied.wait_for_position(&written, LONG).await.expect("applied");
}
