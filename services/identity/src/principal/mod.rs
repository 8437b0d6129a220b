//! Principals and what they hold: the operations of a caller at work, each in one transaction.

pub mod api_user;
pub mod bundle;
pub mod grant;
pub mod group;
pub mod holder;
pub mod user;

use passgate_kit::client::{Description, Labels, Name};

use crate::acting::Acting;
use crate::error::IdentityError;
use crate::store::{principal_row, query, rows};

/// The kind of a user, as rows have it.
pub const USER: &str = "user";
/// The kind of an API user, as rows have it.
pub const API_USER: &str = "api-user";

/// A principal as callers see it.
#[derive(Clone, Debug)]
pub struct View {
    /// Its row.
    pub row: principal_row::Model,
    /// Its groups: `groups/{id}`.
    pub groups: Vec<String>,
}

/// What a new principal is called and told about.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// For people to read.
    pub description: Description,
    /// To filter by.
    pub labels: Labels,
}

impl About {
    /// Labels as rows have them.
    pub fn labels_json(labels: &Labels) -> String {
        serde_json::to_string(labels.as_map()).unwrap_or_default()
    }
}

/// A name as it is compared and ordered by. What is no [`Name`] is a long e-mail address that stands for one.
pub fn name_key(name: &str) -> String {
    Name::parse(name).map_or_else(|_| name.to_lowercase(), |name| name.folded().to_owned())
}

/// The row of a new principal that nothing else is said about yet.
pub fn new_row(principal: String, kind: &str, name: &str, about: &About, now: i64) -> principal_row::Model {
    principal_row::Model {
        principal,
        kind: kind.to_owned(),
        name: name.to_owned(),
        name_key: name_key(name),
        unique_key: None,
        email: None,
        password_hash: None,
        password_one_time: false,
        disabled: false,
        deleted: false,
        description: about.description.as_str().to_owned(),
        labels: About::labels_json(&about.labels),
        session_epoch: 0,
        kept_session: None,
        create_us: now,
        update_us: now,
        revision: 1,
    }
}

/// Changes a row and appends the change. A row that the edit leaves as it was is no change.
pub async fn edit(
    acting: &mut Acting<'_>,
    kind: &'static str,
    row: principal_row::Model,
    edit: impl FnOnce(&mut principal_row::Model) + Send,
) -> Result<View, IdentityError> {
    let principals = &mut acting.principals;
    let before = principals.facts(&row).await?;
    let mut after = row.clone();
    edit(&mut after);
    if after != row {
        after.revision += 1;
        after.update_us = principals.now();
        rows::save(principals.conn(), &after).await?;
        let facts = principals.facts(&after).await?;
        principals.record(kind, Some(before), facts, None);
    }
    view(acting, after).await
}

/// A principal as callers see it.
pub async fn view(acting: &Acting<'_>, row: principal_row::Model) -> Result<View, IdentityError> {
    let groups = query::groups_of(acting.principals.conn(), &row.principal).await?;
    Ok(View { row, groups })
}

/// Ends all sessions of a principal, but `kept`.
pub fn end_sessions(row: &mut principal_row::Model, kept: Option<String>) {
    row.session_epoch += 1;
    row.kept_session = kept;
}

/// Disables a principal: its tokens are refused at once, its sessions are over for good.
pub async fn disable(acting: &mut Acting<'_>, row: principal_row::Model) -> Result<View, IdentityError> {
    acting.must_hold(&acting.principals.holds(&row.principal).await?)?;
    let disabled = edit(acting, "principal.disabled", row, |row| {
        if !row.disabled {
            row.disabled = true;
            end_sessions(row, None);
        }
    });
    let view = disabled.await?;
    acting.principals.keep_an_administrator().await?;
    Ok(view)
}

/// Enables a principal: its tokens work again, its sessions do not.
pub async fn enable(acting: &mut Acting<'_>, row: principal_row::Model) -> Result<View, IdentityError> {
    acting.must_hold(&acting.principals.holds(&row.principal).await?)?;
    edit(acting, "principal.enabled", row, |row| row.disabled = false).await
}

/// Deletes a principal. Its unique key is free again; the row stays for its id, without its secrets.
pub async fn delete(acting: &mut Acting<'_>, row: principal_row::Model) -> Result<(), IdentityError> {
    acting.must_hold(&acting.principals.holds(&row.principal).await?)?;
    let principals = &mut acting.principals;
    let before = principals.facts(&row).await?;
    crate::store::members::remove_all_of_principal(principals.conn(), &row.principal).await?;
    crate::store::grants::take_all(principals.conn(), &row.principal).await?;
    let mut after = row;
    after.deleted = true;
    after.unique_key = None;
    after.password_hash = None;
    end_sessions(&mut after, None);
    after.revision += 1;
    after.update_us = principals.now();
    rows::save(principals.conn(), &after).await?;
    let facts = principals.facts(&after).await?;
    principals.record("principal.deleted", Some(before), facts, None);
    principals.keep_an_administrator().await
}
