//! Who can call this? Principals that hold a grant, with the grants and the live tokens that give it.

use std::collections::BTreeMap;

use passgate_kit::client::{Action, GroupId, Pattern, Principal, Resource, TokenId};
use passgate_kit::store::{Store, StoreError};
use time::OffsetDateTime;

use super::decide::{Owner, first_covering};
use crate::error::TokenError;
use crate::memory::Memory;
use crate::store::{projection, token};
use crate::token::Token;

/// A principal that holds a grant.
#[derive(Clone, Debug)]
pub struct CallerFound {
    /// Who.
    pub principal: Principal,
    /// For people.
    pub display_name: String,
    /// Whether it may act now.
    pub enabled: bool,
    /// What gives it.
    pub grants: Vec<GrantSource>,
    /// Its live tokens that can call.
    pub tokens: Vec<TokenFound>,
}

/// A pattern that gives the right.
#[derive(Clone, Debug)]
pub struct GrantSource {
    /// The pattern.
    pub pattern: String,
    /// The principal, or `groups/{id}`.
    pub holder: String,
}

/// A live token that can call.
#[derive(Clone, Debug)]
pub struct TokenFound {
    /// Its id.
    pub id: TokenId,
    /// Its name.
    pub name: String,
    /// The scope that covers it; empty for a token without scopes.
    pub scope: String,
}

/// Answers it.
#[derive(Clone, Debug)]
pub struct Callers {
    store: Store,
    memory: Memory,
}

impl Callers {
    /// By what `store` and `memory` know.
    #[must_use]
    pub const fn new(store: Store, memory: Memory) -> Self {
        Self { store, memory }
    }

    /// At most `limit` principals in the order of their names, those after `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list(
        &self,
        (resource, action): (&Resource, Action),
        after: String,
        limit: u64,
        now: OffsetDateTime,
    ) -> Result<Vec<CallerFound>, TokenError> {
        let wanted = resource.clone();
        let (names, tokens) = self
            .store
            .snapshot(move |db| {
                Box::pin(async move {
                    let holders = covering_holders(db, &wanted, action).await?;
                    let names = projection::principals_holding(db, &holders, &after, limit).await?;
                    let tokens = token::live_of(db, &names, now).await?;
                    Ok::<_, StoreError>((names, tokens))
                })
            })
            .await?;
        let mut by_owner: BTreeMap<Principal, Vec<Token>> = BTreeMap::new();
        for token in tokens {
            by_owner.entry(token.owner).or_default().push(token);
        }
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            if let Some(owner) = self.memory.owner(name).await? {
                found.push(caller(&owner, by_owner.remove(&name).unwrap_or_default(), resource, action));
            }
        }
        Ok(found)
    }
}

/// Who holds a pattern that covers it: principals and groups.
async fn covering_holders(
    db: &impl sea_orm::ConnectionTrait,
    resource: &Resource,
    action: Action,
) -> Result<Vec<String>, StoreError> {
    let text = resource.to_string();
    let stems: Vec<String> = (0..=text.len()).filter_map(|end| text.get(..end).map(str::to_owned)).collect();
    let mut holders = crate::store::grants::holders_of_stems(db, &stems).await?;
    holders.retain(|(_, pattern)| pattern.covers(resource, action));
    let mut names: Vec<String> = holders.into_iter().map(|(holder, _)| holder).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn caller(owner: &Owner, tokens: Vec<Token>, resource: &Resource, action: Action) -> CallerFound {
    let covering = |pattern: &&Pattern| pattern.covers(resource, action);
    let own = owner
        .record
        .grants
        .iter()
        .filter(covering)
        .map(|pattern| GrantSource { pattern: pattern.to_string(), holder: owner.record.principal.to_string() });
    let by_group = owner.groups.iter().flat_map(|group| {
        group
            .grants
            .iter()
            .filter(covering)
            .map(|pattern| GrantSource { pattern: pattern.to_string(), holder: GroupId::resource_name(group.id) })
    });
    let tokens = tokens.into_iter().filter_map(|token| {
        let scope = match token.scopes.patterns() {
            None => String::new(),
            Some(patterns) => first_covering(patterns, resource, action)?.to_string(),
        };
        Some(TokenFound { id: token.id, name: token.name.to_string(), scope })
    });
    CallerFound {
        principal: owner.record.principal,
        display_name: owner.record.display_name.clone(),
        enabled: owner.record.enabled,
        grants: own.chain(by_group).collect(),
        tokens: tokens.collect(),
    }
}
