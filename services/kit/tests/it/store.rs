//! Transactions.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use futures_util::future::join_all;
use passgate_kit::client::{Ambient, Reason};
use passgate_kit::feed::{head, read_after};
use passgate_kit::problem::Problem as _;
use passgate_kit::store::{DatabaseConfig, OpenError, Store, StoreError};
use sea_orm::ConnectionTrait as _;
use tokio::sync::oneshot;
use tonic::Code;

use crate::support::{create, insert, on_both_databases, open, things};

async fn feed_head(store: &Store) -> passgate_kit::client::Position {
    store.read(|conn| Box::pin(async move { head(conn).await })).await.expect("head")
}

on_both_databases! {
    async fn commit_order_is_feed_order_under_concurrency(db: TestDatabase) {
        let store = open(&db).await;
        let start = feed_head(&store).await;

        let writes = join_all((0..40).map(|number| create(&store, format!("t{number:02}")))).await;

        let mut positions: Vec<_> = writes.into_iter().map(|write| write.expect("written").position.expect("appended")).collect();
        positions.sort_by_key(|position| position.number);
        let page = store.read(move |conn| Box::pin(async move { read_after(conn, &start, 100).await })).await.expect("read");
        assert_eq!(page.rows.iter().map(|row| row.position).collect::<Vec<_>>(), positions);
        assert_eq!(page.head, positions[39]);
        assert_eq!(page.rows.iter().map(|row| row.number().0).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    }

    async fn no_reader_ever_sees_a_hole(db: TestDatabase) {
        let store = open(&db).await;
        let start = feed_head(&store).await;
        let writers = join_all((0..60).map(|number| create(&store, format!("t{number:02}"))));
        let reader = async {
            let mut at = start;
            while at.number.0 < 60 {
                let page = store.read(move |conn| Box::pin(async move { read_after(conn, &at, 7).await })).await.expect("no hole");
                at = page.rows.last().map_or(at, |row| row.position);
            }
        };

        let (written, ()) = tokio::join!(writers, reader);

        assert!(written.iter().all(Result::is_ok));
    }

    async fn a_refused_operation_changes_nothing_and_appends_nothing(db: TestDatabase) {
        let store = open(&db).await;
        let before = feed_head(&store).await;

        let refused = store.write(|tx| Box::pin(async move {
            insert(tx, "anvil").await?;
            Err::<(), _>(StoreError::unreadable("refused"))
        }));

        assert!(matches!(refused.await, Err(StoreError::Unreadable(_))));
        assert!(things(&store).await.is_empty());
        assert_eq!(feed_head(&store).await, before);
    }

    async fn a_write_that_appends_nothing_has_no_position(db: TestDatabase) {
        let store = open(&db).await;

        let committed = store.write(|_| Box::pin(async { Ok::<_, StoreError>(7) })).await.expect("committed");

        assert_eq!((committed.value, committed.position), (7, None));
    }

    async fn a_caller_who_goes_away_does_not_cancel_the_commit(db: TestDatabase) {
        let store = open(&db).await;
        let (begun, has_begun) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let other = store.clone();
        let caller = tokio::spawn(async move {
            other.write(|tx| Box::pin(async move {
                insert(tx, "anvil").await?;
                begun.send(()).expect("the test waits");
                may_go_on.await.expect("the test says so");
                Ok::<_, StoreError>(())
            })).await
        });
        has_begun.await.expect("begun");

        caller.abort();
        assert!(caller.await.expect_err("gone").is_cancelled());
        go_on.send(()).expect("the write is still there");

        store.close().await; // waits for it
        assert_eq!(things(&open(&db).await).await, ["anvil"]);
    }

    async fn an_error_that_was_swallowed_does_not_pass_for_a_commit(db: TestDatabase) {
        let store = open(&db).await;
        let _ = create(&store, "anvil").await.expect("created");

        let written = store.write(|tx| Box::pin(async move {
            tx.connection().execute_unprepared("INSERT INTO thing (name) VALUES ('bell')").await?;
            let _ = tx.connection().execute_unprepared("INSERT INTO thing (name) VALUES ('anvil')").await;
            Ok::<_, StoreError>(())
        })).await;

        let there = things(&store).await.contains(&"bell".to_owned());
        assert_eq!(written.is_ok(), there);
    }

    async fn a_name_that_exists_is_a_unique_violation(db: TestDatabase) {
        let store = open(&db).await;
        let _ = create(&store, "anvil").await.expect("created");

        let error = create(&store, "anvil").await.expect_err("exists");

        assert!(error.is_unique_violation());
        assert_eq!(error.told_as(), (Code::AlreadyExists, Reason::NameTaken));
        assert!(!error.to_string().contains("thing"), "no words of the driver: {error}");
    }

    async fn readers_cannot_write(db: TestDatabase) {
        let store = open(&db).await;

        let written = store.read(|conn| Box::pin(async move {
            conn.execute_unprepared("INSERT INTO thing (name) VALUES ('anvil')").await.map_err(StoreError::from)
        })).await;

        assert!(matches!(written, Err(StoreError::NotWritable(_))), "{written:?}");
        assert!(things(&store).await.is_empty());
    }

    async fn all_statements_of_a_snapshot_see_the_same(db: TestDatabase) {
        let store = open(&db).await;
        let writer = store.clone();

        let (before, after) = store.snapshot(|conn| Box::pin(async move {
            let before = head(conn).await?;
            let _ = create(&writer, "anvil").await?;
            Ok::<_, StoreError>((before, head(conn).await?))
        })).await.expect("snapshot");

        assert_eq!(before, after);
        assert_eq!(feed_head(&store).await.number, before.number.next());
    }

    async fn all_replicas_read_each_others_page_tokens(db: TestDatabase) {
        use passgate_kit::page::PageOf;
        use passgate_kit::request::BodyDigest;
        let of = PageOf { caller: "users/1", method: "List", query: BodyDigest::of_bytes(b"") };
        let here = open(&db).await.page_tokens().await.expect("tokens");
        let there = open(&db).await.page_tokens().await.expect("tokens");

        assert_eq!(there.open(of, &here.seal(of, "anvil")), Ok(Some("anvil".to_owned())));
    }

    async fn a_closed_store_says_that_it_is_shutting_down(db: TestDatabase) {
        let store = open(&db).await;
        store.close().await;

        assert!(matches!(create(&store, "anvil").await, Err(StoreError::ShuttingDown)));
    }

    async fn a_write_that_panics_is_told_as_internal_and_changes_nothing(db: TestDatabase) {
        let store = open(&db).await;

        let broken = store.write(|tx| Box::pin(async move {
            insert(tx, "anvil").await?;
            assert!(tx.connection().get_database_backend() == sea_orm::DbBackend::MySql, "on purpose");
            Ok::<_, StoreError>(())
        })).await.expect_err("broken");

        assert_eq!(broken.told_as(), (Code::Internal, Reason::Internal));
        assert!(things(&store).await.is_empty());
    }
}

async fn open_error(config: &DatabaseConfig) -> String {
    Store::open(config, "things", &Ambient::system()).await.expect_err("refused").to_string()
}

#[tokio::test]
async fn a_new_sqlite_file_and_its_folder_are_for_this_user_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("data").join("things.db");

    let _store = Store::open(&DatabaseConfig::sqlite(&file), "things", &Ambient::system()).await.expect("opened");

    let mode = |path: &Path| std::fs::metadata(path).expect("there").mode() & 0o777;
    assert_eq!((mode(&folder.path().join("data")), mode(&file)), (0o700, 0o600));
    assert_eq!(mode(&file.with_extension("db-wal")), 0o600);
}

