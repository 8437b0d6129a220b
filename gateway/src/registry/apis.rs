//! What administrators do with registered APIs. Each change is one transaction with its line in the feed, and is answered once
//! this gateway serves it.

use passgate_kit::caller::Caller;
use passgate_kit::client::{Ambient, ServiceName};
use passgate_kit::etag::Etag;
use passgate_kit::idempotency::{Claim, Claimed};
use passgate_kit::store::{Committed, Store, Tx};
use sea_orm::ConnectionTrait;
use time::OffsetDateTime;

use super::{Api, ApiChange, Power, Served, UpstreamUrl, lines, taken};
use crate::error::RegistryError;
use crate::store::{api as rows, retired_name};

/// What is needed to register an API.
#[derive(Clone, Debug)]
pub struct NewApi {
    /// Its name.
    pub name: ServiceName,
    /// Where it goes.
    pub upstream: UpstreamUrl,
    /// Everything else that was said.
    pub change: ApiChange,
    /// Take the name although a deleted API had it.
    pub reuse_name: bool,
}

/// The registered APIs; Passgate's own services are none of them.
#[derive(Clone)]
pub struct Apis {
    store: Store,
    power: Power,
    served: Served,
    ambient: Ambient,
}

impl Apis {
    /// The APIs in `store`.
    pub fn new(store: Store, power: Power, served: Served, ambient: Ambient) -> Self {
        Self { store, power, served, ambient }
    }

    /// Registers an API, which needs a caller that holds it: where it goes is power over whoever may call it already.
    ///
    /// # Errors
    /// If the name is or was taken, or the caller does not hold it.
    pub async fn create(
        &self,
        caller: &Caller,
        new: NewApi,
        claim: Option<Claim>,
    ) -> Result<Committed<Api>, RegistryError> {
        self.power.over_api(caller, &new.name).await?;
        let (actor, now) = (caller.actor(), super::now(&self.ambient));
        let committed = self.store.write(move |tx| {
            Box::pin(async move {
                let resource = resource(&new.name);
                if let Some(claim) = claim
                    && let Claimed::Before(_) = claim.take(tx).await?
                {
                    return find(tx, &new.name).await;
                }
                let revision = first_revision(tx.connection(), &new).await?;
                let api = new.into_api(revision, now);
                rows::insert(tx.connection(), &api).await.map_err(|error| taken(error, resource))?;
                tx.append(lines::api_created(&api), &actor);
                Ok(api)
            })
        });
        self.served.after(committed.await).await
    }

    /// What [`Apis::create`] would make: everything is checked, and nothing is made.
    ///
    /// # Errors
    /// As there.
    pub async fn check_create(&self, caller: &Caller, new: NewApi) -> Result<Api, RegistryError> {
        self.power.over_api(caller, &new.name).await?;
        let now = super::now(&self.ambient);
        let read = self.store.read(move |conn| {
            Box::pin(async move {
                let revision = first_revision(conn, &new).await?;
                Ok(new.into_api(revision, now))
            })
        });
        read.await
    }

    /// The API of this name.
    ///
    /// # Errors
    /// If there is none.
    pub async fn get(&self, name: ServiceName) -> Result<Api, RegistryError> {
        let found = {
            let name = name.clone();
            self.store
                .read(move |conn| Box::pin(async move { Ok::<_, RegistryError>(rows::find(conn, &name).await?) }))
                .await?
        };
        found.ok_or_else(|| RegistryError::NotFound { resource: resource(&name) })
    }

    /// At most `limit` APIs in the order of their names, those after `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, after: String, limit: u64) -> Result<Vec<Api>, RegistryError> {
        self.store.read(move |conn| Box::pin(async move { Ok(rows::list(conn, &after, limit).await?) })).await
    }

    /// Changes an API.
    ///
    /// # Errors
    /// If there is none, it has another etag, or the change gives power that the caller does not hold.
    pub async fn update(
        &self,
        caller: &Caller,
        name: ServiceName,
        etag: String,
        change: ApiChange,
    ) -> Result<Committed<Api>, RegistryError> {
        let now = super::now(&self.ambient);
        let seen = self.get(name.clone()).await?;
        let held = seen.gives_power(&change.clone().applied_to(&seen, now));
        if held {
            self.power.over_api(caller, &name).await?;
        }
        let actor = caller.actor();
        let committed = self.store.write(move |tx| {
            Box::pin(async move {
                let before = find_locked(tx, &name).await?;
                Etag::of(before.revision).check_if_given(&etag)?;
                let after = change.applied_to(&before, now);
                if !held && before.gives_power(&after) {
                    // It was another API when the caller's power was looked at.
                    return Err(RegistryError::Conflict { resource: resource(&name) });
                }
                rows::replace(tx.connection(), &after).await?;
                tx.append(lines::api_updated(&before, &after), &actor);
                Ok(after)
            })
        });
        self.served.after(committed.await).await
    }

    /// Removes an API, and remembers that its name was used.
    ///
    /// # Errors
    /// If there is none, or it has another etag.
    pub async fn delete(
        &self,
        caller: &Caller,
        name: ServiceName,
        etag: String,
    ) -> Result<Committed<()>, RegistryError> {
        let (actor, now) = (caller.actor(), super::now(&self.ambient));
        let committed = self.store.write(move |tx| {
            Box::pin(async move {
                let before = find_locked(tx, &name).await?;
                Etag::of(before.revision).check_if_given(&etag)?;
                rows::delete(tx.connection(), &name).await?;
                retired_name::retire(tx.connection(), resource(&name), before.revision, now).await?;
                tx.append(lines::api_deleted(&before), &actor);
                Ok(())
            })
        });
        self.served.after(committed.await).await
    }
}

impl NewApi {
    fn into_api(self, revision: u64, now: OffsetDateTime) -> Api {
        let (description, labels, read_methods) = Default::default();
        let (create_time, update_time) = (now, now);
        let Self { name, upstream, change, .. } = self;
        let blank = Api { name, upstream, read_methods, description, labels, create_time, update_time, revision: 0 };
        Api { revision, ..change.applied_to(&blank, now) }
    }
}

fn resource(name: &ServiceName) -> String {
    format!("apis/{name}")
}

/// The revision at which the new API begins.
async fn first_revision(db: &impl ConnectionTrait, new: &NewApi) -> Result<u64, RegistryError> {
    let resource = resource(&new.name);
    if rows::find(db, &new.name).await?.is_some() {
        return Err(RegistryError::NameTaken { resource });
    }
    super::first_revision(db, &resource, new.reuse_name).await
}

async fn find(tx: &Tx, name: &ServiceName) -> Result<Api, RegistryError> {
    let found = rows::find(tx.connection(), name).await?;
    found.ok_or_else(|| RegistryError::NotFound { resource: resource(name) })
}

async fn find_locked(tx: &Tx, name: &ServiceName) -> Result<Api, RegistryError> {
    let found = rows::find_locked(tx.connection(), name).await?;
    found.ok_or_else(|| RegistryError::NotFound { resource: resource(name) })
}
