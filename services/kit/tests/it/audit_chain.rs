//! Checking the chain: the first bad row is named, and what cannot be shown is said.

use passgate_kit::audit::Audit;
use passgate_kit::store::Store;
use passgate_proto::r#type::v1::ChainReport;

use crate::support::audit::Audited;
use crate::support::{create, on_both_databases, open, tamper};

async fn six(store: &Store) -> Audit {
    for name in ["a", "b", "c", "d", "e", "f"] {
        let _ = create(store, name).await.expect("created");
    }
    Audited::of(store).await.written().await
}

async fn check(audit: &Audit) -> ChainReport {
    audit.verify(0, 0, None).await.expect("a report")
}

fn told(texts: &[String]) -> String {
    texts.join("\n")
}

on_both_databases! {
    async fn a_whole_chain_is_proved_and_what_is_not_is_said(db: TestDatabase) {
        let audit = six(&open(&db).await).await;

        let report = check(&audit).await;

        assert_eq!((report.from_number, report.to_number, report.first_bad_number), (1, 6, 0));
        assert_eq!(report.finding, "");
        assert_eq!(report.head.as_ref().expect("a head").number, 6);
        assert!(told(&report.proved).contains("changes 1 to 6"), "{:?}", report.proved);
        assert!(told(&report.not_proved).contains("cut off the newest changes"), "{:?}", report.not_proved);
    }

    async fn an_empty_feed_is_no_finding(db: TestDatabase) {
        let store = open(&db).await;
        let report = check(&Audited::of(&store).await.written().await).await;

        assert_eq!((report.first_bad_number, report.to_number), (0, 0));
    }

    async fn the_first_edited_row_is_named(db: TestDatabase) {
        let store = open(&db).await;
        let audit = six(&store).await;
        tamper(&store, "UPDATE feed SET actor = 'users/somebody' WHERE number IN (3, 5)").await;

        let report = check(&audit).await;

        assert_eq!(report.first_bad_number, 3);
        assert!(report.finding.contains("change 3"), "{}", report.finding);
        assert!(told(&report.proved).contains("changes 1 to 2"), "{:?}", report.proved);
    }

    async fn a_row_that_was_removed_in_the_middle_is_named(db: TestDatabase) {
        let store = open(&db).await;
        let audit = six(&store).await;
        tamper(&store, "DELETE FROM feed WHERE number = 4").await;

        let report = check(&audit).await;

        assert_eq!((report.first_bad_number, report.finding.as_str()), (4, "change 4 is missing"));
    }

    async fn a_removed_row_whose_place_was_closed_up_is_noticed(db: TestDatabase) {
        let store = open(&db).await;
        let audit = six(&store).await;
        tamper(&store, "DELETE FROM feed WHERE number = 4").await;
        tamper(&store, "UPDATE feed SET number = 4 WHERE number = 5").await;
        tamper(&store, "UPDATE feed SET number = 5 WHERE number = 6").await;
        tamper(&store, "UPDATE feed_head SET number = 5").await;

        assert_eq!(check(&audit).await.first_bad_number, 4);
    }

    async fn a_clumsily_cut_tail_is_noticed(db: TestDatabase) {
        let store = open(&db).await;
        let audit = six(&store).await;
        tamper(&store, "DELETE FROM feed WHERE number > 4").await;
        assert_eq!(check(&audit).await.first_bad_number, 5);

        tamper(&store, "UPDATE feed_head SET number = 4").await;
        assert_eq!(check(&audit).await.first_bad_number, 4, "the head has the hash of another change");
    }

    async fn a_head_that_was_set_back_alone_is_noticed(db: TestDatabase) {
        let store = open(&db).await;
        let audit = six(&store).await;
        tamper(&store, "UPDATE feed_head SET number = 4, hash = (SELECT hash FROM feed WHERE number = 4)").await;

        assert_eq!(check(&audit).await.first_bad_number, 5);
    }

    async fn a_well_cut_tail_shows_only_against_a_head_that_was_kept_elsewhere(db: TestDatabase) {
        let store = open(&db).await;
        let audit = six(&store).await;
        let kept = check(&audit).await.head.expect("a head");
        tamper(&store, "DELETE FROM feed WHERE number > 4").await;
        tamper(&store, "UPDATE feed_head SET number = 4, hash = (SELECT hash FROM feed WHERE number = 4)").await;

        let alone = check(&audit).await;
        assert_eq!(alone.first_bad_number, 0, "the chain alone cannot show it");
        assert!(told(&alone.not_proved).contains("cut off the newest changes"), "and says so");

        let against = audit.verify(0, 0, Some(&kept)).await.expect("a report");
        assert_eq!(against.first_bad_number, 5);
        assert!(against.finding.contains("ends at change 4, and you know of change 6"), "{}", against.finding);
    }

    async fn a_chain_that_was_computed_anew_shows_only_against_a_head_that_was_kept_elsewhere(db: TestDatabase) {
        let store = open(&db).await;
        let audit = six(&store).await;
        let kept = check(&audit).await.head.expect("a head");
        tamper(&store, "DELETE FROM feed WHERE number > 4").await;
        tamper(&store, "UPDATE feed_head SET number = 4, hash = (SELECT hash FROM feed WHERE number = 4)").await;
        for name in ["g", "h", "i"] {
            let _ = create(&store, name).await.expect("created");
        }

        assert_eq!(check(&audit).await.first_bad_number, 0);
        let against = audit.verify(0, 0, Some(&kept)).await.expect("a report");
        assert_eq!(against.first_bad_number, 6);
        assert!(against.finding.contains("is not the one that you know"), "{}", against.finding);
    }

    async fn a_head_that_was_kept_proves_what_came_before_it(db: TestDatabase) {
        let store = open(&db).await;
        let audit = six(&store).await;
        let kept = check(&audit).await.head.expect("a head");
        let _ = create(&store, "g").await.expect("created");

        let report = audit.verify(0, 0, Some(&kept)).await.expect("a report");

        assert_eq!(report.first_bad_number, 0, "{}", report.finding);
        assert!(told(&report.proved).contains("up to change 6 nothing was replaced"), "{:?}", report.proved);
        assert!(told(&report.not_proved).contains("after change 6"), "{:?}", report.not_proved);
    }

    async fn a_part_of_the_chain_can_be_checked_alone(db: TestDatabase) {
        let store = open(&db).await;
        let audit = six(&store).await;
        tamper(&store, "UPDATE feed SET actor = 'users/somebody' WHERE number = 2").await;

        let later = audit.verify(4, 5, None).await.expect("a report");
        assert_eq!((later.first_bad_number, later.from_number, later.to_number), (0, 4, 5));
        assert!(told(&later.not_proved).contains("changes before 4") && told(&later.not_proved).contains("changes after 5"));
        assert_eq!(audit.verify(1, 3, None).await.expect("a report").first_bad_number, 2);
    }

    async fn a_feed_that_was_adopted_is_one_chain_still(db: TestDatabase) {
        let store = open(&db).await;
        let audit = six(&store).await;
        let adopted = store.write(|tx| Box::pin(async move {
            passgate_kit::feed::adopt(tx, &passgate_kit::feed::Actor::passgate("test")).await
        }));
        let _ = adopted.await.expect("adopted");
        let _ = create(&store, "g").await.expect("created");

        let report = check(&audit).await;

        assert_eq!((report.first_bad_number, report.to_number), (0, 8), "{}", report.finding);
    }

    async fn a_long_chain_is_checked_in_batches(db: TestDatabase) {
        let store = open(&db).await;
        let done = store.write(|tx| Box::pin(async move {
            for number in 0..1_201 {
                tx.append(passgate_kit::feed::Change::new("thing.seen", format!("things/{number}")), &passgate_kit::feed::Actor::passgate("test"));
            }
            Ok::<_, passgate_kit::store::StoreError>(())
        }));
        let _ = done.await.expect("appended");
        let audit = Audited::of(&store).await.written().await;

        assert_eq!(check(&audit).await.first_bad_number, 0);
        tamper(&store, "DELETE FROM feed WHERE number = 1001").await;
        assert_eq!(check(&audit).await.first_bad_number, 1001);
    }
}
