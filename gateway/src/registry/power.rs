//! Whether a caller holds what a change to the registry would give it power over (design: power is contained).
//!
//! The gateway knows nobody's grants. It asks the token service what of a pattern the caller's own token does not cover now:
//! there the one containment function compares grants met with scopes, and nothing is taken from a cache.

use passgate_kit::caller::Caller;
use passgate_kit::client::{DecisionClient, EndpointName, Pattern, Patterns, Resource, ServiceName};

use crate::error::RegistryError;

/// Asks what callers hold.
#[derive(Clone, Debug)]
pub struct Power {
    client: DecisionClient,
}

impl Power {
    /// Asks by `client`.
    pub const fn new(client: DecisionClient) -> Self {
        Self { client }
    }

    /// Passes if the caller holds `endpoints/{name}`, with both actions.
    ///
    /// # Errors
    /// With what it lacks, or that nobody can say.
    pub async fn over_endpoint(&self, caller: &Caller, name: &EndpointName) -> Result<(), RegistryError> {
        self.over(caller, Pattern::exactly(&Resource::Endpoint(name.clone()))).await
    }

    /// Passes if the caller holds `apis/{name}/*`, with both actions.
    ///
    /// # Errors
    /// With what it lacks, or that nobody can say.
    pub async fn over_api(&self, caller: &Caller, name: &ServiceName) -> Result<(), RegistryError> {
        // A name too long to be in a pattern is covered by `*` alone.
        let whole = Pattern::parse(&format!("apis/{name}/*")).unwrap_or_else(|_| Pattern::everything());
        self.over(caller, whole).await
    }

    async fn over(&self, caller: &Caller, wanted: Pattern) -> Result<(), RegistryError> {
        let wanted = Patterns::from(wanted);
        let lacking = match &caller.credential {
            Some(credential) => self.client.lacking(credential, &wanted, caller.at_least_text.as_deref()).await?,
            None => wanted,
        };
        if lacking.is_empty() { Ok(()) } else { Err(RegistryError::NotHeld { lacking }) }
    }
}
