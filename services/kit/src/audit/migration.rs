//! The audit's part of every service's schema: the table of occurrences, and the feed's indexes for reading it as an audit.

use sea_orm::{ConnectionTrait as _, DatabaseBackend, DbErr, DeriveIden};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::sea_query::{ColumnDef, Index, IntoIden, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// The step that makes them: one of each service's own list.
#[must_use]
pub fn migration() -> Box<dyn MigrationTrait> {
    Box::new(AuditTables)
}

/// Released: never edited.
struct AuditTables;

impl MigrationName for AuditTables {
    fn name(&self) -> &'static str {
        "m0002_kit_audit"
    }
}

#[async_trait]
impl MigrationTrait for AuditTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            // By bytes, as SQLite compares: only then are "all that begin with `token.`" neighbours.
            let by_bytes = "ALTER TABLE feed ALTER COLUMN kind TYPE text COLLATE \"C\", \
                            ALTER COLUMN subject TYPE text COLLATE \"C\", ALTER COLUMN actor TYPE text COLLATE \"C\"";
            manager.get_connection().execute_unprepared(by_bytes).await?;
        }
        let (time, number) = (Feed::TimeUs, Feed::Number);
        let index = |name: &str| Index::create().name(name).table(Feed::Table).to_owned();
        manager.create_index(index("feed_time").col(time).col(number).take()).await?;
        for (name, column) in [
            ("feed_kind_time", Feed::Kind),
            ("feed_subject_time", Feed::Subject),
            ("feed_actor_time", Feed::Actor),
            ("feed_actor_token_time", Feed::ActorToken),
        ] {
            manager.create_index(index(name).col(column).col(Feed::TimeUs).col(Feed::Number).take()).await?;
        }
        occurrences(manager).await
    }
}

async fn occurrences(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    let table = Table::create()
        .table(Occurrence::Table)
        .col(text(Occurrence::Kind, backend))
        .col(text(Occurrence::Subject, backend))
        .col(text(Occurrence::Reason, backend))
        .col(number(Occurrence::Minute))
        .col(text(Occurrence::Id, backend))
        .col(text(Occurrence::Actor, backend))
        .col(ColumnDef::new(Occurrence::ActorToken).text())
        .col(text(Occurrence::Via, backend))
        .col(ColumnDef::new(Occurrence::Peer).text())
        .col(ColumnDef::new(Occurrence::Resource).text())
        .col(number(Occurrence::TimeUs))
        .col(number(Occurrence::LastUs))
        .col(number(Occurrence::Count))
        .primary_key(
            Index::create()
                .col(Occurrence::Kind)
                .col(Occurrence::Subject)
                .col(Occurrence::Reason)
                .col(Occurrence::Minute),
        )
        .to_owned();
    manager.create_table(table).await?;
    let index = |name: &str| Index::create().name(name).table(Occurrence::Table).to_owned();
    manager.create_index(index("occurrence_time").col(Occurrence::TimeUs).col(Occurrence::Id).take()).await?;
    let of_subject = index("occurrence_subject").col(Occurrence::Subject).col(Occurrence::TimeUs).take();
    manager.create_index(of_subject).await
}

/// A text, ordered by bytes on every database, whatever its locale.
fn text(column: impl IntoIden, backend: DatabaseBackend) -> ColumnDef {
    let mut column = ColumnDef::new(column).text().not_null().to_owned();
    if backend == DatabaseBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

/// A count, minutes since 1970, or microseconds since then.
fn number(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).big_integer().not_null().to_owned()
}

#[derive(DeriveIden)]
enum Feed {
    Table,
    Number,
    TimeUs,
    Kind,
    Subject,
    Actor,
    ActorToken,
}

#[derive(DeriveIden)]
enum Occurrence {
    Table,
    Kind,
    Subject,
    Reason,
    Minute,
    Id,
    Actor,
    ActorToken,
    Via,
    Peer,
    Resource,
    TimeUs,
    LastUs,
    Count,
}
