//! What a page of 100,000 rows costs: the database's own plan says that it goes along an index and stops when the page is
//! full, wherever the page begins.

use passgate_kit::client::Ambient;
use passgate_kit::fields::Fields;
use passgate_kit::filter::{Listing, Schema};
use passgate_kit::store::{Store, StoreError};
use passgate_kit::testing::{DIALECTS, TestDatabase};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait, QueryFilter as _, QuerySelect as _,
    QueryTrait as _, Select, Statement,
};

use super::entity::{group, principal};
use super::{Migrator, listing};

/// `numbers(n)`: 1 to 100,000.
const NUMBERS: &str =
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000) SELECT";

const PRINCIPALS: &str = "INSERT INTO principal (principal, kind, name, name_key, unique_key, password_one_time, disabled, \
     deleted, description, labels, session_epoch, create_us, update_us, revision) \
     SELECT 'users/' || n, 'user', 'User ' || n, 'user ' || (n % 1000), 'user-' || n || '@example.org', FALSE, \
     n % 10 = 0, FALSE, '', '{\"team\":\"sales\"}', 0, n, n, 1 FROM numbers";
const GROUPS: &str = "INSERT INTO principal_group (group_name, name, unique_key, built_in, deleted, description, labels, \
     create_us, update_us, revision) \
     SELECT 'groups/' || n, 'Group ' || n, 'group ' || n, FALSE, FALSE, '', '{}', n, n, 1 FROM numbers";

async fn filled(database: &TestDatabase) -> Store {
    let store = database.open::<Migrator>("identity", &Ambient::system()).await;
    let written = store.write(|tx| {
        Box::pin(async move {
            for insert in [PRINCIPALS, GROUPS] {
                tx.connection().execute_unprepared(&insert.replacen("SELECT", NUMBERS, 1)).await?;
            }
            tx.connection().execute_unprepared("ANALYZE principal").await?;
            tx.connection().execute_unprepared("ANALYZE principal_group").await?;
            Ok::<_, StoreError>(())
        })
    });
    written.await.map(|committed| committed.value).expect("filled");
    store
}

/// How the database finds the page.
async fn plan<E: EntityTrait>(
    store: &Store,
    schema: &Schema,
    lives: Select<E>,
    [filter, order_by]: [&str; 2],
    after: Option<&str>,
) -> String {
    let backend = store.dialect().backend();
    let mut fields = Fields::default();
    let listing = Listing::parse(&mut fields, schema, filter, order_by).expect("a listing");
    let page = listing.select(lives, backend, 0, after).limit(51).build(backend);
    let explain = if backend == DbBackend::Postgres { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
    let values = page.values.unwrap_or_else(|| sea_orm::Values(Vec::new()));
    let explain = Statement::from_sql_and_values(backend, format!("{explain} {}", page.sql), values);
    let found =
        store.read(move |conn| Box::pin(async move { Ok::<_, StoreError>(conn.query_all_raw(explain).await?) }));
    let column = if backend == DbBackend::Postgres { "QUERY PLAN" } else { "detail" };
    let lines = found.await.expect("a plan");
    lines.iter().map(|row| row.try_get::<String>("", column).expect("a line")).collect::<Vec<_>>().join("\n")
}

fn goes_along(plan: &str, index: &str) {
    assert!(plan.contains(index), "not along {index}:\n{plan}");
    assert!(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "sorts everything first:\n{plan}");
    assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN"), "looks at everything:\n{plan}");
}

fn users() -> Select<principal::Entity> {
    principal::Entity::find().filter(principal::Column::Kind.eq("user")).filter(principal::Column::Deleted.eq(false))
}

fn groups() -> Select<group::Entity> {
    group::Entity::find().filter(group::Column::Deleted.eq(false))
}

#[tokio::test]
async fn every_order_of_a_list_has_an_index_from_the_first_page_to_the_last() {
    for dialect in DIALECTS {
        let database = TestDatabase::new(dialect);
        let store = filled(&database).await;

        for (order, index, middle) in [
            ("create_time desc", "principal_by_time", "users/50000 50000"),
            ("create_time", "principal_by_time", "users/50000 50000"),
            ("email", "principal_by_key", "users/50000 user-50000@example.org"),
            ("email desc", "principal_by_key", "users/50000 user-50000@example.org"),
            ("display_name", "principal_by_name", "users/50000 user 0"),
        ] {
            for after in [None, Some(middle)] {
                goes_along(&plan(&store, &listing::USERS, users(), ["", order], after).await, index);
            }
        }
        for (order, index, middle) in [
            ("create_time desc", "principal_group_by_time", "groups/50000 50000"),
            ("name", "principal_group_by_name", "groups/50000 group 50000"),
        ] {
            for after in [None, Some(middle)] {
                goes_along(&plan(&store, &listing::GROUPS, groups(), ["", order], after).await, index);
            }
        }
        let disabled =
            plan(&store, &listing::USERS, users(), ["state = DISABLED", ""], Some("users/50000 50000")).await;
        goes_along(&disabled, "principal_by_");
        let beginning = plan(&store, &listing::USERS, users(), ["email = user-77*", "email"], None).await;
        goes_along(&beginning, "principal_by_key");
    }
}
