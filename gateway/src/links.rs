//! What ties the gateway to the other services: the secrets it shows them, and who decides.

use std::sync::Arc;
use std::time::Duration;

use passgate_kit::access::AccessLayer;
use passgate_kit::client::{Ambient, DecisionClient, DecisionSource, KeySet, MarkKey, SecretString};
use passgate_kit::keyfile::{read_key, read_secret};
use passgate_kit::mark::{FeedOf, Marks};
use passgate_kit::server::channel;
use tonic::transport::Channel;

use crate::admin::access_layer;
use crate::config::Config;
use crate::fresh::FreshWriter;
use crate::keys::KeyFollower;
use crate::service::StartError;

/// The ties. Nothing is connected to before it is used.
#[derive(Debug)]
pub struct Links {
    /// The credential by which the other services know this gateway.
    pub credential: Arc<SecretString>,
    /// Writes and reads change marks.
    pub marks: Marks,
    /// Who decides.
    pub decisions: Arc<dyn DecisionSource>,
    /// Who says what a token does not cover, for what gives power.
    pub holdings: DecisionClient,
    /// To the token service.
    pub channel: Channel,
}

impl Links {
    /// Reads the secrets.
    ///
    /// # Errors
    /// If one of them cannot be used, or the token service's address is none.
    pub fn new(config: &Config, ambient: &Ambient) -> Result<Self, StartError> {
        let credential = Arc::new(read_secret(&config.credential_file)?);
        let marks = Marks::new(Arc::new(MarkKey::new(*read_key(&config.mark_key_file)?)), FeedOf::Gateway);
        let channel = channel(&config.token_url)?;
        let client =
            DecisionClient::new(channel.clone(), Arc::clone(&credential), ambient.clone(), config.max_staleness.0);
        Ok(Self { credential, marks, decisions: Arc::new(client.clone()), holdings: client, channel })
    }

    /// What keeps the edge's keys current.
    pub fn key_follower(&self, ambient: &Ambient, writer: FreshWriter<KeySet>, every: Duration) -> KeyFollower {
        KeyFollower::new(self.channel.clone(), Arc::clone(&self.credential), ambient.clone(), writer, every)
    }

    /// The guard of the gateway's own services.
    pub fn access_layer(&self, open_reflection: bool) -> AccessLayer {
        let (decisions, credential) = (Arc::clone(&self.decisions), Arc::clone(&self.credential));
        access_layer(decisions, credential, self.marks.clone(), open_reflection)
    }
}
