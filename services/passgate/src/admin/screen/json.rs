//! Messages as JSON, by the contracts' own descriptors: the same names and forms as grpcurl writes.

use std::sync::LazyLock;

use passgate_proto::PUBLIC_DESCRIPTOR_SET;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::Value;

use super::record::Named;
use crate::admin::failure::Failure;

/// The contracts.
static CONTRACTS: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(PUBLIC_DESCRIPTOR_SET).ok());

/// A message with its descriptor, so that its fields can be walked.
///
/// # Errors
/// If this program's contracts do not know it, which a test does not let happen.
pub fn described<M: Named>(message: &M) -> Result<DynamicMessage, Failure> {
    let pool = CONTRACTS.as_ref().ok_or(Failure::Contract("descriptors"))?;
    let descriptor = pool.get_message_by_name(M::NAME).ok_or(Failure::Contract(M::NAME))?;
    DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).map_err(|_| Failure::Contract(M::NAME))
}

/// A message as JSON.
///
/// # Errors
/// As [`described`].
pub fn to_json<M: Named>(message: &M) -> Result<Value, Failure> {
    serde_json::to_value(described(message)?).map_err(|_| Failure::Contract(M::NAME))
}

#[cfg(test)]
mod tests {
    use passgate_proto::token::v1::Token;
    use passgate_proto::token::v1::token::State;

    use super::super::record::NAMES;
    use super::*;

    #[test]
    fn every_message_that_is_shown_is_in_the_contracts() {
        let pool = CONTRACTS.as_ref().expect("descriptors");
        for name in NAMES {
            assert!(pool.get_message_by_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn json_has_the_names_and_forms_that_grpcurl_writes() {
        let token = Token {
            id: "1".to_owned(),
            state: State::Active.into(),
            create_time: Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 }),
            ..Token::default()
        };

        let json = to_json(&token).expect("JSON");

        assert_eq!(json, serde_json::json!({"id": "1", "state": "STATE_ACTIVE", "createTime": "2027-01-15T08:00:00Z"}));
    }
}
