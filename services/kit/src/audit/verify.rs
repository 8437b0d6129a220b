//! Checks the chain of the feed.
//!
//! Each row's hash is over the row before and everything in it, so an edit shows at the edited row, and a missing row at its
//! number. The chain has no key: whoever can write to the database can cut the newest rows off and set the head back, or
//! compute all hashes after an edit anew. Only a head that was kept elsewhere shows that, so the report gives the head, and
//! says what it could not prove.

use std::sync::Arc;

use passgate_client::{FeedId, Position};
use passgate_proto::r#type::v1 as pb;
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::{Audit, AuditError, MAX_CHECKS};
use crate::feed::{chain, genesis, head, row};
use crate::fields::Fields;
use crate::store::{Store, StoreError};

/// How many rows are read at once.
const BATCH: u64 = 500;

/// What to check.
#[derive(Clone, Copy, Debug)]
struct Asked {
    from: u64,
    to: u64,
    known: Option<Position>,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    number: u64,
    what: String,
}

impl Finding {
    fn missing(number: u64) -> Self {
        Self { number, what: format!("change {number} is missing") }
    }

    fn edited(number: u64) -> Self {
        let what = format!(
            "change {number} is not what its hash says: it was edited, or the one before it was replaced together with its hash"
        );
        Self { number, what }
    }
}

impl Audit {
    /// Checks changes `from` to `to` (0: the first, the newest), and whether the feed still has `known`.
    ///
    /// # Errors
    /// Names each field that breaks its rule; or too many checks run, or the database did not answer.
    pub async fn verify(
        &self,
        from: u64,
        to: u64,
        known: Option<&pb::Position>,
    ) -> Result<pb::ChainReport, AuditError> {
        let store = &self.parts.store;
        let head = store.read(|conn| Box::pin(async move { head(conn).await })).await?;
        let asked = parse(from, to, known, head.number.0)?;
        let one_of = Arc::clone(&self.checks).try_acquire_owned();
        let _one_of = one_of.map_err(|_| AuditError::TooMany { what: "checks of the chain", most: MAX_CHECKS })?;
        let finding = check(store, asked, head).await?;
        Ok(report(asked, head, finding))
    }
}

fn parse(from: u64, to: u64, known: Option<&pb::Position>, newest: u64) -> Result<Asked, AuditError> {
    let mut fields = Fields::default();
    for (field, number) in [("from_number", from), ("to_number", to)] {
        if number > newest {
            fields.add(field, format!("must be at most {newest}, the number of the newest change"));
        }
    }
    let (from, to) = (from.max(1), if to == 0 { newest } else { to });
    if fields.is_empty() && from > to && newest > 0 {
        fields.add("to_number", "must not be before from_number");
    }
    let known = fields.check("known", known.map(Position::try_from).transpose());
    match known {
        Some(known) if fields.is_empty() => Ok(Asked { from, to, known }),
        Some(_) | None => Err(fields.into_error().into()),
    }
}

async fn check(store: &Store, asked: Asked, head: Position) -> Result<Option<Finding>, StoreError> {
    let (found, last) = check_rows(store, asked).await?;
    if found.is_some() {
        return Ok(found);
    }
    if asked.to == head.number.0 {
        if last.is_some_and(|hash| hash != head.hash) {
            let number = head.number.0;
            return Ok(Some(Finding {
                number,
                what: format!("change {number} is not the one that the head of the feed names"),
            }));
        }
        if let Some(finding) = above(store, head).await? {
            return Ok(Some(finding));
        }
    }
    match asked.known {
        Some(known) => check_known(store, known, head).await,
        None => Ok(None),
    }
}

/// Checks the rows one after the other. Without a finding: the hash of the last; `None` of an empty feed.
async fn check_rows(store: &Store, asked: Asked) -> Result<(Option<Finding>, Option<[u8; 32]>), StoreError> {
    let mut before = None;
    if asked.from > 1 {
        let number = asked.from - 1;
        match hash_of(store, number).await? {
            Some((_, hash)) => before = Some(hash),
            None => return Ok((Some(Finding::missing(number)), None)),
        }
    }
    let mut next = asked.from;
    while next <= asked.to {
        let rows = read(store, next, asked.to).await?;
        let expected = (asked.to - next).saturating_add(1).min(BATCH);
        for number in next..next + expected {
            let at = usize::try_from(number - next).unwrap_or(usize::MAX);
            let Some(row) = rows.get(at).filter(|row| row.number.unsigned_abs() == number) else {
                return Ok((Some(Finding::missing(number)), None));
            };
            let start = before.or_else(|| Uuid::try_parse(&row.feed).ok().map(|feed| genesis(FeedId(feed))));
            let hash = start.map(|start| chain(&start, row));
            match hash.filter(|hash| hash.as_slice() == row.hash) {
                Some(hash) => before = Some(hash),
                None => return Ok((Some(Finding::edited(number)), None)),
            }
        }
        next += expected;
    }
    Ok((None, before))
}

