//! Who watches the feed to keep decisions, and whether the feed is doubted. Released: never edited.

use sea_orm_migration::prelude::*;

/// Makes `decider` and `feed_doubt`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Decider::Table)
                    .col(ColumnDef::new(Decider::Principal).text().not_null())
                    .col(ColumnDef::new(Decider::Id).uuid().not_null())
                    .col(ColumnDef::new(Decider::Replica).uuid().not_null())
                    .col(ColumnDef::new(Decider::Name).text().not_null())
                    .col(ColumnDef::new(Decider::Feed).uuid())
                    .col(ColumnDef::new(Decider::Number).big_integer())
                    .col(ColumnDef::new(Decider::Hash).binary())
                    .col(ColumnDef::new(Decider::Streams).integer().not_null())
                    .col(ColumnDef::new(Decider::Beat).big_integer().not_null())
                    .col(ColumnDef::new(Decider::LeaseTime).big_integer())
                    .col(ColumnDef::new(Decider::HeardTime).big_integer().not_null())
                    .col(ColumnDef::new(Decider::WatchTime).big_integer().not_null())
                    .primary_key(Index::create().col(Decider::Principal).col(Decider::Id).col(Decider::Replica))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(FeedDoubt::Table)
                    .col(ColumnDef::new(FeedDoubt::Feed).uuid().not_null().primary_key())
                    .col(ColumnDef::new(FeedDoubt::Number).big_integer().not_null())
                    .col(ColumnDef::new(FeedDoubt::ToldBy).text().not_null())
                    .col(ColumnDef::new(FeedDoubt::Time).big_integer().not_null())
                    .to_owned(),
            )
            .await
    }
}

#[derive(DeriveIden)]
enum Decider {
    Table,
    Principal,
    Id,
    Replica,
    Name,
    Feed,
    Number,
    Hash,
    Streams,
    Beat,
    LeaseTime,
    HeardTime,
    WatchTime,
}

#[derive(DeriveIden)]
enum FeedDoubt {
    Table,
    Feed,
    Number,
    ToldBy,
    Time,
}
