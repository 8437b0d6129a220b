//! Who can call this? Principals that hold a grant, with the grants and the live tokens that give it.
//!
//! What is asked about is a pattern with an action: one resource, or all methods of a service. A grant gives it if the two
//! have something in common, and a token can call if its scopes share something with that.

use std::collections::BTreeMap;

use passgate_kit::client::{GroupId, Pattern, Patterns, Principal, TokenId};
use passgate_kit::store::{Store, StoreError};
use time::OffsetDateTime;

use super::decide::Owner;
use crate::error::TokenError;
use crate::memory::Memory;
use crate::store::{grants, projection, token};
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
    /// The scope that lets it; empty for a token without scopes.
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

    /// At most `limit` principals that can call something of `wanted`, in the order of their names, those after `after`.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list(
        &self,
        wanted: &Pattern,
        after: String,
        limit: u64,
        now: OffsetDateTime,
    ) -> Result<Vec<CallerFound>, TokenError> {
        let asked = wanted.clone();
        let (names, tokens) = self
            .store
            .snapshot(move |db| {
                Box::pin(async move {
                    let holders = holders_of(db, &asked).await?;
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
                found.push(caller(&owner, by_owner.remove(&name).unwrap_or_default(), wanted));
            }
        }
        Ok(found)
    }
}

/// Who holds a pattern that gives something of it: principals and groups.
async fn holders_of(db: &impl sea_orm::ConnectionTrait, wanted: &Pattern) -> Result<Vec<String>, StoreError> {
    let text = wanted.stem();
    let stems: Vec<String> = (0..=text.len()).filter_map(|end| text.get(..end).map(str::to_owned)).collect();
    let mut holders = grants::holders_of_stems(db, &stems).await?;
    if wanted.is_prefix() {
        holders.extend(grants::holders_of_longer_stems(db, text).await?);
    }
    holders.retain(|(_, pattern)| pattern.meet(wanted).is_some());
    let mut names: Vec<String> = holders.into_iter().map(|(holder, _)| holder).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn caller(owner: &Owner, tokens: Vec<Token>, wanted: &Pattern) -> CallerFound {
    let giving = |pattern: &&Pattern| pattern.meet(wanted).is_some();
    let own = owner
        .record
        .grants
        .iter()
        .filter(giving)
        .map(|pattern| GrantSource { pattern: pattern.to_string(), holder: owner.record.principal.to_string() });
    let by_group = owner.groups.iter().flat_map(|group| {
        group
            .grants
            .iter()
            .filter(giving)
            .map(|pattern| GrantSource { pattern: pattern.to_string(), holder: GroupId::resource_name(group.id) })
    });
    let given = owner.grants().meet(&Patterns::from(wanted.clone()));
    let tokens = tokens.into_iter().filter_map(|token| {
        let scope = match token.scopes.patterns() {
            None => String::new(),
            Some(scopes) => first_sharing(scopes, &given)?.to_string(),
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

/// The first scope that has something in common with what is `given`.
fn first_sharing<'a>(scopes: &'a Patterns, given: &Patterns) -> Option<&'a Pattern> {
    scopes.iter().find(|scope| given.iter().any(|part| part.meet(scope).is_some()))
}
