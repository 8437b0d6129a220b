//! Writes what the identity service tells: one transaction each, guarded by the copy's position.

use passgate_kit::client::{Position, TokenId, Vector};
use passgate_kit::feed::{Actor, Change, Touch};
use passgate_kit::store::{Store, StoreError, Tx};
use serde_json::{Value, json};

use super::record::{GroupRecord, PrincipalRecord};
use crate::store::projection;
use crate::token::provisional;

/// What the lines of the feed that carry the identity service's changes are about.
pub const PROJECTION_SUBJECT: &str = "projection";

/// Writes it.
#[derive(Clone, Debug)]
pub struct Applier(Store);

/// One change of the identity service.
#[derive(Clone, Debug)]
pub struct IdentityChange {
    /// Its position.
    pub position: Position,
    /// Principals as they are after it.
    pub principals: Vec<PrincipalRecord>,
    /// Groups as they are after it.
    pub groups: Vec<GroupRecord>,
    /// Provisional tokens that it makes good.
    pub committed: Vec<TokenId>,
    /// Who did it.
    pub actor: String,
}

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The copy does not stand where this change goes on, because another replica is ahead or the stream has a hole.
    #[error("the copy does not stand where the stream goes on: the stream begins anew")]
    Elsewhere,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Applier {
    /// Writes into `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self(store)
    }

    /// How far the copy goes.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn position(&self) -> Result<Option<Position>, StoreError> {
        self.0.read(|db| Box::pin(async move { projection::position(db).await })).await
    }

    /// Puts a snapshot in the place of the copy, if that still stands at `from`.
    ///
    /// # Errors
    /// If it does not, or the database does not answer.
    pub async fn snapshot(
        &self,
        from: Option<Position>,
        as_of: Position,
        principals: Vec<PrincipalRecord>,
        groups: Vec<GroupRecord>,
    ) -> Result<(), ApplyError> {
        let write = self.0.write(move |tx: &mut Tx| {
            Box::pin(async move {
                if !projection::advance(tx.connection(), from, &as_of).await? {
                    return Err(ApplyError::Elsewhere);
                }
                projection::put_snapshot(tx.connection(), &principals, &groups).await?;
                let change = Change::new("projection.replaced", PROJECTION_SUBJECT)
                    .after(json!({ "principals": principals.len(), "groups": groups.len() }))
                    .touch(Touch::Everything)
                    .caused_by(cause(as_of));
                tx.append(change, &Actor::passgate("identity"));
                Ok(())
            })
        });
        write.await.map(|committed| committed.value)
    }

    /// Writes one change, which must be the next.
    ///
    /// # Errors
    /// If it is not, unless another replica wrote this very change; or the database does not answer.
    pub async fn change(&self, change: IdentityChange) -> Result<(), ApplyError> {
        let write = self.0.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let stands = projection::position_locked(tx.connection()).await?;
                match stands {
                    Some(stands) if stands.at_least(&change.position) => return Ok(()), // another replica was faster
                    Some(stands)
                        if stands.feed == change.position.feed && stands.number.next() == change.position.number => {}
                    _ => return Err(ApplyError::Elsewhere),
                }
                projection::advance(tx.connection(), stands, &change.position).await?;
                write(tx, &change).await?;
                Ok(())
            })
        });
        write.await.map(|committed| committed.value)
    }
}

async fn write(tx: &mut Tx, change: &IdentityChange) -> Result<(), StoreError> {
    for group in &change.groups {
        projection::put_group(tx.connection(), group).await?;
    }
    for principal in &change.principals {
        projection::put_principal(tx.connection(), principal).await?;
    }
    let mut line =
        Change::new("projection.changed", PROJECTION_SUBJECT).after(summary(change)).caused_by(cause(change.position));
    line.touches.extend(change.groups.iter().map(|group| Touch::Group(group.id)));
    line.touches.extend(change.principals.iter().map(|record| Touch::Principal(record.principal)));
    let actor = Actor { principal: change.actor.clone(), ..Actor::passgate("identity") };
    tx.append(line, &actor);
    for token in &change.committed {
        provisional::commit(tx, *token, &actor).await?;
    }
    Ok(())
}

fn cause(position: Position) -> Vector {
    Vector { identity: Some(position), ..Vector::default() }
}

fn summary(change: &IdentityChange) -> Value {
    let principals: Vec<String> = change.principals.iter().map(|record| record.principal.to_string()).collect();
    let groups: Vec<String> = change.groups.iter().map(|record| record.id.resource_name()).collect();
    json!({ "identity_change": change.position.number.0, "principals": principals, "groups": groups })
}
