//! Whether a caller holds what a change to the registry would give it power over (design: power is contained).
//!
//! The gateway knows nobody's grants. It asks the token service to decide, for the caller's own token, on the very resource
//! and both actions: allowed means that grants *and* scopes cover it now.
//!
//! For a whole API there is no such resource to ask for: `apis/{name}/*` is a pattern. Its scopes half is exact, since a
//! decision tells the token's scopes. Its grants half is asked for methods that nobody has: long random names, one for each
//! kind of first letter. Only a pattern that ends at or before the slash covers them all, unless somebody was granted each
//! of `_*`, a letter range in capitals and one in small letters of this very API.

use std::sync::Arc;

use futures_util::future::try_join_all;
use passgate_kit::caller::Caller;
use passgate_kit::client::{
    Action, Ambient, DecisionSource, EndpointName, MethodName, Pattern, Patterns, Question, Resource, ServiceName,
};

use crate::error::RegistryError;

/// Asks what callers hold.
#[derive(Clone)]
pub struct Power {
    decisions: Arc<dyn DecisionSource>,
    ambient: Ambient,
}

impl Power {
    /// Asks `decisions`.
    pub fn new(decisions: Arc<dyn DecisionSource>, ambient: Ambient) -> Self {
        Self { decisions, ambient }
    }

    /// Passes if the caller holds `endpoints/{name}`, with both actions.
    ///
    /// # Errors
    /// With what it lacks, or that nobody can say.
    pub async fn over_endpoint(&self, caller: &Caller, name: &EndpointName) -> Result<(), RegistryError> {
        let resource = Resource::Endpoint(name.clone());
        let questions = Action::ALL.map(|action| (resource.clone(), action, format!("{resource}:{action}")));
        self.all_allowed(caller, questions).await
    }

    /// Passes if the caller holds `apis/{name}/*`, with both actions.
    ///
    /// # Errors
    /// With what it lacks, or that nobody can say.
    pub async fn over_api(&self, caller: &Caller, name: &ServiceName) -> Result<(), RegistryError> {
        let whole = format!("apis/{name}/*");
        let wanted: Patterns = Pattern::parse(&whole).into_iter().collect();
        if let Some(holder) = caller.holder() {
            let lacking = holder.scopes.as_bound().lacking(&wanted);
            if !lacking.is_empty() {
                return Err(RegistryError::NotHeld { lacking });
            }
        }
        let methods = ["_", "Z", "z"].map(|first| self.method_that_nobody_has(first));
        let questions = methods.into_iter().flatten().flat_map(|method| {
            let whole = &whole;
            Action::ALL.map(move |action| {
                let resource = Resource::Method { service: name.clone(), method: method.clone() };
                (resource, action, format!("{whole}:{action}"))
            })
        });
        self.all_allowed(caller, questions).await
    }

    async fn all_allowed(
        &self,
        caller: &Caller,
        questions: impl IntoIterator<Item = (Resource, Action, String)>,
    ) -> Result<(), RegistryError> {
        let answers = questions.into_iter().map(|question| self.lacking_after(caller, question));
        let lacking: Patterns = try_join_all(answers).await?.into_iter().flatten().collect();
        if lacking.is_empty() { Ok(()) } else { Err(RegistryError::NotHeld { lacking }) }
    }

    /// The pattern, unless the caller's token may do this now.
    async fn lacking_after(
        &self,
        caller: &Caller,
        (resource, action, pattern): (Resource, Action, String),
    ) -> Result<Option<Pattern>, RegistryError> {
        let pattern = Pattern::parse(&pattern).ok();
        let Some(credential) = &caller.credential else {
            return Ok(pattern);
        };
        let question =
            Question { token: Arc::clone(credential), resource, action, at_least: caller.at_least_text.clone() };
        let allowed = self.decisions.decide(&question).await?.is_allowed();
        Ok(pattern.filter(|_| !allowed))
    }

    fn method_that_nobody_has(&self, first: &str) -> Option<MethodName> {
        let random = self.ambient.secret_base62(240);
        MethodName::parse(&format!("{first}{}", random.expose())).ok()
    }
}
