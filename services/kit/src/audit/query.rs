//! What the audit can be filtered by. Both tables call their columns alike, so one condition is for both.

use passgate_client::TokenId;

use crate::filter::{Field, Kind, Schema};

/// The longest text to compare with, in bytes.
const MAX_TEXT: usize = 600;

/// The fields of a filter.
pub(super) const SCHEMA: Schema = Schema {
    fields: &[
        Field { name: "kind", column: "kind", kind: TEXT, ordered: false },
        Field { name: "subject", column: "subject", kind: TEXT, ordered: false },
        Field { name: "actor", column: "actor", kind: TEXT, ordered: false },
        Field {
            name: "token_id",
            column: "actor_token",
            kind: Kind::Text { canonical: token_id, by_prefix: false },
            ordered: false,
        },
        Field { name: "time", column: "time_us", kind: Kind::Time, ordered: true },
    ],
    id: "number",
    order: "time desc",
};

const TEXT: Kind = Kind::Text { canonical: as_written, by_prefix: true };

fn as_written(text: &str) -> Result<String, String> {
    if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(format!("must be a text of at most {MAX_TEXT} bytes without control characters"));
    }
    Ok(text.to_owned())
}

fn token_id(text: &str) -> Result<String, String> {
    TokenId::parse(text).map(|id| id.to_string()).map_err(|_| "must be the id of a token, a UUID".to_owned())
}
