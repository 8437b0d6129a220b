//! What a message of the contracts is called, and the columns of a list of them.

use prost::Message;
use serde_json::Value;

use super::json::to_json;
use crate::admin::failure::Failure;

/// A message whose name in the contracts is known, so that it can be shown without code of its own.
pub trait Named: Message {
    /// Its full name, such as `passgate.token.v1.Token`.
    const NAME: &'static str;
}

/// A message that can be a line of a list.
pub trait Record: Named {
    /// The columns' names.
    const COLUMNS: &'static [&'static str];

    /// Its line, a cell for each column.
    fn cells(&self) -> Vec<String>;
}

/// What a list needs of its lines: every [`Record`] has it.
pub trait Row {
    /// The columns' names.
    const COLUMNS: &'static [&'static str];

    /// Its line, a cell for each column.
    fn cells(&self) -> Vec<String>;

    /// As JSON.
    ///
    /// # Errors
    /// If this program's contracts do not know it.
    fn json(&self) -> Result<Value, Failure>;
}

impl<R: Record> Row for R {
    const COLUMNS: &'static [&'static str] = R::COLUMNS;

    fn cells(&self) -> Vec<String> {
        Record::cells(self)
    }

    fn json(&self) -> Result<Value, Failure> {
        to_json(self)
    }
}

macro_rules! named {
    ($($message:ty = $name:literal,)+) => {
        $(impl Named for $message {
            const NAME: &'static str = $name;
        })+

        #[cfg(test)]
        pub(super) const NAMES: &[&str] = &[$($name,)+];
    };
}

named! {
    passgate_proto::identity::v1::ApiUser = "passgate.identity.v1.ApiUser",
    passgate_proto::identity::v1::CreateApiUserResponse = "passgate.identity.v1.CreateApiUserResponse",
    passgate_proto::identity::v1::CreateUserResponse = "passgate.identity.v1.CreateUserResponse",
    passgate_proto::identity::v1::GetSelfResponse = "passgate.identity.v1.GetSelfResponse",
    passgate_proto::identity::v1::Grant = "passgate.identity.v1.Grant",
    passgate_proto::identity::v1::Group = "passgate.identity.v1.Group",
    passgate_proto::identity::v1::SetPasswordResponse = "passgate.identity.v1.SetPasswordResponse",
    passgate_proto::identity::v1::User = "passgate.identity.v1.User",
    passgate_proto::r#type::v1::AuditEvent = "passgate.type.v1.AuditEvent",
    passgate_proto::r#type::v1::ChainReport = "passgate.type.v1.ChainReport",
    passgate_proto::token::v1::CreateTokenResponse = "passgate.token.v1.CreateTokenResponse",
    passgate_proto::token::v1::Decider = "passgate.token.v1.Decider",
    passgate_proto::token::v1::ExplainDecisionResponse = "passgate.token.v1.ExplainDecisionResponse",
    passgate_proto::token::v1::GetSelfResponse = "passgate.token.v1.GetSelfResponse",
    passgate_proto::token::v1::Key = "passgate.token.v1.Key",
    passgate_proto::token::v1::RevokeAllTokensResponse = "passgate.token.v1.RevokeAllTokensResponse",
    passgate_proto::token::v1::RevokeTokenResponse = "passgate.token.v1.RevokeTokenResponse",
    passgate_proto::token::v1::Token = "passgate.token.v1.Token",
    passgate_proto::token::v1::list_callers_response::Caller = "passgate.token.v1.ListCallersResponse.Caller",
    passgate_proto::token::v1::explain_decision_response::Step = "passgate.token.v1.ExplainDecisionResponse.Step",
    passgate_proto::gateway::v1::Api = "passgate.gateway.v1.Api",
    passgate_proto::gateway::v1::CreateApiResponse = "passgate.gateway.v1.CreateApiResponse",
    passgate_proto::gateway::v1::CreateEndpointResponse = "passgate.gateway.v1.CreateEndpointResponse",
    passgate_proto::gateway::v1::Endpoint = "passgate.gateway.v1.Endpoint",
}
