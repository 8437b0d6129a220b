//! What administrators do with endpoints. Each change is one transaction with its line in the feed, and is answered once
//! this gateway serves it.

use passgate_kit::caller::Caller;
use passgate_kit::client::{Ambient, EndpointName};
use passgate_kit::etag::Etag;
use passgate_kit::feed::Change;
use passgate_kit::idempotency::{Claim, Claimed};
use passgate_kit::store::{Committed, Store, Tx};
use sea_orm::ConnectionTrait;
use time::OffsetDateTime;

use super::{
    Access, DEFAULT_TIMEOUT, Endpoint, EndpointChange, EndpointRoute, Power, Served, UpstreamUrl, lines, taken,
};
use crate::error::RegistryError;
use crate::store::{endpoint as rows, retired_name};

/// What is needed to make an endpoint.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Its name.
    pub name: EndpointName,
    /// Where it goes.
    pub upstream: UpstreamUrl,
    /// Everything else that was said.
    pub change: EndpointChange,
    /// Made, but not served yet.
    pub disabled: bool,
    /// Take the name although a deleted endpoint had it.
    pub reuse_name: bool,
}

/// The endpoints of the registry.
#[derive(Clone)]
pub struct Endpoints {
    store: Store,
    power: Power,
    served: Served,
    ambient: Ambient,
}

impl Endpoints {
    /// The endpoints in `store`.
    pub fn new(store: Store, power: Power, served: Served, ambient: Ambient) -> Self {
        Self { store, power, served, ambient }
    }

    /// Makes an endpoint, which needs a caller that holds it: where it goes is power over whoever may call it already.
    ///
    /// # Errors
    /// If the name is or was taken, or the caller does not hold it.
    pub async fn create(
        &self,
        caller: &Caller,
        new: NewEndpoint,
        claim: Option<Claim>,
    ) -> Result<Committed<Endpoint>, RegistryError> {
        self.power.over_endpoint(caller, &new.name).await?;
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
                let endpoint = new.into_endpoint(revision, now);
                rows::insert(tx.connection(), &endpoint).await.map_err(|error| taken(error, resource))?;
                tx.append(lines::endpoint_created(&endpoint), &actor);
                Ok(endpoint)
            })
        });
        self.served.after(committed.await).await
    }

    /// What [`Endpoints::create`] would make: everything is checked, and nothing is made.
    ///
    /// # Errors
    /// As there.
    pub async fn check_create(&self, caller: &Caller, new: NewEndpoint) -> Result<Endpoint, RegistryError> {
        self.power.over_endpoint(caller, &new.name).await?;
        let now = super::now(&self.ambient);
        let read = self.store.read(move |conn| {
            Box::pin(async move {
                let revision = first_revision(conn, &new).await?;
                Ok(new.into_endpoint(revision, now))
            })
        });
        read.await
    }

    /// The endpoint of this name.
    ///
    /// # Errors
    /// If there is none.
    pub async fn get(&self, name: EndpointName) -> Result<Endpoint, RegistryError> {
        let found = {
            let name = name.clone();
            self.store
                .read(move |conn| Box::pin(async move { Ok::<_, RegistryError>(rows::find(conn, &name).await?) }))
                .await?
        };
        found.ok_or_else(|| RegistryError::NotFound { resource: resource(&name) })
    }

    /// At most `limit` endpoints in the order of their names, those after `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, after: String, limit: u64) -> Result<Vec<Endpoint>, RegistryError> {
        self.store.read(move |conn| Box::pin(async move { Ok(rows::list(conn, &after, limit).await?) })).await
    }

    /// Changes an endpoint.
    ///
    /// # Errors
    /// If there is none, it has another etag, or the change gives power that the caller does not hold.
    pub async fn update(
        &self,
        caller: &Caller,
        name: EndpointName,
        etag: String,
        change: EndpointChange,
    ) -> Result<Committed<Endpoint>, RegistryError> {
        let now = super::now(&self.ambient);
        let next = move |endpoint: &Endpoint| Some(change.clone().applied_to(endpoint, now));
        self.replace(caller, name, etag, next, lines::endpoint_updated).await
    }

    /// Serves an endpoint again, or stops serving it. One that is so already is answered as it is.
    ///
    /// # Errors
    /// If there is none, or serving it again gives power that the caller does not hold.
    pub async fn set_enabled(
        &self,
        caller: &Caller,
        name: EndpointName,
        enabled: bool,
    ) -> Result<Committed<Endpoint>, RegistryError> {
        let now = super::now(&self.ambient);
        let next = move |endpoint: &Endpoint| {
            let mut next = EndpointChange::default().applied_to(endpoint, now);
            next.route.enabled = enabled;
            (endpoint.route.enabled != enabled).then_some(next)
        };
        self.replace(caller, name, String::new(), next, lines::endpoint_switched).await
    }

    /// Puts what `next` makes of an endpoint in its place; `None` leaves it as it is. Whether the caller holds what that gives
    /// is looked at before the transaction, and in it, whether that look was at the same endpoint.
    async fn replace(
        &self,
        caller: &Caller,
        name: EndpointName,
        etag: String,
        next: impl Fn(&Endpoint) -> Option<Endpoint> + Send + 'static,
        line: fn(&Endpoint, &Endpoint) -> Change,
    ) -> Result<Committed<Endpoint>, RegistryError> {
        let seen = self.get(name.clone()).await?;
        let held = next(&seen).is_some_and(|next| seen.gives_power(&next));
        if held {
            self.power.over_endpoint(caller, &name).await?;
        }
        let actor = caller.actor();
        let committed = self.store.write(move |tx| {
            Box::pin(async move {
                let before = find_locked(tx, &name).await?;
                Etag::of(before.revision).check_if_given(&etag)?;
                let Some(after) = next(&before) else { return Ok(before) };
                if !held && before.gives_power(&after) {
                    return Err(RegistryError::Conflict { resource: resource(&name) });
                }
                rows::replace(tx.connection(), &after).await?;
                tx.append(line(&before, &after), &actor);
                Ok(after)
            })
        });
        self.served.after(committed.await).await
    }

    /// Removes an endpoint, and remembers that its name was used.
    ///
    /// # Errors
    /// If there is none, or it has another etag.
    pub async fn delete(
        &self,
        caller: &Caller,
        name: EndpointName,
        etag: String,
    ) -> Result<Committed<()>, RegistryError> {
        let (actor, now) = (caller.actor(), super::now(&self.ambient));
        let committed = self.store.write(move |tx| {
            Box::pin(async move {
                let before = find_locked(tx, &name).await?;
                Etag::of(before.revision).check_if_given(&etag)?;
                rows::delete(tx.connection(), &name).await?;
                retired_name::retire(tx.connection(), resource(&name), before.revision, now).await?;
                tx.append(lines::endpoint_deleted(&before), &actor);
                Ok(())
            })
        });
        self.served.after(committed.await).await
    }
}

