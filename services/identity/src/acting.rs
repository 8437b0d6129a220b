//! A caller at work: a transaction under the principals lock, and what the caller may give and take in it.
//!
//! **Power is contained.** *Caller* is the meet of the caller's grants, read here under the lock, and its token's scopes as
//! the access layer learned them for this call. Whatever gives or restores power calls [`Acting::must_hold`], and there is
//! no other check.

use futures_util::future::BoxFuture;
use passgate_kit::caller::Caller;
use passgate_kit::client::{Patterns, Principal};
use passgate_kit::store::{Committed, Store, Tx};

use crate::error::IdentityError;
use crate::store::{Principals, query};

/// A caller in a transaction.
#[derive(Debug)]
pub struct Acting<'t> {
    /// The right to write.
    pub principals: Principals<'t>,
    /// Who calls.
    pub caller: Caller,
    /// The principal that calls.
    pub who: Principal,
    power: Patterns,
}

impl<'t> Acting<'t> {
    async fn begin(tx: &'t mut Tx, caller: Caller) -> Result<Self, IdentityError> {
        let who = caller.principal()?;
        let principals = Principals::lock(tx, caller.actor()).await?;
        let live = query::principal(principals.conn(), who).await?.is_some_and(|row| !row.disabled);
        let grants = if live { principals.holds(&who.to_string()).await? } else { Patterns::default() };
        let power = caller.scopes().meet_with_grants(&grants);
        Ok(Self { principals, caller, who, power })
    }

    /// Passes if the caller holds all of `wanted`.
    ///
    /// # Errors
    /// Names what lacks.
    pub fn must_hold(&self, wanted: &Patterns) -> Result<(), IdentityError> {
        let lacking = self.power.lacking(wanted);
        if lacking.is_empty() { Ok(()) } else { Err(IdentityError::NotHeld(lacking)) }
    }
}

/// Runs `work` for `caller` in one transaction under the principals lock.
///
/// The position is never absent: where nothing changed it is the head, since an answer that merely finds something done is
/// as good as one that did it.
///
/// # Errors
/// What `work` refuses with, in which case nothing was changed.
pub async fn act<T, F>(store: &Store, caller: &Caller, work: F) -> Result<Committed<T>, IdentityError>
where
    F: for<'a, 't> FnOnce(&'a mut Acting<'t>) -> BoxFuture<'a, Result<T, IdentityError>> + Send + 'static,
    T: Send + 'static,
{
    let caller = caller.clone();
    let committed = store.write(move |tx| {
        Box::pin(async move {
            let mut acting = Acting::begin(tx, caller).await?;
            let value = work(&mut acting).await?;
            let head = passgate_kit::feed::head(acting.principals.conn()).await?;
            Ok::<_, IdentityError>((value, head))
        })
    });
    let Committed { value: (value, head), position } = committed.await?;
    Ok(Committed { value, position: position.or(Some(head)) })
}

/// Runs `work` on one snapshot of the database.
///
/// # Errors
/// What `work` refuses with.
pub async fn look<T, F>(store: &Store, work: F) -> Result<T, IdentityError>
where
    F: for<'c> FnOnce(&'c sea_orm::DatabaseTransaction) -> BoxFuture<'c, Result<T, IdentityError>> + Send + 'static,
    T: Send + 'static,
{
    store.snapshot(work).await
}
