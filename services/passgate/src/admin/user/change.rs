//! `passgate user update`, `disable` and `delete`.

use clap::Args;
use passgate_proto::identity::v1::{DeleteUserRequest, DisableUserRequest, UpdateUserRequest, User};

use super::read;
use crate::admin::confirm::Sure;
use crate::admin::confirmation::{self, Wait};
use crate::admin::connection::Connection;
use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::impact;
use crate::admin::resolve::UserRef;
use crate::admin::screen::Shown;
use crate::admin::values::{Notes, mask};

/// `update`
#[derive(Args, Debug)]
pub struct Update {
    /// Which.
    #[command(flatten)]
    which: UserRef,
    /// The new e-mail address; it ends the user's sessions.
    #[arg(long)]
    email: Option<String>,
    /// The name that people read.
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// See [`Notes`].
    #[command(flatten)]
    notes: Notes,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `disable`
#[derive(Args, Debug)]
pub struct Disable {
    /// Which.
    #[command(flatten)]
    which: UserRef,
    /// See [`Wait`].
    #[command(flatten)]
    wait: Wait,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `delete`
#[derive(Args, Debug)]
pub struct Delete {
    /// Which.
    #[command(flatten)]
    which: UserRef,
    /// Delete although it has live tokens, which stop working.
    #[arg(long)]
    delete_live_tokens: bool,
    /// See [`Wait`].
    #[command(flatten)]
    wait: Wait,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub(super) async fn update(args: Update, at: &mut Console) -> Result<(), Failure> {
    let mut user = read(at, &args.which).await?;
    let mut paths = Vec::new();
    args.notes.apply(&mut user.description, &mut user.labels, &mut paths);
    if let Some(name) = args.display_name {
        user.display_name = name;
        paths.push("display_name".to_owned());
    }
    if let Some(email) = args.email {
        let what = format!("change the e-mail of {} to {email}", user.email);
        let breaks = async { Ok(vec!["all its sessions end".to_owned()]) };
        args.sure.confirm(&mut at.screen, &what, breaks).await?;
        user.email = email;
        paths.push("email".to_owned());
    }
    let request = UpdateUserRequest { user: Some(user), update_mask: mask(paths)? };
    let answer = at.api.call(at.api.users().update_user(request)).await?;
    at.screen.show(&answer.user.unwrap_or_default(), args.shown)
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub(super) async fn disable(args: Disable, at: &mut Console) -> Result<(), Failure> {
    let user = read(at, &args.which).await?;
    let what = format!("disable the user {}", user.email);
    args.sure.confirm(&mut at.screen, &what, breaks(&at.api, &user)).await?;
    let request = DisableUserRequest { id: user.id, confirm_within: Some(args.wait.confirm_within) };
    let answer = at.api.call(at.api.users().disable_user(request)).await?;
    confirmation::tell(&mut at.screen, answer.confirmation.as_ref())?;
    at.screen.show(&answer.user.unwrap_or_default(), args.shown)
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub(super) async fn delete(args: Delete, at: &mut Console) -> Result<(), Failure> {
    let user = read(at, &args.which).await?;
    let what = format!("delete the user {} for good", user.email);
    args.sure.confirm(&mut at.screen, &what, breaks(&at.api, &user)).await?;
    let request = DeleteUserRequest {
        id: user.id,
        delete_live_tokens: args.delete_live_tokens,
        etag: user.etag,
        confirm_within: Some(args.wait.confirm_within),
    };
    let answer = at.api.call(at.api.users().delete_user(request)).await?;
    at.screen.note(&format!("deleted {}", user.email))?;
    confirmation::tell(&mut at.screen, answer.confirmation.as_ref())
}

async fn breaks(api: &Connection, user: &User) -> Result<Vec<String>, Failure> {
    let mut lines = impact::live_tokens(api, &format!("users/{}", user.id)).await?;
    lines.push("its sessions end".to_owned());
    Ok(lines)
}
