//! A list as a request asks for it.

use sea_orm::{DbBackend, EntityTrait, ModelTrait, QueryFilter as _, Select};

use super::{Filter, Order, Schema};
use crate::fields::Fields;

/// What a list is narrowed to, and its order.
#[derive(Clone, Debug)]
pub struct Listing {
    filter: Filter,
    order: Order,
}

impl Listing {
    /// Reads `filter` and `order_by`. `None` after a violation was noted.
    pub fn parse(fields: &mut Fields, schema: &Schema, filter: &str, order_by: &str) -> Option<Self> {
        let filter = fields.check("filter", Filter::parse(filter, schema));
        let order = fields.check("order_by", Order::parse(order_by, schema));
        Some(Self { filter: filter?, order: order? })
    }

    /// What of `select` the filter lets through at `now_us` (microseconds since 1970), in order, beginning after the row that
    /// `after` stands for.
    #[must_use]
    pub fn select<E: EntityTrait>(
        &self,
        select: Select<E>,
        backend: DbBackend,
        now_us: i64,
        after: Option<&str>,
    ) -> Select<E> {
        self.order.apply(select.filter(self.filter.condition(backend, now_us)), after)
    }

    /// What stands for a row, to begin the next page after it.
    #[must_use]
    pub fn cursor<M: ModelTrait>(&self, row: &M) -> String {
        self.order.cursor(row)
    }
}
