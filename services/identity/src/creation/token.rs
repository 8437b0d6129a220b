//! The token that is made together with an API user.

use passgate_kit::caller::Caller;
use passgate_kit::client::{Description, Labels, Name, Patterns};
use passgate_kit::fields::FieldViolation;
use passgate_proto::token::v1::PrepareTokenRequest;
use passgate_proto::r#type::v1::PatternList;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::error::IdentityError;
use crate::store::creation_row;

/// The token to be made.
#[derive(Clone, Debug)]
pub struct InitialToken {
    /// Its name.
    pub name: Name,
    /// What it may do at most.
    pub scopes: Option<Patterns>,
    /// How long it is good for: the token service knows the rules.
    pub ttl: Option<prost_types::Duration>,
    /// For people to read.
    pub description: Description,
    /// To filter by.
    pub labels: Labels,
}

impl InitialToken {
    /// What the token service is asked, for this creation. The same for each repeat.
    pub fn prepare(&self, row: &creation_row::Model, caller: &Caller) -> Result<PrepareTokenRequest, IdentityError> {
        let credential = caller.credential.as_ref().ok_or(passgate_kit::caller::CallerError::NoPrincipal)?;
        Ok(PrepareTokenRequest {
            creation_id: row.id.clone(),
            token_id: row.token_id.clone().unwrap_or_default(),
            owner: row.api_user.clone(),
            name: self.name.to_string(),
            scopes: self.scopes.as_ref().map(|scopes| PatternList { patterns: scopes.to_strings() }),
            ttl: self.ttl,
            description: self.description.to_string(),
            labels: self.labels.as_map().clone().into_iter().collect(),
            caller_token: credential.expose().to_owned(),
            at_least: caller.at_least_text.clone().unwrap_or_default(),
            peer: caller.peer.clone(),
        })
    }
}

/// A refusal of the token service, with its fields named as the caller of this service wrote them.
pub fn told(error: IdentityError) -> IdentityError {
    match error {
        IdentityError::TokenRefused(status) if status.code() == Code::InvalidArgument => {
            IdentityError::TokenRefused(Box::new(renamed(&status)))
        }
        other => other,
    }
}

fn renamed(status: &Status) -> Status {
    let mut details: ErrorDetails = status.get_error_details();
    let fields: Vec<FieldViolation> = details.bad_request().map_or_else(Vec::new, |bad| {
        let of_token = |field: &str| format!("token.{field}");
        bad.field_violations
            .iter()
            .map(|wrong| FieldViolation { path: of_token(&wrong.field), rule: wrong.description.clone() })
            .collect()
    });
    details.set_bad_request(Vec::new());
    for FieldViolation { path, rule } in fields {
        details.add_bad_request_violation(path, rule);
    }
    Status::with_error_details(status.code(), status.message(), details)
}
