//! Who can hold grants: a principal or a group.

use std::fmt;

use passgate_kit::client::{GroupId, IdError, Principal};

/// A principal or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A principal.
    Principal(Principal),
    /// A group.
    Group(GroupId),
}

impl Holder {
    /// Reads `users/{id}`, `api-users/{id}` or `groups/{id}`.
    ///
    /// # Errors
    /// If `text` is none of these.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let group = GroupId::parse_resource_name(text).map(Self::Group);
        group
            .or_else(|_| Principal::parse(text).map(Self::Principal))
            .map_err(|_| IdError::NotAName { expected: "users/{id}, api-users/{id} or groups/{id}" })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(principal) => principal.fmt(out),
            Self::Group(id) => out.write_str(&id.resource_name()),
        }
    }
}
