//! What is registered: which endpoints and gRPC APIs there are, where they go, and under which rules.
//!
//! The data plane reads one immutable [`Registry`] per request, loaded once from the [`RegistryReader`]: a second load may be
//! another registry. The task that follows the gateway's feed holds the only [`RegistryWriter`].

mod api;
mod apis;
pub mod built_in;
mod change;
mod endpoint;
mod endpoints;
mod follower;
mod lines;
mod power;
pub mod rules;
mod served;
mod upstream;

use std::collections::HashMap;
use std::sync::Arc;

use passgate_kit::client::{Ambient, Position};
use passgate_kit::store::StoreError;
use sea_orm::{ConnectionTrait, DbErr};
use time::OffsetDateTime;

pub use api::{Api, ApiRoute, ApiTarget};
pub use apis::{Apis, NewApi};
pub use built_in::BuiltIn;
pub use change::{ApiChange, EndpointChange};
pub use endpoint::{Access, DEFAULT_TIMEOUT, Endpoint, EndpointRoute, MAX_TIMEOUT};
pub use endpoints::{Endpoints, NewEndpoint};
pub use follower::RegistryFollower;
pub use power::Power;
pub use served::Served;
pub use upstream::{Host, UpstreamError, UpstreamUrl};

use crate::error::RegistryError;
use crate::fresh::{FreshReader, FreshWriter};
use crate::store::retired_name;

/// All routes as of one position in the gateway's feed.
#[derive(Debug)]
pub struct Registry {
    endpoints: HashMap<Box<str>, Arc<EndpointRoute>>,
    apis: HashMap<Box<str>, Arc<ApiRoute>>,
    as_of: Position,
}

impl Registry {
    /// The registry with these routes, Passgate's own services among them whatever `apis` says.
    pub fn new(
        endpoints: impl IntoIterator<Item = EndpointRoute>,
        apis: impl IntoIterator<Item = ApiRoute>,
        as_of: Position,
    ) -> Self {
        let endpoints = endpoints.into_iter().map(|route| (route.name.as_str().into(), Arc::new(route))).collect();
        let apis = apis.into_iter().chain(built_in::routes());
        Self { endpoints, apis: apis.map(|route| (route.name.as_str().into(), Arc::new(route))).collect(), as_of }
    }

    /// The endpoint of this name, compared byte by byte. Look at [`EndpointRoute::enabled`]: one that is switched off is
    /// here too.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Option<&Arc<EndpointRoute>> {
        self.endpoints.get(name)
    }

    /// The API with this full name, compared byte by byte.
    #[must_use]
    pub fn api(&self, service: &str) -> Option<&Arc<ApiRoute>> {
        self.apis.get(service)
    }

    /// The position in the gateway's feed that it is true for.
    #[must_use]
    pub const fn as_of(&self) -> Position {
        self.as_of
    }
}

/// The registry as the data plane reads it. `current()` is `None` before the first was read, and once the gateway has not
/// heard from its database for longer than the bound: then nobody can know whether an endpoint still exists.
pub type RegistryReader = FreshReader<Registry>;

/// The right to replace the registry.
pub type RegistryWriter = FreshWriter<Registry>;

/// The revision at which something new of this name begins: above all that the name had before.
async fn first_revision(db: &impl ConnectionTrait, resource: &str, reuse_name: bool) -> Result<u64, RegistryError> {
    match retired_name::last_revision(db, resource).await? {
        Some(_) if !reuse_name => Err(RegistryError::NameWasUsed { resource: resource.to_owned() }),
        Some(last) => Ok(last.saturating_add(1)),
        None => Ok(1),
    }
}

/// The refusal for a row that somebody else wrote at the same time.
fn taken(error: DbErr, resource: String) -> RegistryError {
    match StoreError::from(error) {
        error if error.is_unique_violation() => RegistryError::NameTaken { resource },
        error => error.into(),
    }
}

/// The time of day, to the microsecond: what every database keeps.
fn now(ambient: &Ambient) -> OffsetDateTime {
    let now = ambient.now();
    now.replace_nanosecond(now.microsecond() * 1000).unwrap_or(now)
}
