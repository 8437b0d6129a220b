//! `KeyService`.

use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::key_service_server::KeyService;
use tonic::{Request, Response, Status};

use super::convert;
use crate::key::Keys;

/// The RPCs of keys.
#[derive(Debug)]
pub struct KeyRpc(Keys);

impl KeyRpc {
    /// The RPCs of `keys`.
    #[must_use]
    pub const fn new(keys: Keys) -> Self {
        Self(keys)
    }
}

#[tonic::async_trait]
impl KeyService for KeyRpc {
    async fn list_keys(&self, _: Request<pb::ListKeysRequest>) -> Result<Response<pb::ListKeysResponse>, Status> {
        let keys = self.0.list().iter().map(convert::key).collect();
        Ok(Response::new(pb::ListKeysResponse { keys, issuer: self.0.issuer().to_owned() }))
    }
}
