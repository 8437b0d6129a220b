//! Repeats of creates.

use std::sync::Arc;
use std::time::Duration;

use passgate_kit::client::{Ambient, ManualClock, Reason, SystemRandom};
use passgate_kit::idempotency::{Claim, ClaimError, Claimed, FORGOTTEN_AT_ONCE, REMEMBERED, forget_old};
use passgate_kit::problem::Problem as _;
use passgate_kit::request::{BodyDigest, RequestId};
use passgate_kit::store::Store;
use time::OffsetDateTime;

use crate::support::{Migrator, insert, on_both_databases, open, things};

fn claim(principal: &str, body: &[u8], resource: &str) -> Claim {
    Claim {
        principal: principal.to_owned(),
        method: "passgate.test.Things/Create",
        request_id: RequestId::parse("r-1").expect("id").expect("some"),
        body: BodyDigest::of_bytes(body),
        resource: resource.to_owned(),
        token_id: None,
    }
}

async fn take(store: &Store, claim: Claim) -> Result<Claimed, ClaimError> {
    store.write(move |tx| Box::pin(async move { claim.take(tx).await })).await.map(|committed| committed.value)
}

on_both_databases! {
    async fn a_repeat_finds_what_the_first_one_made(db: TestDatabase) {
        let store = open(&db).await;
        assert_eq!(take(&store, claim("users/a", b"body", "things/1")).await.expect("first"), Claimed::First);

        let again = take(&store, claim("users/a", b"body", "things/2")).await.expect("repeat");

        assert!(matches!(again, Claimed::Before(earlier) if earlier.resource == "things/1"));
        assert_eq!(take(&store, claim("users/b", b"body", "things/3")).await.expect("another caller"), Claimed::First);
    }

    async fn another_body_under_the_same_id_names_the_field(db: TestDatabase) {
        let store = open(&db).await;
        take(&store, claim("users/a", b"body", "things/1")).await.expect("first");

        let error = take(&store, claim("users/a", b"other", "things/2")).await.expect_err("other body");

        assert_eq!(error.told_as().1, Reason::RequestIdReused);
        assert_eq!(error.fields()[0].path, "request_id");
    }

    async fn of_two_at_once_one_makes_it_and_the_other_finds_it(db: TestDatabase) {
        let store = open(&db).await;
        let attempt = |resource: &'static str| store.write(move |tx| Box::pin(async move {
            let claimed = claim("users/a", b"body", resource).take(tx).await?;
            if claimed == Claimed::First {
                insert(tx, resource).await?;
            }
            Ok::<_, ClaimError>(claimed)
        }));

        let (one, two) = tokio::join!(attempt("1"), attempt("2"));

        let firsts = [one.expect("one").value, two.expect("two").value].into_iter().filter(|claimed| *claimed == Claimed::First);
        assert_eq!(firsts.count(), 1);
        assert_eq!(things(&store).await.len(), 1);
    }

    async fn a_create_that_failed_is_not_remembered(db: TestDatabase) {
        let store = open(&db).await;
        let failed = store.write(|tx| Box::pin(async move {
            claim("users/a", b"body", "things/1").take(tx).await?;
            Err::<(), _>(ClaimError::JustForgotten)
        }));
        failed.await.expect_err("failed");

        assert_eq!(take(&store, claim("users/a", b"other", "things/2")).await.expect("first"), Claimed::First);
    }

    async fn requests_are_forgotten_after_a_day_and_not_before(db: TestDatabase) {
        let clock = Arc::new(ManualClock::new(OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000)));
        let store = db.open::<Migrator>("things", &Ambient::new(clock.clone(), Arc::new(SystemRandom))).await;
        take(&store, claim("users/a", b"body", "things/1")).await.expect("first");
        let forget = || async { store.write(|tx| Box::pin(async move { forget_old(tx).await })).await.map(|done| done.value) };

        clock.advance(REMEMBERED);
        assert_eq!(forget().await.expect("forgotten"), 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(forget().await.expect("forgotten"), 1);

        assert_eq!(take(&store, claim("users/a", b"other", "things/2")).await.expect("first"), Claimed::First);
    }

    async fn no_transaction_forgets_more_than_so_many(db: TestDatabase) {
        let clock = Arc::new(ManualClock::new(OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000)));
        let store = db.open::<Migrator>("things", &Ambient::new(clock.clone(), Arc::new(SystemRandom))).await;
        let all = store.write(|tx| Box::pin(async move {
            for number in 0..FORGOTTEN_AT_ONCE + 1 {
                claim(&format!("users/{number}"), b"body", "things/1").take(tx).await?;
            }
            Ok::<_, ClaimError>(())
        }));
        all.await.map(|committed| committed.value).expect("claimed");
        clock.advance(REMEMBERED + Duration::from_secs(1));
        let forget = || async { store.write(|tx| Box::pin(async move { forget_old(tx).await })).await.map(|done| done.value) };

        assert_eq!(forget().await.expect("forgotten"), FORGOTTEN_AT_ONCE.unsigned_abs());
        assert_eq!(forget().await.expect("forgotten"), 1);
        assert_eq!(forget().await.expect("forgotten"), 0);
    }
}