impl NewEndpoint {
    fn into_endpoint(self, revision: u64, now: OffsetDateTime) -> Endpoint {
        let route = EndpointRoute {
            name: self.name,
            upstream: self.upstream,
            access: Access::TokenRequired,
            methods: Vec::new(),
            read_methods: Vec::new(),
            fixed_query: Default::default(),
            timeout: DEFAULT_TIMEOUT,
            max_request_bytes: None,
            enabled: !self.disabled,
        };
        let (description, labels) = Default::default();
        let blank = Endpoint { route, description, labels, create_time: now, update_time: now, revision: 0 };
        Endpoint { revision, ..self.change.applied_to(&blank, now) }
    }
}

fn resource(name: &EndpointName) -> String {
    format!("endpoints/{name}")
}

/// The revision at which the new endpoint begins.
async fn first_revision(db: &impl ConnectionTrait, new: &NewEndpoint) -> Result<u64, RegistryError> {
    let resource = resource(&new.name);
    if rows::find(db, &new.name).await?.is_some() {
        return Err(RegistryError::NameTaken { resource });
    }
    super::first_revision(db, &resource, new.reuse_name).await
}

async fn find(tx: &Tx, name: &EndpointName) -> Result<Endpoint, RegistryError> {
    let found = rows::find(tx.connection(), name).await?;
    found.ok_or_else(|| RegistryError::NotFound { resource: resource(name) })
}

async fn find_locked(tx: &Tx, name: &EndpointName) -> Result<Endpoint, RegistryError> {
    let found = rows::find_locked(tx.connection(), name).await?;
    found.ok_or_else(|| RegistryError::NotFound { resource: resource(name) })
}
