//! A row of the feed: as it lies in the database, and as it is read.

use passgate_client::{ChangeNumber, FeedId, Position, TokenId, Vector};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::change::{Actor, Change, Touch};
use crate::store::StoreError;

/// A row as it lies there. Its texts go into the hash as they are.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "feed")]
pub struct Model {
    /// 1, 2, 3 …
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// Which feed.
    pub feed: String,
    /// Microseconds since 1970.
    pub time_us: i64,
    /// What was done.
    pub kind: String,
    /// With what.
    pub subject: String,
    /// By whom.
    pub actor: String,
    /// With which token.
    pub actor_token: Option<String>,
    /// How it came.
    pub via: String,
    /// From which address.
    pub peer: Option<String>,
    /// JSON.
    pub before: Option<String>,
    /// JSON.
    pub after: Option<String>,
    /// JSON: a list of texts.
    pub touches: String,
    /// JSON.
    pub cause: Option<String>,
    /// 32 bytes.
    pub hash: Vec<u8>,
}

/// A row of the feed refers to no other table.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a change, still without its hash.
    pub fn of(change: Change, actor: Actor, feed: FeedId, number: i64, now: OffsetDateTime) -> Self {
        let micros = i64::try_from(now.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX);
        let touches: Vec<Value> = change.touches.iter().map(|touch| touch.to_string().into()).collect();
        Self {
            number,
            feed: feed.to_string(),
            time_us: micros,
            kind: change.kind.to_owned(),
            subject: change.subject,
            actor: actor.principal,
            actor_token: actor.token_id.map(|id| id.to_string()),
            via: actor.via,
            peer: actor.peer,
            before: change.before.map(|value| value.to_string()),
            after: change.after.map(|value| value.to_string()),
            touches: Value::from(touches).to_string(),
            cause: change.cause.map(|cause| cause_to_json(&cause).to_string()),
            hash: Vec::new(),
        }
    }
}

/// A change, read back.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedRow {
    /// The feed, its number in it, and its hash.
    pub position: Position,
    /// When it was made, by the clock of who made it.
    pub time: OffsetDateTime,
    /// What was done: `token.revoked`.
    pub kind: String,
    /// With what: `tokens/{id}`.
    pub subject: String,
    /// Who did it, and how it came.
    pub actor: Actor,
    /// How it was; `None` if it is new.
    pub before: Option<Value>,
    /// How it is now; `None` if it is gone.
    pub after: Option<Value>,
    /// Which decisions no longer hold.
    pub touches: Vec<Touch>,
    /// The changes in other feeds that caused it.
    pub cause: Option<Vector>,
}

impl FeedRow {
    /// Its number.
    #[must_use]
    pub const fn number(&self) -> ChangeNumber {
        self.position.number
    }
}

impl TryFrom<Model> for FeedRow {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let json = |text: Option<String>| text.map(|text| serde_json::from_str(&text)).transpose();
        let position = position(&row.feed, row.number, &row.hash)?;
        let touches: Vec<String> = serde_json::from_str(&row.touches).map_err(StoreError::unreadable)?;
        let token_id = row.actor_token.as_deref().map(TokenId::parse).transpose().map_err(StoreError::unreadable)?;
        let cause = row.cause.as_deref().map(cause_from_json).transpose()?;
        Ok(Self {
            position,
            time: OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.time_us) * 1000)
                .map_err(StoreError::unreadable)?,
            kind: row.kind,
            subject: row.subject,
            actor: Actor { principal: row.actor, token_id, peer: row.peer, via: row.via },
            before: json(row.before).map_err(StoreError::unreadable)?,
            after: json(row.after).map_err(StoreError::unreadable)?,
            touches: touches.iter().map(|text| Touch::read(text)).collect(),
            cause,
        })
    }
}

/// A position as columns hold it.
pub(super) fn position(feed: &str, number: i64, hash: &[u8]) -> Result<Position, StoreError> {
    Ok(Position {
        feed: FeedId(Uuid::try_parse(feed).map_err(StoreError::unreadable)?),
        number: ChangeNumber(u64::try_from(number).map_err(StoreError::unreadable)?),
        hash: hash.try_into().map_err(StoreError::unreadable)?,
    })
}

/// A cause as it is written: `{"identity": {"feed": …, "number": …, "hash": …}}`.
#[derive(Serialize, Deserialize)]
struct Cause {
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<CausePosition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<CausePosition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<CausePosition>,
}

#[derive(Serialize, Deserialize)]
struct CausePosition {
    feed: String,
    number: i64,
    hash: String,
}

fn cause_to_json(cause: &Vector) -> Value {
    let write = |position: Option<Position>| {
        position.map(|position| CausePosition {
            feed: position.feed.to_string(),
            number: i64::try_from(position.number.0).unwrap_or(i64::MAX),
            hash: position.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    };
    let cause = Cause { identity: write(cause.identity), token: write(cause.token), gateway: write(cause.gateway) };
    serde_json::to_value(cause).unwrap_or_default()
}

/// A cause, read back.
pub fn cause_from_json(text: &str) -> Result<Vector, StoreError> {
    let read =
        |written: Option<CausePosition>| written.map(|at| position(&at.feed, at.number, &hex(&at.hash)?)).transpose();
    let cause: Cause = serde_json::from_str(text).map_err(StoreError::unreadable)?;
    Ok(Vector { identity: read(cause.identity)?, token: read(cause.token)?, gateway: read(cause.gateway)? })
}

fn hex(text: &str) -> Result<Vec<u8>, StoreError> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.ok_or_else(|| StoreError::unreadable("a hash is not hexadecimal"))?;
    Ok(digits
        .chunks_exact(2)
        .filter_map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok())
        .collect())
}
