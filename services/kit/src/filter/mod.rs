//! `filter` and `order_by` of lists: a small, typed part of AIP-160 and AIP-132, as conditions of the database.
//!
//! A filter is terms joined by `AND`: `state = DISABLED AND labels.team = "sales" AND create_time > 2026-01-31`. There is no
//! `OR`, no `NOT` and there are no parentheses, so nothing nests; length and number of terms are bounded. Each list says by a
//! [`Schema`] which fields there are and what each can be compared with; what a caller writes only ever becomes a parameter.
//!
//! A list is read along one order, whose columns an index of the list has, and a page begins right after the last row of the
//! page before ([`Listing::select`]), so that the hundred thousandth row costs what the first does. What filters besides
//! the order's own columns is looked at row by row.
//!
//! **Why not a crate.** `aip-160` 0.1 and `aip-filtering` 0.1 were looked at: neither bounds depth or number of terms,
//! neither knows map fields (`labels.team`), both map names straight to columns, and their errors are the parser's. The
//! grammar is therefore ours, on `winnow`, which the workspace builds anyway.

mod condition;
mod grammar;
mod listing;
mod order;
mod schema;

#[cfg(test)]
mod tests;

pub use condition::{Filter, FilterError};
pub use grammar::{Operator, SyntaxError};
pub use listing::Listing;
pub use order::{Order, OrderError};
pub use schema::{Choice, Field, Kind, Schema};

/// Most bytes of a filter.
pub const MAX_FILTER_BYTES: usize = 2048;
/// Most terms of a filter.
pub const MAX_TERMS: usize = 16;
