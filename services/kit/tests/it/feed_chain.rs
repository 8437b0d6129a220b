//! Reading a feed on: any edit, cut or restore is seen.

use passgate_kit::client::{ChangeNumber, Position, Vector};
use passgate_kit::feed::{Actor, Break, Change, Page, ReadError, head, read_after};
use passgate_kit::store::{Store, StoreError};

use crate::support::{create, on_both_databases, open, tamper};

async fn read(store: &Store, after: Position) -> Result<Page, ReadError> {
    store.read(move |conn| Box::pin(async move { read_after(conn, &after, 10).await })).await
}

async fn start(store: &Store) -> Position {
    store.read(|conn| Box::pin(async move { head(conn).await })).await.expect("head")
}

async fn three(store: &Store) -> [Position; 4] {
    let mut positions = [start(store).await; 4];
    for (position, name) in positions.iter_mut().skip(1).zip(["a", "b", "c"]) {
        *position = create(store, name).await.expect("created").position.expect("appended");
    }
    positions
}

fn broken(read: Result<Page, ReadError>) -> Break {
    match read {
        Err(ReadError::Break(broken)) => broken,
        other => panic!("not noticed: {other:?}"),
    }
}

on_both_databases! {
    async fn everything_of_a_change_is_read_back(db: TestDatabase) {
        let store = open(&db).await;
        let from = start(&store).await;
        let cause = Vector { identity: Some(from), ..Vector::default() };
        let change = Change::new("thing.renamed", "things/1")
            .before(serde_json::json!({"name": "ä"}))
            .after(serde_json::json!({"name": null}))
            .touch(passgate_kit::feed::Touch::Everything)
            .caused_by(cause);
        let actor = Actor { peer: Some("::1".to_owned()), ..Actor::passgate("test") };
        let (written, by) = (change.clone(), actor.clone());

        let committed = store.write(move |tx| Box::pin(async move {
            tx.append(written, &by);
            Ok::<_, StoreError>(())
        })).await.expect("written");

        let page = read(&store, from).await.expect("read");
        let [row] = page.rows.as_slice() else { panic!("one row: {page:?}") };
        assert_eq!(Some(row.position), committed.position);
        assert_eq!((row.kind.as_str(), row.subject.as_str()), ("thing.renamed", "things/1"));
        assert_eq!((&row.before, &row.after, &row.touches), (&change.before, &change.after, &change.touches));
        assert_eq!((&row.actor, row.cause), (&actor, Some(cause)));
    }

    async fn many_changes_of_one_transaction_follow_each_other(db: TestDatabase) {
        let store = open(&db).await;
        let from = start(&store).await;

        let committed = store.write(|tx| Box::pin(async move {
            for number in 0..1200 {
                tx.append(Change::new("thing.seen", format!("things/{number}")), &Actor::passgate("test"));
            }
            Ok::<_, StoreError>(())
        })).await.expect("written");

        assert_eq!(committed.position.expect("appended").number, ChangeNumber(from.number.0 + 1200));
        let all = store.read(move |conn| Box::pin(async move { read_after(conn, &from, 2000).await })).await.expect("read");
        assert_eq!(all.rows.len(), 1200);
        assert!(all.reaches_head(&from));
    }

    async fn pages_go_on_where_the_last_one_ended(db: TestDatabase) {
        let store = open(&db).await;
        let [from, _, second, third] = three(&store).await;

        let page = store.read(move |conn| Box::pin(async move { read_after(conn, &from, 2).await })).await.expect("read");

        assert_eq!((page.rows[1].position, page.head, page.reaches_head(&from)), (second, third, false));
        let rest = read(&store, second).await.expect("read");
        assert_eq!((rest.rows.len(), rest.reaches_head(&second)), (1, true));
        let none = read(&store, third).await.expect("read");
        assert_eq!((none.rows.len(), none.reaches_head(&third)), (0, true));
    }

    async fn an_edited_row_is_noticed(db: TestDatabase) {
        let store = open(&db).await;
        let [from, ..] = three(&store).await;

        tamper(&store, "UPDATE feed SET subject = 'things/x' WHERE number = 2").await;

        assert_eq!(broken(read(&store, from).await), Break::Edited { number: 2 });
    }

    async fn a_missing_row_is_noticed(db: TestDatabase) {
        let store = open(&db).await;
        let [from, ..] = three(&store).await;

        tamper(&store, "DELETE FROM feed WHERE number = 2").await;
        assert_eq!(broken(read(&store, from).await), Break::Edited { number: 2 });

        tamper(&store, "DELETE FROM feed WHERE number > 1").await;
        assert_eq!(broken(read(&store, from).await), Break::Edited { number: 2 });
    }

    async fn a_feed_that_went_back_is_noticed_though_nobody_says_so(db: TestDatabase) {
        let store = open(&db).await;
        let [_, first, _, third] = three(&store).await;

        tamper(&store, "DELETE FROM feed WHERE number > 1").await;
        tamper(&store, "UPDATE feed_head SET number = 1, hash = (SELECT hash FROM feed WHERE number = 1)").await;
        assert_eq!(broken(read(&store, third).await), Break::WentBack { after: third, head: first });

        for name in ["d", "e", "f"] {
            let _ = create(&store, name).await.expect("created");
        }
        let now = start(&store).await;
        assert_eq!(broken(read(&store, third).await), Break::WentBack { after: third, head: now });
    }

    async fn another_feed_is_noticed(db: TestDatabase) {
        let store = open(&db).await;
        let [from, ..] = three(&store).await;

        tamper(&store, "UPDATE feed_head SET feed = '01890a5d-ac96-774b-bcce-b302099a8057'").await;

        assert!(matches!(broken(read(&store, from).await), Break::OtherFeed { after, .. } if after == from));
    }
}
