//! The caches, and how they are filled.

use std::sync::Arc;

use parking_lot::Mutex;
use passgate_kit::client::{ChangeNumber, GroupId, Position, Principal, TokenId, TokenKind};
use passgate_kit::feed::Touch;
use passgate_kit::store::{Store, StoreError};
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::flight::Flights;
use super::identity::IdentityLease;
use super::ledger::{AsOf, Key, Ledger};
use crate::decision::{Owner, Row};
use crate::projection::{Directory, GroupRecord, Looked, PrincipalRecord};
use crate::store::{projection, session, token};

/// How many rows of tokens are kept: about 1 KiB each. When full, what is used least goes and is read again.
const ROWS: usize = 100_000;
/// How many principals are kept.
const PRINCIPALS: usize = 100_000;
/// How many groups are kept.
const GROUPS: usize = 20_000;
/// How many touches the ledger remembers.
const TOUCHES: usize = 65_536;
/// How often something is read again that changed while it was read.
const TRIES: usize = 8;

/// What cannot be known now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unknown {
    /// The database did not answer.
    #[error("the database did not answer")]
    Store(#[source] Arc<StoreError>),
    /// A principal is not in the projection, and the identity service did not answer.
    #[error("the identity service did not answer")]
    Identity(#[source] Arc<tonic::Status>),
    /// It changed each time that it was read.
    #[error("it changes faster than it can be read")]
    Restless,
}

impl From<StoreError> for Unknown {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

/// The memory of this replica. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    directory: Directory,
    identity: IdentityLease,
    rows: Cache<TokenId, Arc<Row>>,
    principals: Cache<Principal, Arc<PrincipalRecord>>,
    groups: Cache<GroupId, Arc<GroupRecord>>,
    ledger: Mutex<Ledger>,
    row_reads: Flights<TokenId, Option<Arc<Row>>>,
    principal_reads: Flights<Principal, Option<Known>>,
    group_reads: Flights<Vec<GroupId>, Vec<Arc<GroupRecord>>>,
}

/// A principal, and those of its groups that came with it.
type Known = (Arc<PrincipalRecord>, Vec<GroupRecord>);

impl Memory {
    /// An empty memory that stands at `start` of the service's own feed.
    #[must_use]
    pub fn new(store: Store, directory: Directory, identity: IdentityLease, start: ChangeNumber) -> Self {
        Self(Arc::new(Inner {
            store,
            directory,
            identity,
            rows: Cache::new(ROWS),
            principals: Cache::new(PRINCIPALS),
            groups: Cache::new(GROUPS),
            ledger: Mutex::new(Ledger::new(start, TOUCHES)),
            row_reads: Flights::default(),
            principal_reads: Flights::default(),
            group_reads: Flights::default(),
        }))
    }

    /// The row of a token or session; `None` if there is none.
    ///
    /// # Errors
    /// If that cannot be known now.
    pub async fn row(&self, id: TokenId, kind: TokenKind) -> Result<Option<Arc<Row>>, Unknown> {
        if let Some(row) = self.0.rows.get(&id) {
            return Ok(Some(row));
        }
        for _ in 0..TRIES {
            let (as_of, row) =
                self.0.row_reads.join(id, || (self.now(), read_row(self.0.store.clone(), id, kind))).await?;
            if self.keep(Key::Token(id), as_of, || row.as_ref().map(|row| self.0.rows.insert(id, Arc::clone(row)))) {
                return Ok(row);
            }
        }
        Err(Unknown::Restless)
    }

    /// The row of the named token that has this id, or a secret with it, as the database has it now.
    ///
    /// # Errors
    /// If that cannot be known now.
    pub async fn row_of_any(&self, id: Uuid) -> Result<Option<Arc<Row>>, Unknown> {
        let read = self.0.store.read(move |db| Box::pin(async move { token::find_any(db, id).await }));
        Ok(read.await?.map(|token| Arc::new(Row::Named(Box::new(token)))))
    }

    /// A principal with its groups; `None` if there never was one. One that the projection does not have yet is looked up at
    /// the identity service.
    ///
    /// # Errors
    /// If that cannot be known now.
    pub async fn owner(&self, principal: Principal) -> Result<Option<Owner>, Unknown> {
        let Some((record, mut looked_up)) = self.principal(principal).await? else { return Ok(None) };
        let mut groups = Vec::with_capacity(record.groups.len());
        let mut missing = Vec::new();
        for id in &record.groups {
            match looked_up.iter().position(|group| group.id == *id).map(|at| looked_up.swap_remove(at)) {
                Some(group) => groups.push(Arc::new(group)),
                None => match self.0.groups.get(id) {
                    Some(group) => groups.push(group),
                    None => missing.push(*id),
                },
            }
        }
        if !missing.is_empty() {
            groups.extend(self.read_groups(missing).await?);
        }
        Ok(Some(Owner { record, groups }))
    }

    async fn principal(&self, principal: Principal) -> Result<Option<Known>, Unknown> {
        if let Some(record) = self.0.principals.get(&principal) {
            return Ok(Some((record, Vec::new())));
        }
        for _ in 0..TRIES {
            let begin = || (self.now(), look_up(Arc::clone(&self.0), principal));
            let (as_of, found) = self.0.principal_reads.join(principal, begin).await?;
            let keep = || found.as_ref().map(|(record, _)| self.0.principals.insert(principal, Arc::clone(record)));
            if self.keep(Key::Principal(principal), as_of, keep) {
                return Ok(found);
            }
        }
        Err(Unknown::Restless)
    }

    async fn read_groups(&self, mut wanted: Vec<GroupId>) -> Result<Vec<Arc<GroupRecord>>, Unknown> {
        let mut groups = Vec::with_capacity(wanted.len());
        for _ in 0..TRIES {
            let begin = || (self.now(), read_groups(self.0.store.clone(), wanted.clone()));
            let (as_of, mut found) = self.0.group_reads.join(wanted.clone(), begin).await?;
            // One that is not there gives nothing, but only if that is as fresh as the rest.
            wanted.retain(|id| {
                let group = found.iter().position(|group| group.id == *id).map(|at| found.swap_remove(at));
                let keep = || group.as_ref().map(|group| self.0.groups.insert(*id, Arc::clone(group)));
                let kept = self.keep(Key::Group(*id), as_of, keep);
                groups.extend(group.filter(|_| kept));
                !kept
            });
            if wanted.is_empty() {
                return Ok(groups);
            }
        }
        Err(Unknown::Restless)
    }

    /// Where the memory stands.
    fn now(&self) -> AsOf {
        self.0.ledger.lock().now()
    }

    /// Keeps what was read, unless something applied since then touches it. The lock makes both one step: a change that is
    /// applied later finds the entry and drops it.
    fn keep(&self, key: Key, as_of: AsOf, insert: impl FnOnce() -> Option<()>) -> bool {
        let ledger = self.0.ledger.lock();
        let allowed = ledger.allows(key, as_of);
        if allowed {
            insert();
        }
        allowed
    }

    /// Change `number` touches this: drops it.
    pub(super) fn drop_touched(&self, touch: &Touch, number: ChangeNumber) {
        let mut ledger = self.0.ledger.lock();
        match touch {
            Touch::Token(id) => {
                ledger.touch(Key::Token(*id), number);
                self.0.rows.remove(id);
            }
            Touch::Principal(principal) => {
                ledger.touch(Key::Principal(*principal), number);
                self.0.principals.remove(principal);
            }
            Touch::Group(id) => {
                ledger.touch(Key::Group(*id), number);
                self.0.groups.remove(id);
            }
            // A secret is dropped by its token, which the same change names; keys are not kept here.
            Touch::Jti(_) | Touch::Key(_) | Touch::Resource(_) => {}
            Touch::Everything => {
                ledger.touch_everything(number);
                self.clear();
            }
        }
    }

    /// Everything up to `number` was applied.
    pub(super) fn applied(&self, number: ChangeNumber) {
        self.0.ledger.lock().applied(number);
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.0.rows.clear();
        self.0.principals.clear();
        self.0.groups.clear();
    }

    /// What it knows of the identity service's feed.
    #[must_use]
    pub fn identity(&self) -> &IdentityLease {
        &self.0.identity
    }
}

async fn read_row(store: Store, id: TokenId, kind: TokenKind) -> Result<Option<Arc<Row>>, Unknown> {
    let read = store.read(move |db| {
        Box::pin(async move {
            Ok::<_, StoreError>(match kind {
                TokenKind::Named => token::find(db, id).await?.map(Box::new).map(Row::Named),
                TokenKind::Session => session::find(db, id).await?.map(Row::Session),
            })
        })
    });
    Ok(read.await?.map(Arc::new))
}

/// The principal in the projection; one that it does not have yet is asked for at the identity service.
async fn look_up(inner: Arc<Inner>, principal: Principal) -> Result<Option<Known>, Unknown> {
    for _ in 0..TRIES {
        let identity = inner.identity.position();
        let read = inner.store.read(move |db| Box::pin(async move { projection::principal(db, principal).await }));
        if let Some(record) = read.await? {
            return Ok(Some((Arc::new(record), Vec::new())));
        }
        let Looked { found, as_of } =
            inner.directory.principal(principal).await.map_err(|status| Unknown::Identity(Arc::new(status)))?;
        // Rule 3 for look-ups: an answer that is older than the projection was, or is by now, is dropped.
        let old = |known: Option<Position>| known.is_none_or(|known| !as_of.at_least(&known));
        if !old(identity) && !old(inner.identity.position()) {
            return Ok(found.map(|(record, groups)| (Arc::new(record), groups)));
        }
    }
    Err(Unknown::Restless)
}

async fn read_groups(store: Store, wanted: Vec<GroupId>) -> Result<Vec<Arc<GroupRecord>>, Unknown> {
    let read = store.read(move |db| Box::pin(async move { projection::groups(db, &wanted).await }));
    Ok(read.await?.into_iter().map(Arc::new).collect())
}
