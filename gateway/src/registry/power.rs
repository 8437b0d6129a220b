//! Whether a caller holds what a change to the registry would give it power over (design: power is contained).
//!
//! The gateway knows nobody's grants. It asks the token service what of a pattern the caller's own token does not cover now:
//! there the one containment function compares grants met with scopes, and nothing is taken from a cache.

use std::sync::Arc;

use passgate_kit::caller::Caller;
use passgate_kit::client::{
    Credential, DecisionClient, EndpointName, Pattern, Patterns, Resource, ServiceName, Undecidable,
};

use crate::error::RegistryError;

/// Asks what callers hold.
#[derive(Clone, Debug)]
pub struct Power {
    replicas: Arc<[DecisionClient]>,
}

impl Power {
    /// Asks the token service, whose replicas these go to.
    pub fn new(replicas: Vec<DecisionClient>) -> Self {
        Self { replicas: replicas.into() }
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
            Some(credential) => self.lacking(credential, &wanted, caller.at_least_text.as_deref()).await?,
            None => wanted,
        };
        if lacking.is_empty() { Ok(()) } else { Err(RegistryError::NotHeld { lacking }) }
    }
    /// Asks one replica, and the next one if that cannot tell.
    async fn lacking(
        &self,
        token: &Credential,
        wanted: &Patterns,
        at_least: Option<&str>,
    ) -> Result<Patterns, Undecidable> {
        let mut failed = Undecidable::Unreachable(None);
        for replica in &*self.replicas {
            match replica.lacking(token, wanted, at_least).await {
                Err(refused @ Undecidable::BadQuestion(_)) => return Err(refused),
                Err(cause) => failed = cause,
                lacking => return lacking,
            }
        }
        Err(failed)
    }
}
