//! The right to write: a transaction that holds the principals lock.

use passgate_kit::client::{GroupId, Patterns, Principal};
use passgate_kit::feed::{Actor, Change, Touch};
use passgate_kit::store::{StoreError, Tx};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, EntityTrait as _, QuerySelect as _};

use super::entity::installation;
use super::{GroupFacts, PrincipalFacts, Recorded, group_row, micros, principal_row, query};
use crate::error::IdentityError;

/// The only row of `installation`.
pub const INSTALLATION: i32 = 1;

/// Counts the administrators: enabled users that hold `*`, directly or by a group.
const ADMINISTRATORS: &str = "\
    SELECT COUNT(*) AS administrators FROM principal AS p \
    WHERE p.kind = 'user' AND NOT p.disabled AND NOT p.deleted AND EXISTS ( \
        SELECT 1 FROM grant_pattern AS g WHERE g.pattern = '*' AND ( \
            g.holder = p.principal OR g.holder IN ( \
                SELECT m.group_name FROM membership AS m WHERE m.principal = p.principal)))";

/// A writing transaction that nobody else's write to principals, groups or grants can run beside.
#[derive(Debug)]
pub struct Principals<'t> {
    tx: &'t mut Tx,
    actor: Actor,
}

impl<'t> Principals<'t> {
    /// Waits for the lock. What is read through this value is true until the transaction ends.
    pub async fn lock(tx: &'t mut Tx, actor: Actor) -> Result<Self, StoreError> {
        let row = installation::Entity::find_by_id(INSTALLATION).lock_exclusive().one(tx.connection()).await?;
        row.ok_or_else(|| StoreError::unreadable("installation has no row: the first start has not finished"))?;
        Ok(Self { tx, actor })
    }

    /// For the first start, whose transaction has just made the row.
    pub fn founding(tx: &'t mut Tx, actor: Actor) -> Self {
        Self { tx, actor }
    }

    /// What sea-orm runs statements on.
    pub fn conn(&self) -> &DatabaseTransaction {
        self.tx.connection()
    }

    /// The transaction itself.
    pub fn tx(&self) -> &Tx {
        self.tx
    }

    /// Now, as it is stored.
    pub fn now(&self) -> i64 {
        micros(self.tx.ambient().now())
    }

    /// A principal that is there.
    pub async fn principal(&self, name: Principal) -> Result<principal_row::Model, IdentityError> {
        let row = query::principal(self.conn(), name).await?;
        row.ok_or_else(|| IdentityError::NotFound(name.to_string()))
    }

    /// A group that is there.
    pub async fn group(&self, id: GroupId) -> Result<group_row::Model, IdentityError> {
        let row = query::group(self.conn(), id).await?;
        row.ok_or_else(|| IdentityError::NotFound(id.resource_name()))
    }

    /// All that a principal holds, directly and by its groups.
    pub async fn holds(&self, principal: &str) -> Result<Patterns, StoreError> {
        query::holds(self.conn(), principal).await
    }

    /// What the feed says about a principal, as it is at this point of the transaction.
    pub async fn facts(&self, row: &principal_row::Model) -> Result<PrincipalFacts, StoreError> {
        let patterns = query::grants_of(self.conn(), &row.principal).await?;
        let groups = query::groups_of(self.conn(), &row.principal).await?;
        Ok(PrincipalFacts::of(row, patterns.into_iter().map(|grant| grant.pattern).collect(), groups))
    }

    /// What the feed says about a group, as it is at this point of the transaction.
    pub async fn group_facts(&self, row: &group_row::Model) -> Result<GroupFacts, StoreError> {
        let patterns = query::grants_of(self.conn(), &row.group_name).await?;
        Ok(GroupFacts::of(row, patterns.into_iter().map(|grant| grant.pattern).collect()))
    }

    /// Appends a change of a principal.
    pub fn record(
        &mut self,
        kind: &'static str,
        before: Option<PrincipalFacts>,
        after: PrincipalFacts,
        committed_token: Option<String>,
    ) {
        let touch = Touch::read(&after.principal);
        let mut change = Change::new(kind, after.principal.clone()).touch(touch);
        if let Some(before) = before {
            change = change.before(Recorded { principal: Some(before), ..Recorded::default() }.to_json());
        }
        let after = Recorded { principal: Some(after), group: None, committed_token };
        let actor = self.actor.clone();
        self.tx.append(change.after(after.to_json()), &actor);
    }

    /// Appends a change of a group.
    pub fn record_group(&mut self, kind: &'static str, before: Option<GroupFacts>, after: GroupFacts) {
        let touch = Touch::read(&after.group);
        let mut change = Change::new(kind, after.group.clone()).touch(touch);
        if let Some(before) = before {
            change = change.before(Recorded { group: Some(before), ..Recorded::default() }.to_json());
        }
        let after = Recorded { group: Some(after), ..Recorded::default() };
        let actor = self.actor.clone();
        self.tx.append(change.after(after.to_json()), &actor);
    }

    /// Refuses, and so undoes, what left the installation without an administrator. Call it after whatever takes power.
    pub async fn keep_an_administrator(&self) -> Result<(), IdentityError> {
        let counted = self.conn().query_one_raw(self.tx.dialect().statement(ADMINISTRATORS, [])).await?;
        let administrators: i64 = match counted {
            Some(row) => row.try_get("", "administrators").map_err(StoreError::from)?,
            None => 0,
        };
        if administrators > 0 { Ok(()) } else { Err(IdentityError::LastAdministrator) }
    }
}
