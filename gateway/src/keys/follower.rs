//! Fetches the key set from the token service, again and again.

use std::sync::Arc;
use std::time::Duration;

use passgate_kit::client::client::present;
use passgate_kit::client::keyset::{KeyError, KeySet, KeyState, PublicKey};
use passgate_kit::client::{Ambient, SecretString};
use passgate_proto::token::v1::key::State;
use passgate_proto::token::v1::key_service_client::KeyServiceClient;
use passgate_proto::token::v1::{Key, ListKeysRequest, ListKeysResponse};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::fresh::FreshWriter;

/// How long one fetch may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// How soon after a failure the next try is made.
const RETRY: Duration = Duration::from_millis(250);

/// Why there is no key set from a fetch.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The token service did not answer, or refused.
    #[error("the token service did not answer with its keys")]
    Fetch(#[from] Box<Status>),
    /// A key that no honest token service has.
    #[error("the token service answered with key {kid}, which cannot be used")]
    Key {
        /// The key's id.
        kid: String,
        /// What is wrong with it.
        #[source]
        cause: KeyError,
    },
    /// A key of which not even the form is right.
    #[error("the token service answered with key {kid}, which is not an Ed25519 key in a state that is known here")]
    Form {
        /// The key's id.
        kid: String,
    },
    /// No issuer.
    #[error("the token service answered with keys of no issuer")]
    NoIssuer,
}

/// Keeps the edge's key set current.
#[derive(Debug)]
pub struct KeyFollower {
    channel: Channel,
    service_credential: Arc<SecretString>,
    ambient: Ambient,
    writer: FreshWriter<KeySet>,
    every: Duration,
}

impl KeyFollower {
    /// Fetches over `channel`, as the service that `service_credential` names, every `every`.
    #[must_use]
    pub fn new(
        channel: Channel,
        service_credential: Arc<SecretString>,
        ambient: Ambient,
        writer: FreshWriter<KeySet>,
        every: Duration,
    ) -> Self {
        Self { channel, service_credential, ambient, writer, every }
    }

    /// Fetches until `stop`. Failures are retried soon, and logged when they begin and when they end.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failing = false;
        loop {
            let outcome = self.fetch().await;
            match &outcome {
                Ok(()) if failing => tracing::info!("the token service answers with its keys again"),
                Err(error) if !failing => tracing::warn!("no keys: {error}"),
                Ok(()) | Err(_) => {}
            }
            failing = outcome.is_err();
            let pause = if failing { RETRY.min(self.every) } else { self.every };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn fetch(&mut self) -> Result<(), KeysError> {
        let mut request = Request::new(ListKeysRequest {});
        request.set_timeout(DEADLINE);
        present(&self.service_credential, request.metadata_mut()).map_err(Box::new)?;
        let asked = self.ambient.moment(); // before sending: the set may change while the answer is on its way
        let mut service = KeyServiceClient::new(self.channel.clone());
        let answer = tokio::time::timeout(DEADLINE, service.list_keys(request)).await;
        let answer = answer.map_err(|_| Box::new(Status::deadline_exceeded("no answer in time")))?.map_err(Box::new)?;
        self.writer.publish(read_keys(answer.get_ref())?, asked);
        Ok(())
    }
}

/// The key set that the token service answered with: all of it or nothing, so that no half of it is taken for the whole.
fn read_keys(answer: &ListKeysResponse) -> Result<KeySet, KeysError> {
    if answer.issuer.is_empty() {
        return Err(KeysError::NoIssuer);
    }
    let keys = answer.keys.iter().map(read_key).collect::<Result<Vec<_>, _>>()?;
    Ok(KeySet::new(answer.issuer.clone(), keys))
}

fn read_key(key: &Key) -> Result<PublicKey, KeysError> {
    let form = || KeysError::Form { kid: key.kid.chars().take(64).collect() };
    let state = match key.state() {
        State::Published => KeyState::Published,
        State::Signing => KeyState::Signing,
        State::Retired => KeyState::Retired,
        State::Revoked => KeyState::Revoked,
        State::Unspecified => return Err(form()),
    };
    let bytes = <[u8; 32]>::try_from(key.public_key.as_slice()).map_err(|_| form())?;
    let read = PublicKey::new(bytes, state).map_err(|cause| KeysError::Key { kid: key.kid.clone(), cause })?;
    if read.kid().as_str() == key.kid && key.algorithm == "EdDSA" { Ok(read) } else { Err(form()) }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use passgate_kit::client::keyset::Kid;

    use super::*;

    fn key(seed: u8) -> Key {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key");
        let bytes: [u8; 32] = pair.public_key().as_ref().try_into().expect("32 bytes");
        Key {
            kid: Kid::of(&bytes).to_string(),
            algorithm: "EdDSA".to_owned(),
            public_key: bytes.to_vec(),
            state: State::Signing.into(),
            create_time: None,
        }
    }

    fn read(keys: Vec<Key>) -> Result<KeySet, KeysError> {
        read_keys(&ListKeysResponse { keys, issuer: "urn:passgate:test".to_owned() })
    }

    #[test]
    fn every_key_is_read_with_its_state_and_the_issuer() {
        let revoked = Key { state: State::Revoked.into(), ..key(2) };

        let set = read(vec![key(1), revoked]).expect("a set");

        assert_eq!(set.issuer(), "urn:passgate:test");
        let states: Vec<_> = set.keys().map(PublicKey::state).collect();
        assert_eq!(states, [KeyState::Signing, KeyState::Revoked]);
    }

    #[test]
    fn one_key_that_cannot_be_used_makes_the_whole_answer_unusable() {
        let low_order = [0; 32];
        for bad in [
            Key { public_key: vec![1; 31], ..key(2) },
            Key { algorithm: "RS256".to_owned(), ..key(2) },
            Key { state: 0, ..key(2) },
            Key { state: 77, ..key(2) },
            Key { kid: key(3).kid, ..key(2) },
            Key { kid: Kid::of(&low_order).to_string(), public_key: low_order.to_vec(), ..key(2) },
        ] {
            assert!(read(vec![key(1), bad.clone()]).is_err(), "{bad:?}");
        }
        assert!(matches!(
            read_keys(&ListKeysResponse { keys: vec![key(1)], issuer: String::new() }),
            Err(KeysError::NoIssuer)
        ));
    }
}
