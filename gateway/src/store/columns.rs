//! What columns hold, read back into types. A row that does not parse was not written by us, and is told as damaged.

use std::collections::BTreeMap;
use std::fmt::Display;

use sea_orm::DbErr;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The error for a row that cannot be what we wrote.
pub fn damaged(row: &str, rule: impl Display) -> DbErr {
    DbErr::Custom(format!("the row of {row} is damaged: {rule}"))
}

/// The JSON text of a list or map of texts.
pub fn to_json(value: &impl Serialize) -> Result<String, DbErr> {
    serde_json::to_string(value).map_err(|error| DbErr::Custom(format!("a column cannot be written: {error}")))
}

/// The list or map in a JSON text.
pub fn from_json<T: DeserializeOwned>(row: &str, text: &str) -> Result<T, DbErr> {
    serde_json::from_str(text).map_err(|error| damaged(row, error))
}

/// Each item of a JSON list, parsed.
pub fn parse_list<T, C: FromIterator<T>, E: Display>(
    row: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<C, DbErr> {
    let items: Vec<String> = from_json(row, text)?;
    items.iter().map(|item| parse(item).map_err(|rule| damaged(row, rule))).collect()
}

/// The labels in a JSON map.
pub fn parse_labels(row: &str, text: &str) -> Result<passgate_kit::client::Labels, DbErr> {
    let pairs: BTreeMap<String, String> = from_json(row, text)?;
    passgate_kit::client::Labels::parse(&pairs).map_err(|rule| damaged(row, rule))
}
