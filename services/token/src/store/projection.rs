//! The copy of what the identity service knows, and how far it goes.

use passgate_kit::client::{ChangeNumber, FeedId, GroupId, Patterns, Position, Principal, TokenId};
use passgate_kit::store::StoreError;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::columns::{damaged, from_column, to_column};
use super::entity::{membership, principal, principal_group, projection};
use super::grants;
use crate::projection::{GroupRecord, PrincipalRecord};

const THE_ROW: i16 = 1;
/// SQLite takes 32,766 values in a statement; the widest row has six.
const ROWS_PER_INSERT: usize = 5_000;

/// How far it goes; `None` before the first snapshot.
pub async fn position(db: &impl ConnectionTrait) -> Result<Option<Position>, StoreError> {
    projection::Entity::find_by_id(THE_ROW).one(db).await?.map(read_position).transpose()
}

/// As [`position`], and no other replica moves it before this transaction ends.
pub async fn position_locked(db: &impl ConnectionTrait) -> Result<Option<Position>, StoreError> {
    projection::Entity::find_by_id(THE_ROW).lock_exclusive().one(db).await?.map(read_position).transpose()
}

fn read_position(row: projection::Model) -> Result<Position, StoreError> {
    let hash = row.hash.as_slice().try_into().map_err(|rule| damaged("the projection", rule))?;
    Ok(Position { feed: FeedId(row.feed), number: ChangeNumber(from_column(row.number)), hash })
}

/// Moves it from `from` to `to`. False if it does not stand at `from` (any more): another replica was faster.
pub async fn advance(db: &impl ConnectionTrait, from: Option<Position>, to: &Position) -> Result<bool, StoreError> {
    let row =
        projection::Model { id: THE_ROW, feed: to.feed.0, number: to_column(to.number.0), hash: to.hash.to_vec() };
    if from.is_none() {
        let first_wins = OnConflict::column(projection::Column::Id).do_nothing().to_owned();
        let inserted = projection::Entity::insert(row.into_active_model()).on_conflict(first_wins);
        return Ok(inserted.exec_without_returning(db).await? > 0);
    }
    if position_locked(db).await? != from {
        return Ok(false);
    }
    row.into_active_model().reset_all().update(db).await?;
    Ok(true)
}

/// Keeps another replica's sessions and limits of this owner away until this transaction ends. Does nothing for an owner
/// that the projection does not have yet.
pub async fn lock_principal(db: &impl ConnectionTrait, name: Principal) -> Result<(), StoreError> {
    principal::Entity::find_by_id(name.to_string()).lock_exclusive().one(db).await?;
    Ok(())
}

/// A principal.
pub async fn principal(db: &impl ConnectionTrait, name: Principal) -> Result<Option<PrincipalRecord>, StoreError> {
    let holder = name.to_string();
    let Some(row) = principal::Entity::find_by_id(holder.as_str()).one(db).await? else { return Ok(None) };
    let groups = membership::Entity::find()
        .filter(membership::Column::Principal.eq(holder.as_str()))
        .order_by_asc(membership::Column::GroupId)
        .all(db)
        .await?;
    let grants = grants::of(db, std::slice::from_ref(&holder)).await?.remove(&holder).unwrap_or_default();
    Ok(Some(PrincipalRecord {
        principal: name,
        display_name: row.display_name,
        enabled: row.enabled,
        deleted: row.deleted,
        grants,
        groups: groups.into_iter().map(|row| GroupId::new(row.group_id)).collect(),
        session_epoch: from_column(row.session_epoch),
        kept_session: row.kept_session.map(TokenId::new),
    }))
}

/// Those of these groups that there are.
pub async fn groups(db: &impl ConnectionTrait, ids: &[GroupId]) -> Result<Vec<GroupRecord>, StoreError> {
    let rows = principal_group::Entity::find()
        .filter(principal_group::Column::Id.is_in(ids.iter().map(|id| id.as_uuid())))
        .all(db)
        .await?;
    let holders: Vec<String> = ids.iter().map(|id| id.resource_name()).collect();
    let mut held = grants::of(db, &holders).await?;
    let group = |row: principal_group::Model| {
        let id = GroupId::new(row.id);
        let grants = held.remove(&id.resource_name()).unwrap_or_else(Patterns::default);
        GroupRecord { id, name: row.name, deleted: false, grants }
    };
    Ok(rows.into_iter().map(group).collect())
}

/// At most `limit` principals after `after`, in the order of their names, that are among `holders` or in a group that is.
pub async fn principals_holding(
    db: &impl ConnectionTrait,
    holders: &[String],
    after: &str,
    limit: u64,
) -> Result<Vec<Principal>, StoreError> {
    let groups: Vec<_> =
        holders.iter().filter_map(|name| GroupId::parse_resource_name(name).ok()).map(GroupId::as_uuid).collect();
    let members = Query::select()
        .column(membership::Column::Principal)
        .from(membership::Entity)
        .and_where(membership::Column::GroupId.is_in(groups))
        .to_owned();
    let holds =
        Condition::any().add(principal::Column::Name.is_in(holders)).add(principal::Column::Name.in_subquery(members));
    let rows = principal::Entity::find()
        .filter(principal::Column::Deleted.eq(false))
        .filter(principal::Column::Name.gt(after))
        .filter(holds)
        .order_by_asc(principal::Column::Name)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(|row| Principal::parse(&row.name).map_err(|rule| damaged(&row.name, rule))).collect()
}

