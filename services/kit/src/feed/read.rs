//! Reads a feed on from a position.
//!
//! Rows, head and the hash at the reader's own position come from **one SELECT**. On both databases a statement sees one
//! snapshot (PostgreSQL: also in READ COMMITTED; SQLite: its own read transaction), so the rows are exactly what lies
//! between the position and that head, and a head that was seen with too few rows cannot be.

use passgate_client::{ChangeNumber, Position};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult as _, QueryResult, Statement};

use super::hash::{chain, genesis};
use super::row::{self, FeedRow, Model};
use crate::store::StoreError;

/// What to do when a feed went back.
pub const BREAK_CURE: &str = "run `passgate feed adopt` on this database";

/// What follows a position.
#[derive(Clone, Debug)]
pub struct Page {
    /// The rows after the position, oldest first, without holes.
    pub rows: Vec<FeedRow>,
    /// The newest row that there was, in the same snapshot.
    pub head: Position,
}

impl Page {
    /// Whether the rows go up to the head.
    #[must_use]
    pub fn reaches_head(&self, after: &Position) -> bool {
        self.rows.last().map_or(after.number, FeedRow::number) >= self.head.number
    }
}

/// Why a feed cannot be read on from a position: it is not the feed that was read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// It is another feed.
    #[error("the feed is {}, not {} as before", .head.feed, .after.feed)]
    OtherFeed {
        /// Where the reader stood.
        after: Position,
        /// The head that is there.
        head: Position,
    },
    /// It ends below, or has another change there.
    #[error("the feed went back: it had change {} and now ends at {} or has another one there", .after.number, .head.number)]
    WentBack {
        /// Where the reader stood.
        after: Position,
        /// The head that is there.
        head: Position,
    },
    /// A row is missing, or its hash is not that of its contents.
    #[error("change {number} of the feed is missing or was edited")]
    Edited {
        /// The row's number.
        number: u64,
    },
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The feed is not the one that was read before.
    #[error("{0}: {BREAK_CURE}")]
    Break(#[from] Break),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sea_orm::DbErr> for ReadError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

const AFTER: &str = "\
    SELECT head.feed AS head_feed, head.number AS head_number, head.hash AS head_hash, \
           (SELECT hash FROM feed WHERE number = $1) AS seen_hash, \
           feed.* \
    FROM feed_head AS head LEFT JOIN feed ON feed.number > $1 AND feed.number <= $2 \
    WHERE head.id = 1 ORDER BY feed.number";

/// The position of the newest change.
///
/// # Errors
/// If the database does not answer.
pub async fn head(conn: &impl ConnectionTrait) -> Result<Position, StoreError> {
    let sql = "SELECT feed AS head_feed, number AS head_number, hash AS head_hash FROM feed_head WHERE id = 1";
    let row = conn.query_one_raw(Statement::from_string(conn.get_database_backend(), sql)).await?;
    head_of(row.as_ref())
}

/// The position of change `number`; `None` if the feed does not have it.
///
/// # Errors
/// If the database does not answer.
pub async fn position_at(conn: &impl ConnectionTrait, number: ChangeNumber) -> Result<Option<Position>, StoreError> {
    let head = head(conn).await?;
    if number.0 == 0 {
        return Ok(Some(Position { number, hash: genesis(head.feed), ..head }));
    }
    let wanted = i64::try_from(number.0).map_err(StoreError::unreadable)?;
    let sql = "SELECT hash FROM feed WHERE number = $1";
    let row =
        conn.query_one_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, [wanted.into()])).await?;
    let Some(row) = row.filter(|_| number <= head.number) else { return Ok(None) };
    let hash: Vec<u8> = row.try_get("", "hash")?;
    row::position(&head.feed.to_string(), wanted, &hash).map(Some)
}

/// The newest row about `subject` among those up to `number`.
///
/// # Errors
/// If the database does not answer.
pub async fn newest_of(
    conn: &impl ConnectionTrait,
    subject: &str,
    number: ChangeNumber,
) -> Result<Option<FeedRow>, StoreError> {
    let number = i64::try_from(number.0).map_err(StoreError::unreadable)?;
    let found = row::Entity::find()
        .filter(row::Column::Subject.eq(subject))
        .filter(row::Column::Number.lte(number))
        .order_by_desc(row::Column::Number)
        .one(conn)
        .await?;
    found.map(FeedRow::try_from).transpose()
}

/// Reads at most `limit` rows after `after`, and the head, in one snapshot.
///
/// # Errors
/// If the feed is not the one that `after` is of, a row was edited, or the database does not answer.
pub async fn read_after(conn: &impl ConnectionTrait, after: &Position, limit: u32) -> Result<Page, ReadError> {
    let from = i64::try_from(after.number.0).map_err(StoreError::unreadable)?;
    let to = from.saturating_add(i64::from(limit));
    let found = conn.query_all_raw(statement(conn.get_database_backend(), from, to)).await?;

    let head = head_of(found.first())?;
    refuse_break(after, head, found.first())?;

    let mut before = after.hash;
    let mut rows = Vec::with_capacity(found.len());
    let last = head.number.0.min(to.unsigned_abs());
    for (number, found) in
        (after.number.0.saturating_add(1)..=last).zip(found.iter().map(Some).chain(std::iter::repeat(None)))
    {
        let edited = Break::Edited { number };
        let row = Model::from_query_result(found.ok_or(edited)?, "").map_err(|_| edited)?;
        let hash = chain(&before, &row);
        if hash.as_slice() != row.hash || row.number.unsigned_abs() != number {
            return Err(edited.into());
        }
        before = hash;
        rows.push(FeedRow::try_from(row)?);
    }
    if last == head.number.0 && before != head.hash {
        return Err(Break::Edited { number: last }.into());
    }
    Ok(Page { rows, head })
}

fn statement(backend: DbBackend, from: i64, to: i64) -> Statement {
    Statement::from_sql_and_values(backend, AFTER, [from.into(), to.into()])
}

fn head_of(row: Option<&QueryResult>) -> Result<Position, StoreError> {
    let row = row.ok_or_else(|| StoreError::unreadable("feed_head has no row: run `passgate migrate`"))?;
    let feed: String = row.try_get("", "head_feed")?;
    let number: i64 = row.try_get("", "head_number")?;
    let hash: Vec<u8> = row.try_get("", "head_hash")?;
    row::position(&feed, number, &hash)
}

/// Refuses to read on if the reader's own position is not in this feed (rule 8 of the protocol).
fn refuse_break(after: &Position, head: Position, row: Option<&QueryResult>) -> Result<(), ReadError> {
    if after.feed != head.feed {
        return Err(Break::OtherFeed { after: *after, head }.into());
    }
    let seen: Option<Vec<u8>> = match row {
        Some(row) => row.try_get("", "seen_hash")?,
        None => None,
    };
    let same =
        if after.number.0 == 0 { after.hash == genesis(head.feed) } else { seen.as_deref() == Some(&after.hash) };
    if !same || head.number < after.number {
        return Err(Break::WentBack { after: *after, head }.into());
    }
    Ok(())
}
