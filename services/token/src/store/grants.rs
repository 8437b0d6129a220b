//! Who holds which patterns.

use std::collections::HashMap;

use passgate_kit::client::{Pattern, Patterns};
use passgate_kit::store::StoreError;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};

use super::columns::damaged;
use super::entity::grants::{Column, Entity, Model};

/// SQLite takes 32,766 values in a statement; a row has three.
const ROWS_PER_INSERT: usize = 5_000;

/// What each of these holds.
pub async fn of(db: &impl ConnectionTrait, holders: &[String]) -> Result<HashMap<String, Patterns>, StoreError> {
    let rows = Entity::find().filter(Column::Holder.is_in(holders)).all(db).await?;
    let mut held: HashMap<String, Vec<Pattern>> = HashMap::new();
    for row in rows {
        let pattern = parse(&row)?;
        held.entry(row.holder).or_default().push(pattern);
    }
    Ok(held.into_iter().map(|(holder, patterns)| (holder, patterns.into_iter().collect())).collect())
}

/// Who holds a pattern with one of these stems, and the pattern.
pub async fn holders_of_stems(
    db: &impl ConnectionTrait,
    stems: &[String],
) -> Result<Vec<(String, Pattern)>, StoreError> {
    let rows = Entity::find().filter(Column::Stem.is_in(stems)).all(db).await?;
    rows.into_iter().map(|row| parse(&row).map(|pattern| (row.holder, pattern))).collect()
}

/// Who holds a pattern whose stem begins with `stem`, and the pattern; perhaps others too, since some databases read a `_` as
/// any character, and some letters without their case.
pub async fn holders_of_longer_stems(
    db: &impl ConnectionTrait,
    stem: &str,
) -> Result<Vec<(String, Pattern)>, StoreError> {
    let rows = Entity::find().filter(Column::Stem.starts_with(stem)).all(db).await?;
    rows.into_iter().map(|row| parse(&row).map(|pattern| (row.holder, pattern))).collect()
}

/// Puts `patterns` in the place of what `holder` holds.
pub async fn replace(db: &impl ConnectionTrait, holder: &str, patterns: &Patterns) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::Holder.eq(holder)).exec(db).await?;
    insert(db, patterns.iter().map(|pattern| row(holder, pattern)).collect()).await
}

/// Adds many at once.
pub async fn insert(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<(), StoreError> {
    let rows: Vec<_> = rows.into_iter().map(Model::into_active_model).collect();
    for chunk in rows.chunks(ROWS_PER_INSERT) {
        Entity::insert_many(chunk.to_vec()).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Forgets everything.
pub async fn clear(db: &impl ConnectionTrait) -> Result<(), StoreError> {
    Entity::delete_many().exec(db).await?;
    Ok(())
}

/// The row of a grant.
pub fn row(holder: &str, pattern: &Pattern) -> Model {
    Model { holder: holder.to_owned(), pattern: pattern.to_string(), stem: pattern.stem().to_owned() }
}

fn parse(row: &Model) -> Result<Pattern, StoreError> {
    Pattern::parse(&row.pattern).map_err(|rule| damaged(format!("the grant of {}", row.holder), rule))
}
