//! The database, behind the service's back.

use passgate_kit::store::{Store, StoreError};
use passgate_kit::testing::TestDatabase;
use sea_orm::{ConnectionTrait as _, Statement};

use super::Harness;

impl Harness {
    /// Runs a statement on the database, behind the service's back.
    pub async fn execute(&self, sql: &'static str, values: [sea_orm::Value; 2]) {
        let store = Store::open(self.database.config(), "identity", &self.ambient).await.expect("the database opens");
        let written = store.write(move |tx| {
            Box::pin(async move {
                let statement = tx.dialect().statement(sql, values);
                Ok::<_, StoreError>(tx.connection().execute_raw(statement).await?.rows_affected())
            })
        });
        assert!(written.await.expect("written").value > 0, "{sql}");
        store.close().await;
    }

    /// The first column of what a query finds, as text.
    pub async fn query(&self, sql: &'static str) -> Vec<String> {
        self.query_of(&self.database, sql).await
    }

    /// The same of another database.
    pub async fn query_of(&self, database: &TestDatabase, sql: &'static str) -> Vec<String> {
        let store = Store::open(database.config(), "identity", &self.ambient).await.expect("the database opens");
        let found = store.read(move |conn| {
            Box::pin(async move {
                let statement = Statement::from_string(conn.get_database_backend(), sql);
                Ok::<_, StoreError>(conn.query_all_raw(statement).await?)
            })
        });
        let rows = found.await.expect("read");
        store.close().await;
        rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
    }
}
