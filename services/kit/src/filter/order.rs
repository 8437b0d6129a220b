//! The order of a list, and where a page begins in it.

use std::str::FromStr;

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Order as Direction};
use sea_orm::{
    ColumnTrait as _, ColumnType, EntityTrait, ModelTrait, QueryFilter as _, QueryOrder as _, Select, Value,
};
use uuid::Uuid;

use super::schema::{Field, Kind, Schema};

/// One field, upwards or downwards, and the id where that is equal.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    field: &'static Field,
    id: &'static str,
    descending: bool,
}

/// Why an `order_by` is none, in words that fit a field violation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {fields}, alone or followed by desc")]
pub struct OrderError {
    /// What the list can be ordered by.
    pub fields: String,
}

impl Order {
    /// Reads `order_by` (AIP-132), which names one field. Empty: the list's own order.
    ///
    /// # Errors
    /// If it is anything else than a field that the list can be ordered by.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, OrderError> {
        let text = if text.trim().is_empty() { schema.order } else { text };
        let mut words = text.split_whitespace();
        let field = words.next().and_then(|name| schema.field(name)).filter(|field| field.ordered);
        let descending = match (words.next(), words.next()) {
            (None | Some("asc"), None) => Some(false),
            (Some("desc"), None) => Some(true),
            (Some(_) | None, Some(_)) | (Some(_), None) => None,
        };
        match (field, descending) {
            (Some(field), Some(descending)) => Ok(Self { field, id: schema.id, descending }),
            (Some(_) | None, _) => Err(OrderError { fields: schema.orderable() }),
        }
    }

    /// Puts a selection in this order, to begin after the row that `after` stands for.
    #[must_use]
    pub fn apply<E: EntityTrait>(&self, select: Select<E>, after: Option<&str>) -> Select<E> {
        let column = |name| Expr::col(Alias::new(name));
        let direction = || if self.descending { Direction::Desc } else { Direction::Asc };
        let ordered = select.order_by(column(self.field.column), direction()).order_by(column(self.id), direction());
        let Some((id, key)) = after.and_then(|cursor| cursor.split_once(' ')) else {
            return ordered;
        };
        let key = match self.field.kind {
            Kind::Time => Expr::val(key.parse::<i64>().unwrap_or_default()), // sealed, so it is what `cursor` wrote
            Kind::Text { .. } | Kind::Choice(_) | Kind::Labels => Expr::val(key),
        };
        let id = match Uuid::try_parse(id) {
            Ok(id) if is_uuid::<E>(self.id) => Expr::val(id),
            Ok(_) | Err(_) => Expr::val(id),
        };
        let (row, place) = (Expr::tuple([column(self.field.column), column(self.id)]), Expr::tuple([key, id]));
        ordered.filter(if self.descending { row.lt(place) } else { row.gt(place) })
    }

    /// What stands for a row: its id, which has no space, and its place in the order.
    #[must_use]
    pub fn cursor<M: ModelTrait>(&self, row: &M) -> String {
        let id = text_of(row, self.id);
        format!("{id} {}", text_of(row, self.field.column))
    }
}

/// Whether a column holds UUIDs, and no texts.
fn is_uuid<E: EntityTrait>(column: &str) -> bool {
    E::Column::from_str(column).is_ok_and(|column| matches!(column.def().get_column_type(), ColumnType::Uuid))
}

fn text_of<M: ModelTrait>(row: &M, column: &str) -> String {
    let column = <M::Entity as EntityTrait>::Column::from_str(column);
    match column.map(|column| row.get(column)) {
        Ok(Value::String(Some(text))) => text,
        Ok(Value::BigInt(Some(number))) => number.to_string(),
        Ok(Value::Uuid(Some(id))) => id.to_string(),
        Ok(_) | Err(_) => String::new(),
    }
}
