//! Giving and taking patterns.

use passgate_kit::client::{MAX_PATTERNS, Patterns};

use super::holder::Holder;
use crate::acting::Acting;
use crate::error::IdentityError;
use crate::store::{GroupFacts, PrincipalFacts, grant_row, grants, group_row, principal_row, query};

/// Gives patterns. What is there already stays as it was given.
pub async fn give(
    acting: &mut Acting<'_>,
    holder: Holder,
    patterns: Patterns,
) -> Result<Vec<grant_row::Model>, IdentityError> {
    let subject = Subject::find(acting, holder).await?;
    let (held, given) = subject.holdings(acting).await?;
    acting.must_hold(&held.union(&patterns))?;

    let new: Vec<_> = patterns.iter().filter(|pattern| !given.has(pattern)).cloned().collect();
    if given.len() + new.len() > MAX_PATTERNS {
        return Err(IdentityError::LimitReached { what: "patterns for one principal or group", limit: MAX_PATTERNS });
    }
    if !new.is_empty() {
        let before = subject.facts(acting).await?;
        let (now, by) = (acting.principals.now(), acting.who.to_string());
        for pattern in &new {
            grants::give(acting.principals.conn(), &subject.name(), pattern, &by, now).await?;
        }
        let after = subject.facts(acting).await?;
        record(acting, "grant.given", before, after);
    }
    Ok(query::grants_of(acting.principals.conn(), &subject.name()).await?)
}

/// Takes patterns away, exactly as they were given.
pub async fn take(
    acting: &mut Acting<'_>,
    holder: Holder,
    patterns: Patterns,
) -> Result<Vec<grant_row::Model>, IdentityError> {
    let subject = Subject::find(acting, holder).await?;
    let (held, _) = subject.holdings(acting).await?;
    acting.must_hold(&held)?;

    let before = subject.facts(acting).await?;
    let mut taken = false;
    for pattern in patterns.iter() {
        taken |= grants::take(acting.principals.conn(), &subject.name(), pattern).await?;
    }
    if taken {
        let after = subject.facts(acting).await?;
        record(acting, "grant.taken", before, after);
        acting.principals.keep_an_administrator().await?;
    }
    Ok(query::grants_of(acting.principals.conn(), &subject.name()).await?)
}

/// Whose grants are changed.
enum Subject {
    Principal(principal_row::Model),
    Group(group_row::Model),
}

enum Facts {
    Principal(PrincipalFacts),
    Group(GroupFacts),
}

impl Subject {
    async fn find(acting: &Acting<'_>, holder: Holder) -> Result<Self, IdentityError> {
        match holder {
            Holder::Principal(principal) => acting.principals.principal(principal).await.map(Self::Principal),
            Holder::Group(id) => {
                let row = acting.principals.group(id).await?;
                if row.built_in { Err(IdentityError::BuiltIn) } else { Ok(Self::Group(row)) }
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Principal(row) => row.principal.clone(),
            Self::Group(row) => row.group_name.clone(),
        }
    }

    /// All that it holds, and what of it was given to itself.
    async fn holdings(&self, acting: &Acting<'_>) -> Result<(Patterns, Patterns), IdentityError> {
        let given = query::patterns_of(acting.principals.conn(), vec![self.name()]).await?;
        match self {
            Self::Principal(row) => Ok((acting.principals.holds(&row.principal).await?, given)),
            Self::Group(_) => Ok((given.clone(), given)),
        }
    }

    async fn facts(&self, acting: &Acting<'_>) -> Result<Facts, IdentityError> {
        Ok(match self {
            Self::Principal(row) => Facts::Principal(acting.principals.facts(row).await?),
            Self::Group(row) => Facts::Group(acting.principals.group_facts(row).await?),
        })
    }
}

fn record(acting: &mut Acting<'_>, kind: &'static str, before: Facts, after: Facts) {
    match (before, after) {
        (Facts::Principal(before), Facts::Principal(after)) => {
            acting.principals.record(kind, Some(before), after, None);
        }
        (Facts::Group(before), Facts::Group(after)) => acting.principals.record_group(kind, Some(before), after),
        (Facts::Principal(_), Facts::Group(_)) | (Facts::Group(_), Facts::Principal(_)) => {}
    }
}
