//! Repeats of creates (AIP-155): the same `request_id` with the same body gives the same thing.
//!
//! The claim is an insert in the transaction that creates: of two repeats at once the second waits for the first, on either
//! database, and then sees what it made.

use std::time::Duration;

use passgate_client::{Reason, TokenId};
use sea_orm::ConnectionTrait as _;
use time::OffsetDateTime;
use tonic::{Code, Status};

use crate::caller::Caller;
use crate::fields::FieldViolation;
use crate::problem::{Problem, to_status};
use crate::request::{BodyDigest, RequestId};
use crate::store::{StoreError, Tx};

/// How long a repeat is known at least.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// Most requests that one transaction forgets, so that nobody waits long behind it.
pub const FORGOTTEN_AT_ONCE: i64 = 1000;

/// A request that may be repeated.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who asks: `users/{id}`.
    pub principal: String,
    /// The method's full name.
    pub method: &'static str,
    /// What the caller calls this act.
    pub request_id: RequestId,
    /// The digest of the request.
    pub body: BodyDigest,
    /// What is to be made, whose id is chosen before: `tokens/{id}`.
    pub resource: String,
    /// The token that asks.
    pub token_id: Option<TokenId>,
}

/// What a claim found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is the first time: make it.
    First,
    /// It was made before.
    Before(Earlier),
}

/// The request that a repeat repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// What it made.
    pub resource: String,
    /// The token that asked.
    pub token_id: Option<TokenId>,
    /// When.
    pub time: OffsetDateTime,
}

impl Claim {
    /// The claim of the create that `caller` calls, which is to make `resource`.
    #[must_use]
    pub fn of(caller: &Caller, request_id: RequestId, body: BodyDigest, resource: String) -> Self {
        let token_id = caller.holder().map(|holder| holder.token_id);
        Self { principal: caller.actor().principal, method: caller.rule.path, request_id, body, resource, token_id }
    }

    /// Claims the `request_id` in `tx`. Call it before anything else is written, and authorize a repeat anew.
    ///
    /// # Errors
    /// If it was used with another body, or the database does not answer.
    pub async fn take(self, tx: &Tx) -> Result<Claimed, ClaimError> {
        let statement = "INSERT INTO request_id (principal, method, request_id, body_digest, resource, token_id, time_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (principal, method, request_id) DO NOTHING";
        let values = [
            self.principal.as_str().into(),
            self.method.into(),
            self.request_id.as_str().into(),
            self.body.as_bytes().to_vec().into(),
            self.resource.as_str().into(),
            self.token_id.map(|id| id.to_string()).into(),
            micros(tx.ambient().now()).into(),
        ];
        let inserted = tx.connection().execute_raw(tx.dialect().statement(statement, values)).await;
        if inserted.map_err(StoreError::from)?.rows_affected() > 0 {
            return Ok(Claimed::First);
        }
        self.earlier(tx).await.map(Claimed::Before)
    }

    async fn earlier(&self, tx: &Tx) -> Result<Earlier, ClaimError> {
        let statement = "SELECT body_digest, resource, token_id, time_us FROM request_id \
             WHERE principal = $1 AND method = $2 AND request_id = $3";
        let values = [self.principal.as_str().into(), self.method.into(), self.request_id.as_str().into()];
        let row = tx.connection().query_one_raw(tx.dialect().statement(statement, values)).await;
        // Forgotten between the two statements, which only happens to rows a day old: the repeat after it makes a new one.
        let row = row.map_err(StoreError::from)?.ok_or(ClaimError::JustForgotten)?;

        let body: Vec<u8> = row.try_get("", "body_digest").map_err(StoreError::from)?;
        if body != self.body.as_bytes() {
            return Err(ClaimError::OtherBody);
        }
        let token_id: Option<String> = row.try_get("", "token_id").map_err(StoreError::from)?;
        let time: i64 = row.try_get("", "time_us").map_err(StoreError::from)?;
        Ok(Earlier {
            resource: row.try_get("", "resource").map_err(StoreError::from)?,
            token_id: token_id.as_deref().map(TokenId::parse).transpose().map_err(StoreError::unreadable)?,
            time: OffsetDateTime::from_unix_timestamp_nanos(i128::from(time) * 1000).map_err(StoreError::unreadable)?,
        })
    }
}

/// Forgets requests that are older than [`REMEMBERED`], a batch of them; gives how many they were. Repeat it until that is 0.
///
/// # Errors
/// If the database does not answer.
pub async fn forget_old(tx: &Tx) -> Result<u64, StoreError> {
    let until = micros(tx.ambient().now() - REMEMBERED);
    let sql = "DELETE FROM request_id WHERE (principal, method, request_id) IN \
         (SELECT principal, method, request_id FROM request_id WHERE time_us < $1 LIMIT $2)";
    let statement = tx.dialect().statement(sql, [until.into(), FORGOTTEN_AT_ONCE.into()]);
    Ok(tx.connection().execute_raw(statement).await?.rows_affected())
}

fn micros(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

/// Why a `request_id` cannot be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// It was used for something else.
    #[error("request_id: was used before with another body; take a new one for another request")]
    OtherBody,
    /// The first request was forgotten at this very moment.
    #[error("the first request with this request_id was just forgotten; try again")]
    JustForgotten,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Problem for ClaimError {
    fn told_as(&self) -> (Code, Reason) {
        match self {
            Self::OtherBody => (Code::InvalidArgument, Reason::RequestIdReused),
            Self::JustForgotten => (Code::Aborted, Reason::Conflict),
            Self::Store(cause) => cause.told_as(),
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::OtherBody => {
                let rule = "was used before with another body; take a new one for another request".to_owned();
                vec![FieldViolation { path: "request_id".to_owned(), rule }]
            }
            Self::JustForgotten | Self::Store(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Store(cause) => cause.retry_after(),
            Self::OtherBody | Self::JustForgotten => None,
        }
    }
}

impl From<ClaimError> for Status {
    fn from(problem: ClaimError) -> Self {
        to_status(&problem)
    }
}
