//! The stream: each change soon after its commit.
//!
//! A stream is a use that goes on. The token that opened it is judged again before each batch is sent, on nothing older than
//! the batch, and each second while there is nothing to send; while nobody can judge, nothing is sent. So a stream never
//! tells the change that ends it, nor any after it.

use std::sync::Arc;
use std::time::Duration;

use passgate_client::decision::Question;
use passgate_client::{Position, Principal, Resource};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use tokio::sync::OwnedSemaphorePermit;

use super::outbox::{Events, Outbox, PATIENCE, outbox};
use super::query::SCHEMA;
use super::{Audit, AuditError, AuditParts, MAX_WATCHERS, convert};
use crate::access::Refusal;
use crate::caller::{Caller, action};
use crate::feed::{head, row};
use crate::fields::{FieldViolations, Fields};
use crate::filter::Filter;
use crate::store::{StoreError, Wake};

/// How many changes are read at once.
const BATCH: u64 = 100;
/// How often a stream without news looks at its token and its feed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How soon it is asked again whether a stream may go on, if nobody could tell.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// A token that opened a stream.
#[derive(Debug)]
struct Guest {
    question: Question,
    principal: Principal,
    token_id: passgate_client::TokenId,
}

/// One stream.
struct Watch {
    parts: AuditParts,
    guest: Guest,
    filter: Filter,
    last: i64,
    outbox: Outbox,
    _one_of: OwnedSemaphorePermit,
}

impl Audit {
    /// Tells each change after `after` that `filter` lets through; without a number, from the next one on.
    ///
    /// # Errors
    /// Names each field that breaks its rule; or there are too many streams, or the database did not answer.
    pub async fn watch(&self, caller: &Caller, after: Option<u64>, filter: &str) -> Result<Events, AuditError> {
        let newest = self.parts.store.read(|conn| Box::pin(async move { head(conn).await })).await?.number.0;
        let mut fields = Fields::default();
        if after.is_some_and(|after| after > newest) {
            fields.add("after_number", format!("must be at most {newest}, the number of the newest change"));
        }
        let filter = fields.check("filter", Filter::parse(filter, &SCHEMA));
        let Some(filter) = filter.filter(|_| fields.is_empty()) else { return Err(fields.into_error().into()) };
        let guest = Guest::of(caller)?;
        let one_of = Arc::clone(&self.watchers).try_acquire_owned();
        let one_of = one_of.map_err(|_| AuditError::TooMany { what: "streams of the audit", most: MAX_WATCHERS })?;

        let last = i64::try_from(after.unwrap_or(newest)).map_err(StoreError::unreadable)?;
        let (outbox, events) = outbox();
        let watch = Watch { parts: self.parts.clone(), guest, filter, last, outbox, _one_of: one_of };
        self.parts.tasks.spawn(watch.run());
        Ok(events)
    }
}

impl Guest {
    fn of(caller: &Caller) -> Result<Self, AuditError> {
        let (Some(holder), Some(token)) = (caller.holder(), &caller.credential) else {
            return Err(Refusal::TokenMissing.into());
        };
        let resource = Resource::parse_grpc_path(caller.rule.path)
            .map_err(|_| FieldViolations::one("authorization", "cannot be judged for this method"))?;
        let question = Question { token: Arc::clone(token), resource, action: action(caller.rule), at_least: None };
        Ok(Self { question, principal: holder.principal, token_id: holder.token_id })
    }
}

impl Watch {
    async fn run(mut self) {
        let mut wake = self.parts.store.wake();
        let stop = self.parts.stop.clone();
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => AuditError::Store(StoreError::ShuttingDown),
            ended = self.follow(&mut wake) => ended,
        };
        self.outbox.close(ended);
    }

    /// Follows the feed until the stream has to end, and says why. Cancel safe: what is lost is the stream's own.
    async fn follow(&mut self, wake: &mut Wake) -> AuditError {
        let mut look = tokio::time::interval(LOOK_AGAIN);
        loop {
            match self.tell().await {
                Err(AuditError::Store(StoreError::Unavailable(_))) | Ok(false) => {} // the next look tries it again
                Ok(true) => continue,
                Err(error) => return error,
            }
            tokio::select! {
                () = self.outbox.closed() => return AuditError::Gone,
                () = wake.changed() => {}
                _ = look.tick() => {
                    if let Err(refusal @ Refusal::Denied { .. } | refusal @ Refusal::TokenInvalid) = self.judge(None).await {
                        return refusal.into();
                    }
                }
            }
        }
    }

    /// Tells the next changes, if the token is good. True if there may be more at once.
    async fn tell(&mut self) -> Result<bool, AuditError> {
        let (head, rows) = self.read().await?;
        let newest = i64::try_from(head.number.0).map_err(StoreError::unreadable)?;
        let full = u64::try_from(rows.len()).is_ok_and(|count| count >= BATCH);
        if !rows.is_empty() {
            self.stay(self.parts.marks.of(head)).await?;
        }
        for row in rows {
            let number = row.number;
            self.outbox.say(convert::change(row)).await?;
            self.last = number;
        }
        if !full {
            self.last = self.last.max(newest);
        }
        Ok(full)
    }

    /// The newest change, and the next ones up to it: numbers are given in the order of the commits, so none comes later.
    async fn read(&self) -> Result<(Position, Vec<row::Model>), StoreError> {
        let (filter, last) = (self.filter.clone(), self.last);
        let read = self.parts.store.read(move |conn| {
            Box::pin(async move {
                let head = head(conn).await?;
                let newest = i64::try_from(head.number.0).map_err(StoreError::unreadable)?;
                let rows = row::Entity::find()
                    .filter(filter.condition(conn.get_database_backend(), 0))
                    .filter(row::Column::Number.gt(last))
                    .filter(row::Column::Number.lte(newest))
                    .order_by_asc(row::Column::Number)
                    .limit(BATCH);
                Ok::<_, StoreError>((head, rows.all(conn).await?))
            })
        });
        read.await
    }

    /// Passes once it is known that the token is good, on nothing older than `mark`. Nobody knows for ten seconds: the stream
    /// ends.
    async fn stay(&self, mark: String) -> Result<(), AuditError> {
        let judged = async {
            loop {
                match self.judge(Some(mark.clone())).await {
                    Err(Refusal::Undecidable(_)) => tokio::time::sleep(ASK_AGAIN).await,
                    judged => return judged,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, judged).await {
            Ok(judged) => Ok(judged?),
            Err(_) => Ok(self.judge(Some(mark)).await?),
        }
    }

    /// Whether the token that opened the stream is good for it now; judged on nothing older than `at_least`.
    async fn judge(&self, at_least: Option<String>) -> Result<(), Refusal> {
        let Guest { question, principal, token_id } = &self.guest;
        let question = Question { at_least, ..question.clone() };
        let decision = self.parts.decisions.decide(&question).await?;
        decision.verdict.map_err(|denied| Refusal::Denied {
            denied,
            resource: question.resource.to_string(),
            principal: *principal,
            token_id: *token_id,
        })
    }
}
