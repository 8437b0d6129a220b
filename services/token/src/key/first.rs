//! The first start: which installation this is, and its first key.

use std::sync::Arc;

use passgate_kit::client::{KeyState, PublicKey};
use passgate_kit::feed::{Actor, Change, Touch};
use passgate_kit::store::{Store, Tx};
use serde_json::json;
use uuid::Uuid;

use super::ring::KeyFailure;
use super::seal::MasterKey;
use super::signer::Signer;
use crate::store::installation;
use crate::store::signing_key::{self, StoredKey};

/// Makes sure that there is an installation with a key to sign with, and says which installation it is.
///
/// # Errors
/// If the database refuses, or a key cannot be made.
pub async fn make_sure(store: &Store, master: &Arc<MasterKey>) -> Result<Uuid, KeyFailure> {
    let master = Arc::clone(master);
    let committed = store.write(move |tx: &mut Tx| {
        Box::pin(async move {
            let fresh = tx.ambient().uuid_v7();
            let (installation, _) = installation::lock_or_make(tx.connection(), fresh).await?;
            if signing_key::all(tx.connection()).await?.is_empty() {
                make_first_key(tx, &master).await?;
            }
            Ok::<_, KeyFailure>(installation)
        })
    });
    Ok(committed.await?.value)
}

async fn make_first_key(tx: &mut Tx, master: &MasterKey) -> Result<(), KeyFailure> {
    let (signer, seed) = Signer::generate(tx.ambient())?;
    let sealed = master.seal(signer.kid(), seed.as_slice(), tx.ambient())?;
    let key = StoredKey {
        public: PublicKey::new(signer.public_key(), KeyState::Signing).map_err(super::SignerError::from)?,
        sealed,
        create_time: tx.ambient().now(),
    };
    signing_key::insert(tx.connection(), &key).await?;
    let change = Change::new("key.created", format!("keys/{}", signer.kid()))
        .after(json!({ "algorithm": "EdDSA", "state": "signing" }))
        .touch(Touch::Key(signer.kid().to_string()));
    tx.append(change, &Actor::passgate("start"));
    Ok(())
}
