//! Failed sign-ins, counted where every replica sees them. They are no change of a principal, so the feed has none of them.

use passgate_kit::store::{StoreError, Tx};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::entity::failure;

/// Most rows that one transaction takes away.
const BATCH: u64 = 500;

/// One failure more; it is the first if the last one was at `forgotten` or before.
const COUNT: &str = "\
    INSERT INTO sign_in_failure (subject, failures, last_us) VALUES ($1, 1, $2) \
    ON CONFLICT (subject) DO UPDATE SET last_us = $2, failures = \
        CASE WHEN sign_in_failure.last_us <= $3 THEN 1 ELSE sign_in_failure.failures + 1 END";

/// What is counted for these subjects.
pub async fn of(conn: &impl ConnectionTrait, subjects: [String; 2]) -> Result<Vec<failure::Model>, StoreError> {
    Ok(failure::Entity::find().filter(failure::Column::Subject.is_in(subjects)).all(conn).await?)
}

/// Counts a failure for each subject. Whoever writes several rows does so in their order, so that no two wait for each other.
pub async fn count(tx: &Tx, mut subjects: [String; 2], now: i64, forgotten: i64) -> Result<(), StoreError> {
    subjects.sort();
    for subject in subjects {
        let statement = tx.dialect().statement(COUNT, [subject.into(), now.into(), forgotten.into()]);
        tx.connection().execute_raw(statement).await?;
    }
    Ok(())
}

/// Forgets the failures of a subject.
pub async fn forget(conn: &impl ConnectionTrait, subject: &str) -> Result<(), StoreError> {
    failure::Entity::delete_by_id(subject).exec(conn).await?;
    Ok(())
}

/// The first subjects, in their order, whose last failure is not after `until`.
pub async fn expired(conn: &impl ConnectionTrait, until: i64) -> Result<Vec<String>, StoreError> {
    let found = failure::Entity::find().filter(failure::Column::LastUs.lte(until));
    let rows = found.order_by_asc(failure::Column::Subject).limit(BATCH).all(conn).await?;
    Ok(rows.into_iter().map(|row| row.subject).collect())
}

/// When the `kept`th newest failure was; `None` if there are not that many.
pub async fn time_of_newest(conn: &impl ConnectionTrait, kept: u64) -> Result<Option<i64>, StoreError> {
    let newest = failure::Entity::find().order_by_desc(failure::Column::LastUs).offset(kept).limit(1);
    Ok(newest.one(conn).await?.map(|row| row.last_us))
}

/// Takes away these subjects, unless they have failed again since.
pub async fn remove(conn: &impl ConnectionTrait, subjects: Vec<String>, until: i64) -> Result<(), StoreError> {
    for subject in subjects {
        let one = failure::Entity::delete_by_id(subject).filter(failure::Column::LastUs.lte(until));
        one.exec(conn).await?;
    }
    Ok(())
}
