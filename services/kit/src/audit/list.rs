//! The list: changes and occurrences merged, newest first.
//!
//! The order is by time, then changes before occurrences, then number or id. Both tables are read along an index of that
//! order, each to one event more than the page has, and merged.

use prost::Message as _;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use passgate_proto::r#type::v1::AuditEvent;

use super::occurrence::table;
use super::query::SCHEMA;
use super::{Audit, AuditError, convert};
use crate::caller::Caller;
use crate::feed::row;
use crate::fields::Fields;
use crate::filter::Filter;
use crate::list::Page;
use crate::store::{Store, StoreError};

/// How large a page gets, in bytes; a single event may be larger. Clients take 4 MiB unless told otherwise.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// An event with its place in the order.
type Placed = (Place, AuditEvent);

/// Where an event is in the order. Greater is newer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    time_us: i64,
    of: Of,
}

/// Which of the events of one moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Occurrence(String),
    Change(i64),
}

impl Place {
    fn to_cursor(&self) -> String {
        match &self.of {
            Of::Change(number) => format!("{} change {number}", self.time_us),
            Of::Occurrence(id) => format!("{} occurrence {id}", self.time_us),
        }
    }

    /// Reads it back. A cursor is sealed, so it is what was written.
    fn of_cursor(cursor: &str) -> Option<Self> {
        let mut parts = cursor.splitn(3, ' ');
        let time_us = parts.next()?.parse().ok()?;
        let of = match (parts.next()?, parts.next()?) {
            ("change", number) => Of::Change(number.parse().ok()?),
            (_, id) => Of::Occurrence(id.to_owned()),
        };
        Some(Self { time_us, of })
    }
}

impl Audit {
    /// One page of the list, newest first, and the token of the next; empty if this is the last.
    ///
    /// # Errors
    /// Names each field that breaks its rule; or the database did not answer.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<AuditEvent>, String), AuditError> {
        let mut fields = Fields::default();
        let page = Page::parse(&mut fields, &self.parts.pages, caller, filter, page_size, page_token);
        let filter = fields.check("filter", Filter::parse(filter, &SCHEMA));
        let (Some(page), Some(filter)) = (page, filter) else { return Err(fields.into_error().into()) };
        let after = page.after.as_deref().and_then(Place::of_cursor);
        let mut found = read(&self.parts.store, filter, after, page.limit()).await?;
        let fit = fitting(&found);
        let next = page.cut_to(&self.parts.pages, &mut found, fit, |(place, _)| place.to_cursor());
        Ok((found.into_iter().map(|(_, event)| event).collect(), next))
    }
}

/// How many of the events fit into a page; at least one.
fn fitting(found: &[Placed]) -> usize {
    let mut bytes = 0;
    let fits = |(_, event): &&Placed| {
        bytes += event.encoded_len();
        bytes <= PAGE_BYTES
    };
    found.iter().take_while(fits).count().max(1)
}

async fn read(store: &Store, filter: Filter, after: Option<Place>, limit: u64) -> Result<Vec<Placed>, StoreError> {
    let now_us = i64::try_from(store.ambient().now().unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX);
    let read = store.snapshot(move |conn| {
        Box::pin(async move {
            let condition = filter.condition(conn.get_database_backend(), now_us);
            let mut found = changes(conn, condition.clone(), after.as_ref(), limit).await?;
            found.extend(occurrences(conn, condition, after.as_ref(), limit).await?);
            Ok::<_, StoreError>(found)
        })
    });
    let mut found = read.await?;
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

async fn changes(
    conn: &DatabaseTransaction,
    condition: Condition,
    after: Option<&Place>,
    limit: u64,
) -> Result<Vec<Placed>, StoreError> {
    use row::Column::{Number, TimeUs};
    let mut select = row::Entity::find().filter(condition);
    match after {
        Some(Place { time_us, of: Of::Change(number) }) => {
            let place = Expr::tuple([Expr::val(*time_us), Expr::val(*number)]);
            select = select.filter(Expr::tuple([Expr::col(TimeUs), Expr::col(Number)]).lt(place));
        }
        Some(Place { time_us, of: Of::Occurrence(_) }) => select = select.filter(TimeUs.lt(*time_us)),
        None => {}
    }
    let rows = select.order_by_desc(TimeUs).order_by_desc(Number).limit(limit).all(conn).await?;
    let placed = |row: row::Model| (Place { time_us: row.time_us, of: Of::Change(row.number) }, convert::change(row));
    Ok(rows.into_iter().map(placed).collect())
}

async fn occurrences(
    conn: &DatabaseTransaction,
    condition: Condition,
    after: Option<&Place>,
    limit: u64,
) -> Result<Vec<Placed>, StoreError> {
    use table::Column::{Id, TimeUs};
    let mut select = table::Entity::find().filter(condition);
    match after {
        Some(Place { time_us, of: Of::Occurrence(id) }) => {
            let place = Expr::tuple([Expr::val(*time_us), Expr::val(id.as_str())]);
            select = select.filter(Expr::tuple([Expr::col(TimeUs), Expr::col(Id)]).lt(place));
        }
        Some(Place { time_us, of: Of::Change(_) }) => select = select.filter(TimeUs.lte(*time_us)),
        None => {}
    }
    let rows = select.order_by_desc(TimeUs).order_by_desc(Id).limit(limit).all(conn).await?;
    let placed = |row: table::Model| {
        (Place { time_us: row.time_us, of: Of::Occurrence(row.id.clone()) }, convert::occurrence(row))
    };
    Ok(rows.into_iter().map(placed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_as_it_was_written_and_changes_stand_before_occurrences_of_their_moment() {
        let change = Place { time_us: 7, of: Of::Change(12) };
        let occurrence = Place { time_us: 7, of: Of::Occurrence("01890a5d".to_owned()) };

        for place in [&change, &occurrence] {
            assert_eq!(Place::of_cursor(&place.to_cursor()).as_ref(), Some(place));
        }
        assert!(change > occurrence);
        assert!(Place { time_us: 8, of: Of::Occurrence(String::new()) } > change);
    }

    #[test]
    fn a_page_is_bounded_in_bytes_and_has_at_least_one_event() {
        let large = AuditEvent { kind: "x".repeat(PAGE_BYTES / 2), ..AuditEvent::default() };
        let found = |count| vec![(Place { time_us: 1, of: Of::Change(1) }, large.clone()); count];

        assert_eq!(fitting(&found(5)), 1);
        assert_eq!(fitting(&[]), 1);
    }
}
