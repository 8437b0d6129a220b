//! Rows of principals: written, listed, and read whole for a snapshot.

use std::collections::BTreeMap;

use passgate_kit::filter::Listing;
use passgate_kit::store::StoreError;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, sea_query::Expr,
};

use super::entity::{grant, group, membership, principal};
use super::{GroupFacts, PrincipalFacts};

/// Adds a row.
pub async fn insert(conn: &impl ConnectionTrait, row: &principal::Model) -> Result<(), StoreError> {
    principal::Entity::insert(row.clone().into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Writes a row as it is now.
pub async fn save(conn: &impl ConnectionTrait, row: &principal::Model) -> Result<(), StoreError> {
    row.clone().into_active_model().reset_all().update(conn).await?;
    Ok(())
}

/// Puts another hash of the same password in place of `old`, if that is still the one.
pub async fn renew_hash(conn: &impl ConnectionTrait, name: &str, old: &str, new: &str) -> Result<(), StoreError> {
    let renewed = principal::Entity::update_many()
        .col_expr(principal::Column::PasswordHash, Expr::value(new))
        .filter(principal::Column::Principal.eq(name))
        .filter(principal::Column::PasswordHash.eq(old));
    renewed.exec(conn).await?;
    Ok(())
}

/// What a list of principals is narrowed to.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// `user` or `api-user`.
    pub kind: &'static str,
    /// Only the one with this unique key.
    pub key: Option<String>,
    /// Only disabled ones, or only enabled ones.
    pub disabled: Option<bool>,
    /// What else they are narrowed to, and their order.
    pub listing: Listing,
    /// Only those after this one, which is named as [`Listing::cursor`] does it.
    pub after: Option<String>,
}

/// Live principals with their groups.
pub async fn page(
    conn: &impl ConnectionTrait,
    wanted: Wanted,
    now: i64,
    limit: u64,
) -> Result<Vec<(principal::Model, Vec<String>)>, StoreError> {
    let mut found = principal::Entity::find()
        .filter(principal::Column::Kind.eq(wanted.kind))
        .filter(principal::Column::Deleted.eq(false));
    if let Some(key) = wanted.key {
        found = found.filter(principal::Column::UniqueKey.eq(key));
    }
    if let Some(disabled) = wanted.disabled {
        found = found.filter(principal::Column::Disabled.eq(disabled));
    }
    let found = wanted.listing.select(found, conn.get_database_backend(), now, wanted.after.as_deref());
    let rows = found.limit(limit).all(conn).await?;
    let mut groups = groups_of_all(conn, &rows).await?;
    Ok(rows
        .into_iter()
        .map(|row| (groups.remove(&row.principal), row))
        .map(|(of, row)| (row, of.unwrap_or_default()))
        .collect())
}

/// The principals after `after`, deleted ones left out, as the projection needs them; ordered by name.
pub async fn principals_after(
    conn: &impl ConnectionTrait,
    after: &str,
    limit: u64,
) -> Result<Vec<PrincipalFacts>, StoreError> {
    let found = principal::Entity::find()
        .filter(principal::Column::Principal.gt(after))
        .filter(principal::Column::Deleted.eq(false));
    let rows = found.order_by_asc(principal::Column::Principal).limit(limit).all(conn).await?;
    let mut groups = groups_of_all(conn, &rows).await?;
    let mut patterns = patterns_of_all(conn, rows.iter().map(|row| row.principal.clone()).collect()).await?;
    let facts = rows.iter().map(|row| {
        let of = |map: &mut BTreeMap<String, Vec<String>>| map.remove(&row.principal).unwrap_or_default();
        PrincipalFacts::of(row, of(&mut patterns), of(&mut groups))
    });
    Ok(facts.collect())
}

/// The groups after `after`, deleted ones left out, as the projection needs them; ordered by name.
pub async fn groups_after(conn: &impl ConnectionTrait, after: &str, limit: u64) -> Result<Vec<GroupFacts>, StoreError> {
    let found =
        group::Entity::find().filter(group::Column::GroupName.gt(after)).filter(group::Column::Deleted.eq(false));
    let rows = found.order_by_asc(group::Column::GroupName).limit(limit).all(conn).await?;
    let mut patterns = patterns_of_all(conn, rows.iter().map(|row| row.group_name.clone()).collect()).await?;
    Ok(rows.iter().map(|row| GroupFacts::of(row, patterns.remove(&row.group_name).unwrap_or_default())).collect())
}

async fn groups_of_all(
    conn: &impl ConnectionTrait,
    rows: &[principal::Model],
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let names: Vec<&str> = rows.iter().map(|row| row.principal.as_str()).collect();
    let found = membership::Entity::find()
        .filter(membership::Column::Principal.is_in(names))
        .order_by_asc(membership::Column::GroupName);
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in found.all(conn).await? {
        groups.entry(row.principal).or_default().push(row.group_name);
    }
    Ok(groups)
}

async fn patterns_of_all(
    conn: &impl ConnectionTrait,
    holders: Vec<String>,
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let found = grant::Entity::find().filter(grant::Column::Holder.is_in(holders)).order_by_asc(grant::Column::Pattern);
    let mut patterns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in found.all(conn).await? {
        patterns.entry(row.holder).or_default().push(row.pattern);
    }
    Ok(patterns)
}
