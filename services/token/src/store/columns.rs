//! What columns hold, read back into types. A row that does not parse was not written by us, and is told as damaged.
//!
//! Times are microseconds since 1970: both databases compare and keep them alike.

use std::collections::BTreeMap;
use std::fmt::Display;

use passgate_kit::client::Labels;
use passgate_kit::store::StoreError;
use time::OffsetDateTime;

/// The error for a row that cannot be what we wrote.
pub fn damaged(row: impl Display, rule: impl Display) -> StoreError {
    StoreError::unreadable(format!("the row of {row} is damaged: {rule}"))
}

/// A time as a column has it.
pub fn to_micros(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

/// The time in a column.
pub fn from_micros(row: impl Display, micros: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).map_err(|rule| damaged(row, rule))
}

/// The time in a column that may have none.
pub fn from_optional_micros(row: impl Display, micros: Option<i64>) -> Result<Option<OffsetDateTime>, StoreError> {
    micros.map(|micros| from_micros(row, micros)).transpose()
}

/// Labels as a column has them: a JSON object.
pub fn to_json(labels: &Labels) -> String {
    // A map of texts always has a JSON form.
    serde_json::to_string(labels.as_map()).unwrap_or_else(|_| "{}".to_owned())
}

/// The labels in a column.
pub fn parse_labels(row: impl Display, text: &str) -> Result<Labels, StoreError> {
    let pairs: BTreeMap<String, String> = serde_json::from_str(text).map_err(|rule| damaged(&row, rule))?;
    Labels::parse(&pairs).map_err(|rule| damaged(row, rule))
}

/// An unsigned number as a column has it: the bits are kept, whatever the sign.
pub const fn to_column(number: u64) -> i64 {
    number.cast_signed()
}

/// The unsigned number in a column.
pub const fn from_column(number: i64) -> u64 {
    number.cast_unsigned()
}
