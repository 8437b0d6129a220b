//! The deciders that each replica sees.

use passgate_kit::client::{ChangeNumber, FeedId, Position};
use passgate_kit::store::StoreError;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::columns::{damaged, from_column, from_micros, from_optional_micros, to_column, to_micros};
use super::entity::decider::{Column, Entity, Model};

/// SQLite takes 32,766 values in a statement; a row has twelve.
const ROWS_PER_INSERT: usize = 2_000;

/// Which decider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeciderKey {
    /// Whose credential it uses: `services/{instance}`, `users/{id}` or `api-users/{id}`.
    pub principal: String,
    /// Its own id. Together, since nobody can speak for another's decider.
    pub id: Uuid,
}

/// A decider as one replica sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenDecider {
    /// Which.
    pub key: DeciderKey,
    /// Which run of which replica sees it.
    pub replica: Uuid,
    /// What it calls itself.
    pub name: String,
    /// The last position that it acknowledged.
    pub applied: Option<Position>,
    /// How many streams it has there.
    pub streams: u32,
    /// Counts up with each write of the replica.
    pub beat: u64,
    /// When the nonce arrived that it was given its last lease for, by that replica's clock.
    pub leased: Option<OffsetDateTime>,
    /// When it was last heard from there, by that replica's clock.
    pub heard: OffsetDateTime,
    /// When it began to watch there.
    pub watching_since: OffsetDateTime,
}

/// Writes what a replica sees, in one statement for each two thousand deciders.
pub async fn put(db: &impl ConnectionTrait, seen: &[SeenDecider]) -> Result<(), StoreError> {
    let newest_wins = OnConflict::columns([Column::Principal, Column::Id, Column::Replica])
        .update_columns([
            Column::Name,
            Column::Feed,
            Column::Number,
            Column::Hash,
            Column::Streams,
            Column::Beat,
            Column::LeaseTime,
            Column::HeardTime,
        ])
        .to_owned();
    for chunk in seen.chunks(ROWS_PER_INSERT) {
        let rows = chunk.iter().map(|seen| Model::from(seen).into_active_model());
        Entity::insert_many(rows).on_conflict(newest_wins.clone()).exec_without_returning(db).await?;
    }
    Ok(())
}

/// All that replicas other than `replica` see.
pub async fn of_others(db: &impl ConnectionTrait, replica: Uuid) -> Result<Vec<SeenDecider>, StoreError> {
    let rows = Entity::find().filter(Column::Replica.ne(replica)).all(db).await?;
    rows.into_iter().map(SeenDecider::try_from).collect()
}

/// Takes rows of `replica` out.
pub async fn remove(db: &impl ConnectionTrait, replica: Uuid, gone: &[DeciderKey]) -> Result<(), StoreError> {
    for key in gone {
        Entity::delete_by_id((key.principal.clone(), key.id, replica)).exec(db).await?;
    }
    Ok(())
}

/// Takes another replica's row out, unless it was written again meanwhile.
pub async fn remove_abandoned(db: &impl ConnectionTrait, row: &SeenDecider) -> Result<(), StoreError> {
    Entity::delete_by_id((row.key.principal.clone(), row.key.id, row.replica))
        .filter(Column::Beat.eq(to_column(row.beat)))
        .exec(db)
        .await?;
    Ok(())
}

impl From<&SeenDecider> for Model {
    fn from(seen: &SeenDecider) -> Self {
        Self {
            principal: seen.key.principal.clone(),
            id: seen.key.id,
            replica: seen.replica,
            name: seen.name.clone(),
            feed: seen.applied.map(|position| position.feed.0),
            number: seen.applied.map(|position| to_column(position.number.0)),
            hash: seen.applied.map(|position| position.hash.to_vec()),
            streams: i32::try_from(seen.streams).unwrap_or(i32::MAX),
            beat: to_column(seen.beat),
            lease_time: seen.leased.map(to_micros),
            heard_time: to_micros(seen.heard),
            watch_time: to_micros(seen.watching_since),
        }
    }
}

impl TryFrom<Model> for SeenDecider {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let name = format!("the decider {}", row.id);
        let applied = match (row.feed, row.number, row.hash) {
            (Some(feed), Some(number), Some(hash)) => {
                let hash = hash.as_slice().try_into().map_err(|rule| damaged(&name, rule))?;
                Some(Position { feed: FeedId(feed), number: ChangeNumber(from_column(number)), hash })
            }
            _ => None,
        };
        Ok(Self {
            key: DeciderKey { principal: row.principal, id: row.id },
            replica: row.replica,
            name: row.name,
            applied,
            streams: u32::try_from(row.streams).unwrap_or(0),
            beat: from_column(row.beat),
            leased: from_optional_micros(&name, row.lease_time)?,
            heard: from_micros(&name, row.heard_time)?,
            watching_since: from_micros(&name, row.watch_time)?,
        })
    }
}
