//! What a new principal gets in the same step: grants and groups.

use passgate_kit::client::{GroupId, MAX_PATTERNS, Patterns};

use crate::acting::Acting;
use crate::error::IdentityError;
use crate::store::{grants, members, query};

/// Most groups of a principal.
pub const MAX_GROUPS: usize = 100;

/// Grants and groups.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// Patterns to hold directly.
    pub grants: Patterns,
    /// Groups to be in.
    pub groups: Vec<GroupId>,
}

impl Bundle {
    /// Passes if the caller may give this, and there is not too much of it.
    ///
    /// # Errors
    /// Names what lacks, the group that is not there, or the limit.
    pub async fn check(&self, acting: &Acting<'_>) -> Result<(), IdentityError> {
        if self.groups.len() > MAX_GROUPS {
            return Err(IdentityError::LimitReached { what: "groups for one principal", limit: MAX_GROUPS });
        }
        if self.grants.len() > MAX_PATTERNS {
            return Err(IdentityError::LimitReached { what: "patterns for one principal", limit: MAX_PATTERNS });
        }
        let mut holders = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            holders.push(acting.principals.group(*group).await?.group_name);
        }
        let by_groups = query::patterns_of(acting.principals.conn(), holders).await?;
        acting.must_hold(&self.grants.union(&by_groups))
    }

    /// Gives it to a new principal.
    pub async fn give(&self, acting: &Acting<'_>, principal: &str) -> Result<(), IdentityError> {
        let principals = &acting.principals;
        let (now, by) = (principals.now(), acting.who.to_string());
        for pattern in self.grants.iter() {
            grants::give(principals.conn(), principal, pattern, &by, now).await?;
        }
        for group in &self.groups {
            members::add(principals.conn(), *group, principal, now).await?;
        }
        Ok(())
    }
}
