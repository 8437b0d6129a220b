//! A transaction that writes.

use futures_util::future::BoxFuture;
use passgate_client::{Ambient, Position};
use sea_orm::{DatabaseTransaction, TransactionTrait as _};

use super::{Dialect, Store, StoreError};
use crate::feed::{Actor, Change, append};

/// A transaction under way. It commits when the closure that got it succeeds, and not otherwise.
pub struct Tx {
    txn: DatabaseTransaction,
    dialect: Dialect,
    ambient: Ambient,
    changes: Vec<(Change, Actor)>,
}

impl Tx {
    /// What sea-orm runs statements on.
    #[must_use]
    pub const fn connection(&self) -> &DatabaseTransaction {
        &self.txn
    }

    /// Which database it is.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The clock and randomness of the store.
    #[must_use]
    pub const fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// Appends a change to the feed. It gets its number at the very end, in the order of these calls.
    pub fn append(&mut self, change: Change, actor: &Actor) {
        self.changes.push((change, actor.clone()));
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Tx").field("changes", &self.changes.len()).finish_non_exhaustive()
    }
}

/// What a transaction gave, now that it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Committed<T> {
    /// What the closure returned.
    pub value: T,
    /// The last change that it appended; `None` if it appended none.
    pub position: Option<Position>,
}

impl<T> Committed<T> {
    /// The same commit, told with another value.
    pub fn map<U>(self, tell: impl FnOnce(T) -> U) -> Committed<U> {
        Committed { value: tell(self.value), position: self.position }
    }
}

pub(super) async fn transact<T, E, F>(store: &Store, work: F) -> Result<Committed<T>, E>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let inner = &store.0;
    let txn = inner.pools.writer.begin_with_options(inner.dialect.writing()).await.map_err(StoreError::from)?;
    let mut tx = Tx { txn, dialect: inner.dialect, ambient: inner.ambient.clone(), changes: Vec::new() };

    let worked = match work(&mut tx).await {
        Ok(value) => {
            finish(&mut tx, &inner.channel).await.map(|position| Committed { value, position }).map_err(E::from)
        }
        Err(refusal) => Err(refusal),
    };
    let Tx { txn, .. } = tx;
    match worked {
        Ok(committed) => {
            txn.commit().await.map_err(StoreError::of_commit)?;
            if committed.position.is_some() {
                inner.bell.ring();
            }
            Ok(committed)
        }
        Err(refusal) => {
            let _ = txn.rollback().await; // the refusal is the news; dropping the transaction rolls back as well
            Err(refusal)
        }
    }
}

/// Numbers the changes, which takes the lock of the feed's head, as the last thing before COMMIT.
async fn finish(tx: &mut Tx, channel: &str) -> Result<Option<Position>, StoreError> {
    let changes = std::mem::take(&mut tx.changes);
    let position = append(&tx.txn, changes, tx.ambient.now()).await?;
    tx.dialect.before_commit(&tx.txn, position.map(|_| channel)).await?;
    Ok(position)
}