/// Puts a principal in the place of what is known of it.
pub async fn put_principal(db: &impl ConnectionTrait, record: &PrincipalRecord) -> Result<(), StoreError> {
    let name = record.principal.to_string();
    let newest_wins = OnConflict::column(principal::Column::Name)
        .update_columns([
            principal::Column::DisplayName,
            principal::Column::Enabled,
            principal::Column::Deleted,
            principal::Column::SessionEpoch,
            principal::Column::KeptSession,
        ])
        .to_owned();
    let row = principal_row(record).into_active_model();
    principal::Entity::insert(row).on_conflict(newest_wins).exec_without_returning(db).await?;
    membership::Entity::delete_many().filter(membership::Column::Principal.eq(name.as_str())).exec(db).await?;
    insert_memberships(db, membership_rows(record).collect()).await?;
    grants::replace(db, &name, &record.grants).await
}

/// Puts a group in the place of what is known of it, or removes it.
pub async fn put_group(db: &impl ConnectionTrait, record: &GroupRecord) -> Result<(), StoreError> {
    let holder = record.id.resource_name();
    if record.deleted {
        principal_group::Entity::delete_by_id(record.id.as_uuid()).exec(db).await?;
        membership::Entity::delete_many().filter(membership::Column::GroupId.eq(record.id.as_uuid())).exec(db).await?;
        return grants::replace(db, &holder, &Patterns::default()).await;
    }
    let row = principal_group::Model { id: record.id.as_uuid(), name: record.name.clone() }.into_active_model();
    let newest_wins =
        OnConflict::column(principal_group::Column::Id).update_column(principal_group::Column::Name).to_owned();
    principal_group::Entity::insert(row).on_conflict(newest_wins).exec_without_returning(db).await?;
    grants::replace(db, &holder, &record.grants).await
}

/// Puts a whole snapshot in the place of everything.
pub async fn put_snapshot(
    db: &impl ConnectionTrait,
    principals: &[PrincipalRecord],
    groups: &[GroupRecord],
) -> Result<(), StoreError> {
    grants::clear(db).await?;
    membership::Entity::delete_many().exec(db).await?;
    principal_group::Entity::delete_many().exec(db).await?;
    principal::Entity::delete_many().exec(db).await?;
    let live = || groups.iter().filter(|group| !group.deleted);
    let rows: Vec<_> = principals.iter().map(|record| principal_row(record).into_active_model()).collect();
    for chunk in rows.chunks(ROWS_PER_INSERT) {
        principal::Entity::insert_many(chunk.to_vec()).exec_without_returning(db).await?;
    }
    let rows: Vec<_> = live()
        .map(|record| principal_group::Model { id: record.id.as_uuid(), name: record.name.clone() }.into_active_model())
        .collect();
    for chunk in rows.chunks(ROWS_PER_INSERT) {
        principal_group::Entity::insert_many(chunk.to_vec()).exec_without_returning(db).await?;
    }
    insert_memberships(db, principals.iter().flat_map(membership_rows).collect()).await?;
    let own = principals.iter().map(|record| (record.principal.to_string(), &record.grants));
    let held = own.chain(live().map(|record| (record.id.resource_name(), &record.grants)));
    let mut rows = Vec::new();
    for (holder, patterns) in held {
        rows.extend(patterns.iter().map(|pattern| grants::row(&holder, pattern)));
    }
    grants::insert(db, rows).await
}

fn principal_row(record: &PrincipalRecord) -> principal::Model {
    principal::Model {
        name: record.principal.to_string(),
        display_name: record.display_name.clone(),
        enabled: record.enabled,
        deleted: record.deleted,
        session_epoch: to_column(record.session_epoch),
        kept_session: record.kept_session.map(TokenId::as_uuid),
    }
}

fn membership_rows(record: &PrincipalRecord) -> impl Iterator<Item = membership::Model> {
    let principal = record.principal.to_string();
    record.groups.iter().map(move |id| membership::Model { principal: principal.clone(), group_id: id.as_uuid() })
}

async fn insert_memberships(db: &impl ConnectionTrait, rows: Vec<membership::Model>) -> Result<(), StoreError> {
    let rows: Vec<_> = rows.into_iter().map(membership::Model::into_active_model).collect();
    for chunk in rows.chunks(ROWS_PER_INSERT) {
        membership::Entity::insert_many(chunk.to_vec()).exec_without_returning(db).await?;
    }
    Ok(())
}