async fn read(store: &Store, from: u64, to: u64) -> Result<Vec<row::Model>, StoreError> {
    let (from, to) = (signed(from)?, signed(to)?);
    let read = store.read(move |conn| {
        Box::pin(async move {
            let rows = row::Entity::find().filter(row::Column::Number.between(from, to));
            Ok::<_, StoreError>(rows.order_by_asc(row::Column::Number).limit(BATCH).all(conn).await?)
        })
    });
    read.await
}

/// The feed and hash of one row, as they stand there.
async fn hash_of(store: &Store, number: u64) -> Result<Option<(String, [u8; 32])>, StoreError> {
    let number = signed(number)?;
    let found = store.read(move |conn| {
        Box::pin(async move { Ok::<_, StoreError>(row::Entity::find_by_id(number).one(conn).await?) })
    });
    Ok(found.await?.and_then(|row| Some((row.feed, row.hash.try_into().ok()?))))
}

/// A row beyond the head: the head was set back without it. Read in one snapshot with the head, which may have moved on.
async fn above(store: &Store, then: Position) -> Result<Option<Finding>, StoreError> {
    let read = store.snapshot(move |conn: &DatabaseTransaction| {
        Box::pin(async move {
            let now = head(conn).await?.number.0.max(then.number.0);
            let beyond = row::Entity::find().filter(row::Column::Number.gt(signed(now)?));
            Ok::<_, StoreError>(beyond.order_by_asc(row::Column::Number).one(conn).await?)
        })
    });
    Ok(read.await?.map(|row| {
        let number = row.number.unsigned_abs();
        Finding { number, what: format!("change {number} stands behind the head of the feed, which was set back") }
    }))
}

async fn check_known(store: &Store, known: Position, head: Position) -> Result<Option<Finding>, StoreError> {
    let number = known.number.0;
    if number > head.number.0 {
        let newest = head.number.0;
        let what = format!(
            "the feed ends at change {newest}, and you know of change {number}: its newest changes were cut off, or an older copy of the database was put in its place"
        );
        return Ok(Some(Finding { number: newest + 1, what }));
    }
    if number == 0 {
        return Ok(None);
    }
    let there = hash_of(store, number).await?;
    let same = there.is_some_and(|(feed, hash)| feed == known.feed.to_string() && hash == known.hash);
    let what = || {
        format!(
            "change {number} is not the one that you know: it, or one before it, was replaced and the chain computed anew"
        )
    };
    Ok((!same).then(|| Finding { number, what: what() }))
}

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(StoreError::unreadable)
}

fn report(asked: Asked, head: Position, finding: Option<Finding>) -> pb::ChainReport {
    let (proved, not_proved) = match &finding {
        Some(Finding { number, .. }) => {
            (proved_before(asked, *number), vec![format!("anything from change {number} on")])
        }
        None => (proved(asked, head), not_proved(asked, head)),
    };
    let (first_bad_number, finding) = finding.map(|finding| (finding.number, finding.what)).unwrap_or_default();
    pb::ChainReport {
        from_number: asked.from.min(asked.to),
        to_number: asked.to,
        first_bad_number,
        finding,
        head: Some(head.into()),
        proved,
        not_proved,
    }
}

fn chained(from: u64, to: u64) -> String {
    format!(
        "changes {from} to {to} are what they were when each was chained to the one before, and none of them is missing"
    )
}

fn proved_before(asked: Asked, bad: u64) -> Vec<String> {
    let last = bad.saturating_sub(1).min(asked.to);
    if last >= asked.from { vec![chained(asked.from, last)] } else { Vec::new() }
}

/// The change that was kept elsewhere, if the checked part of the chain contains it.
fn anchored(asked: Asked) -> Option<u64> {
    let known = asked.known?.number.0;
    (known > 0 && known.saturating_add(1) >= asked.from && known <= asked.to).then_some(known)
}

fn proved(asked: Asked, head: Position) -> Vec<String> {
    if head.number.0 == 0 {
        return vec!["the feed is empty, and its head says so".to_owned()];
    }
    let mut proved = vec![chained(asked.from, asked.to)];
    if asked.to == head.number.0 {
        proved.push(format!("change {} is the newest, as the head of the feed says", asked.to));
    }
    if let Some(known) = asked.known.map(|known| known.number.0).filter(|known| *known > 0) {
        proved.push(format!("change {known} is the one that you know"));
    }
    if let (Some(known), 1) = (anchored(asked), asked.from) {
        proved.push(format!("up to change {known} nothing was replaced, cut off or computed anew since you kept it"));
    }
    proved
}

fn not_proved(asked: Asked, head: Position) -> Vec<String> {
    let mut open = Vec::new();
    if asked.from > 1 {
        open.push(format!("changes before {}, and that the one before it is what it was", asked.from));
    }
    if asked.to < head.number.0 {
        open.push(format!("changes after {}", asked.to));
    }
    let since = match anchored(asked) {
        Some(known) => format!("after change {known}: "),
        None => String::new(),
    };
    open.push(format!(
        "{since}that nobody who can write to the database cut off the newest changes, or computed a chain anew: keep the head \
         elsewhere, and give it as `known` the next time"
    ));
    open.push("occurrences, which are in no chain".to_owned());
    open
}
