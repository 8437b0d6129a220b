//! The tables that every service's database has: the feed, its head, the repeats of creates, the key of page tokens.
//!
//! [`migrations`] come first in each service's own list.

use sea_orm::{ConnectionTrait as _, DbErr, DeriveIden};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::sea_query::{ColumnDef, Index, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// The first migrations of every service.
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(SharedTables)]
}

/// Makes the tables that all services have. Released: never edited.
struct SharedTables;

impl MigrationName for SharedTables {
    fn name(&self) -> &'static str {
        "m0001_kit_shared_tables"
    }
}

#[async_trait]
impl MigrationTrait for SharedTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(FeedHead::Table)
                    .col(ColumnDef::new(FeedHead::Id).integer().not_null().primary_key())
                    .col(ColumnDef::new(FeedHead::Feed).text().not_null())
                    .col(ColumnDef::new(FeedHead::Number).big_integer().not_null())
                    .col(ColumnDef::new(FeedHead::Hash).binary().not_null())
                    .to_owned(),
            )
            .await?;
        manager.create_table(feed_table()).await?;
        manager
            .create_index(
                Index::create().name("feed_subject").table(Feed::Table).col(Feed::Subject).col(Feed::Number).to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(FeedWitness::Table)
                    .col(ColumnDef::new(FeedWitness::Id).integer().not_null().primary_key())
                    .col(ColumnDef::new(FeedWitness::Beat).big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager.create_table(request_table()).await?;
        manager
            .create_index(
                Index::create().name("request_id_time").table(RequestId::Table).col(RequestId::TimeUs).to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(PageKey::Table)
                    .col(ColumnDef::new(PageKey::Id).integer().not_null().primary_key())
                    .col(ColumnDef::new(PageKey::Key).binary().not_null())
                    .to_owned(),
            )
            .await?;
        manager.get_connection().execute_unprepared("INSERT INTO feed_witness (id, beat) VALUES (1, 0)").await?;
        Ok(())
    }
}

fn feed_table() -> sea_orm_migration::sea_query::TableCreateStatement {
    Table::create()
        .table(Feed::Table)
        .col(ColumnDef::new(Feed::Number).big_integer().not_null().primary_key())
        .col(ColumnDef::new(Feed::Identity).text().not_null())
        .col(ColumnDef::new(Feed::TimeUs).big_integer().not_null())
        .col(ColumnDef::new(Feed::Kind).text().not_null())
        .col(ColumnDef::new(Feed::Subject).text().not_null())
        .col(ColumnDef::new(Feed::Actor).text().not_null())
        .col(ColumnDef::new(Feed::ActorToken).text())
        .col(ColumnDef::new(Feed::Via).text().not_null())
        .col(ColumnDef::new(Feed::Peer).text())
        .col(ColumnDef::new(Feed::Before).text())
        .col(ColumnDef::new(Feed::After).text())
        .col(ColumnDef::new(Feed::Touches).text().not_null())
        .col(ColumnDef::new(Feed::Cause).text())
        .col(ColumnDef::new(Feed::Hash).binary().not_null())
        .to_owned()
}

fn request_table() -> sea_orm_migration::sea_query::TableCreateStatement {
    Table::create()
        .table(RequestId::Table)
        .col(ColumnDef::new(RequestId::Principal).text().not_null())
        .col(ColumnDef::new(RequestId::Method).text().not_null())
        .col(ColumnDef::new(RequestId::GivenId).text().not_null())
        .col(ColumnDef::new(RequestId::BodyDigest).binary().not_null())
        .col(ColumnDef::new(RequestId::Resource).text().not_null())
        .col(ColumnDef::new(RequestId::TokenId).text())
        .col(ColumnDef::new(RequestId::TimeUs).big_integer().not_null())
        .primary_key(Index::create().col(RequestId::Principal).col(RequestId::Method).col(RequestId::GivenId))
        .to_owned()
}

#[derive(DeriveIden)]
enum FeedHead {
    Table,
    Id,
    Feed,
    Number,
    Hash,
}

#[derive(DeriveIden)]
enum Feed {
    Table,
    Number,
    #[sea_orm(iden = "feed")]
    Identity,
    TimeUs,
    Kind,
    Subject,
    Actor,
    ActorToken,
    Via,
    Peer,
    Before,
    After,
    Touches,
    Cause,
    Hash,
}

#[derive(DeriveIden)]
enum FeedWitness {
    Table,
    Id,
    Beat,
}

#[derive(DeriveIden)]
enum RequestId {
    Table,
    Principal,
    Method,
    #[sea_orm(iden = "request_id")]
    GivenId,
    BodyDigest,
    Resource,
    TokenId,
    TimeUs,
}

#[derive(DeriveIden)]
enum PageKey {
    Table,
    Id,
    Key,
}
