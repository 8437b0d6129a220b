//! What ties the gateway to the other services: the secrets it shows them, and who decides.

use std::sync::Arc;

use passgate_kit::access::AccessLayer;
use passgate_kit::client::client::DecisionClient;
use passgate_kit::client::decider::{CachedDecisions, Parts, Settings, Watching};
use passgate_kit::client::{Ambient, MarkKey, SecretString};
use passgate_kit::keyfile::{read_key, read_secret};
use passgate_kit::mark::{FeedOf, Marks};
use passgate_kit::server::dial_link;
use tonic::transport::Channel;

use crate::admin::access_layer;
use crate::config::Config;
use crate::registry::Power;
use crate::rpc::PossibleCallers;
use crate::service::StartError;

/// The ties. Nothing is connected to before it is used.
#[derive(Debug)]
pub struct Links {
    /// The credential by which the other services know this gateway.
    pub credential: Arc<SecretString>,
    /// Writes and reads change marks.
    pub marks: Marks,
    /// Who decides: from memory what it can.
    pub decisions: CachedDecisions,
    /// Who says what a token does not cover, for what gives power: never from memory.
    pub power: Power,
    /// Who says whom a token could be of.
    pub callers: PossibleCallers,
}

impl Links {
    /// Reads the secrets. The [`Watching`] has to run, or nothing is decided from memory.
    ///
    /// # Errors
    /// If one of them cannot be used, or an address is none.
    pub fn new(config: &Config, ambient: &Ambient) -> Result<(Self, Watching), StartError> {
        let credential = Arc::new(read_secret(&config.credential_file)?);
        let key = Arc::new(MarkKey::new(*read_key(&config.mark_key_file)?));
        let dial = |url: &String| dial_link(ambient, url, &config.link_tls);
        let channels = config.token_urls.iter().map(dial).collect::<Result<Vec<Channel>, _>>()?;
        let client = |channel: &Channel| {
            DecisionClient::new(channel.clone(), Arc::clone(&credential), ambient.clone(), config.max_staleness.0)
        };
        let power = Power::new(channels.iter().map(client).collect());
        let callers = PossibleCallers::new(channels.clone());
        let (decisions, watching) = CachedDecisions::new(Parts {
            replicas: channels,
            service_credential: Arc::clone(&credential),
            marks: Some(Arc::clone(&key)),
            ambient: ambient.clone(),
            settings: settings(config, &credential, ambient),
        });
        let marks = Marks::new(key, FeedOf::Gateway);
        Ok((Self { credential, marks, decisions, power, callers }, watching))
    }

    /// The guard of the gateway's own services.
    pub fn access_layer(&self, open_reflection: bool) -> AccessLayer {
        let (decisions, credential) = (Arc::new(self.decisions.clone()), Arc::clone(&self.credential));
        access_layer(decisions, credential, self.marks.clone(), open_reflection)
    }
}

fn settings(config: &Config, credential: &SecretString, ambient: &Ambient) -> Settings {
    // Those who list deciders see the instance that the credential names, and the port that callers know it by.
    let name = format!("{} at {}", instance(credential), config.listen);
    Settings {
        max_staleness: config.max_staleness.0,
        memory: config.decision_memory,
        ask_deadline: config.ask_deadline.0,
        ..Settings::new(name, ambient.uuid_v7())
    }
}

/// The instance that a credential, `pgs_{instance}_{secret}`, says that it is of. What is behind is not looked at.
fn instance(credential: &SecretString) -> &str {
    let named = credential.expose().strip_prefix("pgs_").and_then(|rest| rest.rsplit_once('_'));
    named.map_or("gateway", |(instance, _)| instance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_names_its_instance_and_nothing_of_its_secret_is_taken_for_one() {
        let of = |text: &str| instance(&SecretString::new(text.to_owned())).to_owned();

        assert_eq!(of("pgs_gateway-1_secret"), "gateway-1");
        assert_eq!(of("pgs_secret"), "gateway");
        assert_eq!(of("secret_secret"), "gateway");
    }
}