#[tokio::test]
async fn a_place_that_others_can_use_is_refused_with_the_command_that_mends_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("things.db");
    let chmod =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");

    chmod(folder.path(), 0o777);
    let open = open_error(&DatabaseConfig::sqlite(&file)).await;
    assert!(open.ends_with(&format!("chmod 700 {}", folder.path().display())), "{open}");

    chmod(folder.path(), 0o700);
    std::fs::write(&file, b"").expect("written");
    chmod(&file, 0o644);
    let open = open_error(&DatabaseConfig::sqlite(&file)).await;
    assert!(open.ends_with(&format!("chmod 600 {}", file.display())), "{open}");
}

#[tokio::test]
async fn what_is_no_database_is_refused_in_words_that_help() {
    use std::os::unix::fs::OpenOptionsExt as _;
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("file");
    let mut options = std::fs::OpenOptions::new();
    let mut open = options.write(true).create_new(true).mode(0o600).open(&file).expect("made");
    std::io::Write::write_all(&mut open, &[b'x'; 8192]).expect("written");

    assert!(open_error(&DatabaseConfig::sqlite(&file)).await.contains("a SQLite database"));
    assert!(open_error(&DatabaseConfig::sqlite(&file.join("under.db"))).await.contains("cannot keep a database in"));
    assert!(
        open_error(&DatabaseConfig::sqlite(Path::new("/proc/passgate/x.db")))
            .await
            .contains("make the folder writable")
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_without_its_password() {
    let config = DatabaseConfig::postgres("postgres://u:hunter2@127.0.0.1:1/x", None);

    let error = Store::open(&config, "things", &Ambient::system()).await.expect_err("refused");

    assert!(matches!(error, OpenError::Server(_)));
    assert!(error.to_string().starts_with("cannot reach the PostgreSQL database"));
    assert!(!format!("{config:?}{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_full_disk_is_told_and_changes_nothing() {
    let db = passgate_kit::testing::TestDatabase::new(passgate_kit::store::Dialect::Sqlite);
    let store = open(&db).await;
    crate::support::tamper(&store, "PRAGMA max_page_count = 1").await; // SQLite takes its present size

    let error = create(&store, "x".repeat(200_000)).await.expect_err("full");

    assert!(matches!(error, StoreError::NotWritable(_)), "{error:?}");
    assert_eq!(error.told_as(), (Code::Unavailable, Reason::NotNow));
    assert!(things(&store).await.is_empty());
    assert_eq!(feed_head(&store).await.number.0, 0);
}
