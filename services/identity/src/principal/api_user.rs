//! Machines.

use passgate_kit::client::{ApiUserId, Description, Labels, Name, Principal};
use passgate_kit::etag::Etag;

use super::bundle::Bundle;
use super::{API_USER, About, View, edit, new_row, view};
use crate::acting::Acting;
use crate::error::IdentityError;
use crate::store::{creation, query, rows};

/// An API user to be made.
#[derive(Clone, Debug)]
pub struct NewApiUser {
    /// For people, unique.
    pub name: Name,
    /// Description and labels.
    pub about: About,
    /// Grants and groups.
    pub bundle: Bundle,
}

/// Adds an API user whose name and power were checked, with the token whose creation this commits.
pub async fn add(
    acting: &mut Acting<'_>,
    id: ApiUserId,
    new: &NewApiUser,
    committed_token: Option<String>,
) -> Result<View, IdentityError> {
    let mut row = new_row(id.resource_name(), API_USER, new.name.as_str(), &new.about, acting.principals.now());
    row.unique_key = Some(new.name.folded().to_owned());
    rows::insert(acting.principals.conn(), &row).await?;
    new.bundle.give(acting, &row.principal).await?;
    let facts = acting.principals.facts(&row).await?;
    acting.principals.record("api_user.created", None, facts, committed_token);
    view(acting, row).await
}

/// Passes if no live API user has the name, and none that is being made.
pub async fn refuse_taken(acting: &Acting<'_>, name: &Name) -> Result<(), IdentityError> {
    let principals = &acting.principals;
    let taken = query::principal_by_key(principals.conn(), API_USER, name.folded()).await?.is_some()
        || creation::holds_name(principals.conn(), name.folded(), principals.now()).await?;
    if taken { Err(IdentityError::NameTaken(name.to_string())) } else { Ok(()) }
}

/// What is to be changed about an API user: what is `None` stays.
#[derive(Debug, Default)]
pub struct ApiUserEdit {
    /// For people, unique.
    pub name: Option<Name>,
    /// For people to read.
    pub description: Option<Description>,
    /// To filter by.
    pub labels: Option<Labels>,
}

/// Changes an API user. Its name is what people give power by, so who renames it holds all that it holds.
pub async fn update(
    acting: &mut Acting<'_>,
    id: ApiUserId,
    wanted: ApiUserEdit,
    etag: &str,
) -> Result<View, IdentityError> {
    let row = acting.principals.principal(Principal::ApiUser(id)).await?;
    acting.must_hold(&acting.principals.holds(&row.principal).await?)?;
    Etag::of(row.revision.unsigned_abs()).check_if_given(etag)?;
    if let Some(name) = wanted.name.as_ref().filter(|name| row.unique_key.as_deref() != Some(name.folded())) {
        refuse_taken(acting, name).await?;
    }
    edit(acting, "api_user.updated", row, move |row| {
        if let Some(name) = &wanted.name {
            row.name = name.as_str().to_owned();
            row.unique_key = Some(name.folded().to_owned());
            row.name_key = name.folded().to_owned();
        }
        if let Some(description) = &wanted.description {
            row.description = description.as_str().to_owned();
        }
        if let Some(labels) = &wanted.labels {
            row.labels = About::labels_json(labels);
        }
    })
    .await
}
