//! `passgate user`: people.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use passgate_proto::identity::v1::{
    CreateUserRequest, DeleteUserRequest, DisableUserRequest, EnableUserRequest, GetUserRequest, ListUsersRequest,
    SetPasswordRequest, UpdateUserRequest, User,
};
use passgate_proto::r#type::v1::PrincipalState;

use super::confirm::Sure;
use super::confirmation::{self, Wait};
use super::console::Console;
use super::failure::Failure;
use super::impact;
use super::resolve::{self, UserRef};
use super::screen::{Limit, Listing, Record, SecretOutput, Shown, ShownSecret};
use super::secrets;
use super::values::{NewNotes, Notes, Sieve, State, mask, state_word, when};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a user. The one-time password is shown once; it must be changed at the first sign-in.
    #[command(after_help = "\
Examples:
  passgate user create alice@example.com
  passgate user create alice@example.com --display-name Alice --group sales --grant 'endpoints/sales-*'
  passgate user create alice@example.com --output secret > one-time-password")]
    Create(Create),
    /// Show one user.
    #[command(
        after_help = "Examples:\n  passgate user get alice@example.com\n  passgate user get alice@example.com --output json"
    )]
    Get(Get),
    /// List users, newest first.
    #[command(
        after_help = "Examples:\n  passgate user list\n  passgate user list --state disabled --limit 20\n  passgate user list --filter 'labels.team = sales' --order-by email"
    )]
    List(List),
    /// Change e-mail, display name, description or labels.
    #[command(after_help = "\
Examples:
  passgate user update alice@example.com --display-name 'Alice B.' --label team=sales
  passgate user update alice@example.com --email alice@example.org --yes")]
    Update(Update),
    /// Let a disabled user act again: the same tokens work again, sessions do not.
    #[command(after_help = "Examples:\n  passgate user enable alice@example.com")]
    Enable(Get),
    /// Refuse the user's tokens at once, and end its sessions, until it is enabled again.
    #[command(
        after_help = "Examples:\n  passgate user disable alice@example.com\n  passgate user disable alice@example.com --yes"
    )]
    Disable(Disable),
    /// Delete a user for good. The e-mail is free again.
    #[command(after_help = "\
Examples:
  passgate user delete alice@example.com
  passgate user delete alice@example.com --delete-live-tokens --yes")]
    Delete(Delete),
    /// Choose one's own password, or give somebody a one-time password, which is shown once.
    #[command(after_help = "\
Examples:
  passgate user set-password me
  passgate user set-password alice@example.com --output secret --yes > one-time-password
  passgate user set-password me --current-password-file old --new-password-file new")]
    SetPassword(SetPassword),
}

/// `create`
#[derive(Args, Debug)]
pub struct Create {
    /// The e-mail address to sign in with.
    email: String,
    /// The name that people read; the e-mail if left out.
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// See [`NewNotes`].
    #[command(flatten)]
    notes: NewNotes,
    /// A pattern to grant in the same step. Say it again for more.
    #[arg(long = "grant", value_name = "PATTERN")]
    grants: Vec<String>,
    /// A group to join in the same step: name or id. Say it again for more.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// A file (0600) with a first password; `-` is standard input. One is made if left out.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The id of this request, to repeat it after an answer was lost.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// See [`ShownSecret`].
    #[command(flatten)]
    shown: ShownSecret,
}

/// `get`, `enable`
#[derive(Args, Debug)]
pub struct Get {
    /// Which.
    #[command(flatten)]
    which: UserRef,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `list`
#[derive(Args, Debug)]
pub struct List {
    /// Only the user with this e-mail.
    #[arg(long)]
    email: Option<String>,
    /// Only users in this state.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// See [`Sieve`].
    #[command(flatten)]
    sieve: Sieve,
    /// See [`Limit`].
    #[command(flatten)]
    limit: Limit,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

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

/// `set-password`
#[derive(Args, Debug)]
pub struct SetPassword {
    /// The user: e-mail, id, or `me`.
    user: String,
    /// A file (0600) with one's own current password; `-` is standard input. Asked for if left out.
    #[arg(long, value_name = "FILE")]
    current_password_file: Option<PathBuf>,
    /// A file (0600) with the new password; `-` is standard input. For oneself it is asked for if left out, for others one is made.
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
    /// See [`ShownSecret`].
    #[command(flatten)]
    shown: ShownSecret,
}

impl Record for User {
    const COLUMNS: &'static [&'static str] = &["ID", "EMAIL", "NAME", "STATE", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.email.clone(),
            self.display_name.clone(),
            state_word(self.state),
            when(self.create_time.as_ref()),
        ]
    }
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub async fn run(verb: Verb, at: &mut Console) -> Result<(), Failure> {
    match verb {
        Verb::Create(args) => create(args, at).await,
        Verb::Get(args) => {
            let user = read(at, &args.which).await?;
            at.screen.show(&user, args.shown)
        }
        Verb::List(args) => list(args, at).await,
        Verb::Update(args) => update(args, at).await,
        Verb::Enable(args) => {
            let id = resolve::user(&at.api, &args.which.user).await?;
            let answer = at.api.call(at.api.users().enable_user(EnableUserRequest { id })).await?;
            at.screen.show(&answer.user.unwrap_or_default(), args.shown)
        }
        Verb::Disable(args) => disable(args, at).await,
        Verb::Delete(args) => delete(args, at).await,
        Verb::SetPassword(args) => set_password(args, at).await,
    }
}

async fn read(at: &Console, which: &UserRef) -> Result<User, Failure> {
    let id = resolve::user(&at.api, &which.user).await?;
    let answer = at.api.call(at.api.users().get_user(GetUserRequest { id })).await?;
    answer.user.ok_or(Failure::Contract("GetUserResponse"))
}

async fn create(args: Create, at: &mut Console) -> Result<(), Failure> {
    let password = match args.password_file.as_deref() {
        None => None,
        file => Some(secrets::read(&mut at.screen, file, "First password")?),
    };
    let (description, labels) = args.notes.parts();
    let request_id = at.request_id(args.request_id.as_deref());
    let request = CreateUserRequest {
        email: args.email,
        display_name: args.display_name.unwrap_or_default(),
        password: password.map(|password| password.expose().to_owned()),
        description,
        labels,
        grants: args.grants,
        groups: resolve::groups(&at.api, &args.groups).await?,
        request_id: request_id.text(),
    };
    let answer = request_id.told(at.api.call(at.api.users().create_user(request)).await)?;
    match args.shown.output {
        SecretOutput::Json => at.screen.json(&answer),
        SecretOutput::Secret if answer.one_time_password.is_empty() => {
            Err(Failure::Usage("the user was made, but no password with it: there is no secret to show".to_owned()))
        }
        SecretOutput::Secret => at.screen.line(&answer.one_time_password),
        SecretOutput::Table => {
            at.screen.show(&answer.user.unwrap_or_default(), Shown::table())?;
            one_time(at, &answer.one_time_password)
        }
    }
}

/// Shows a one-time password, if there is one.
fn one_time(at: &mut Console, password: &str) -> Result<(), Failure> {
    if password.is_empty() {
        return Ok(());
    }
    at.screen.pairs(&[("one-time password".to_owned(), password.to_owned())])?;
    at.screen.note("It is shown this once. Its user signs in with `passgate login EMAIL` and chooses another.")
}

async fn list(args: List, at: &mut Console) -> Result<(), Failure> {
    let state = args.state.map(PrincipalState::from).unwrap_or_default().into();
    let (filter, order_by) = (args.sieve.filter.unwrap_or_default(), args.sieve.order_by.unwrap_or_default());
    let (api, email) = (&at.api, args.email.unwrap_or_default());
    let listing = Listing::new(&mut at.screen, args.shown.output);
    let ask = |page: super::screen::Page| {
        let request = ListUsersRequest {
            page_size: page.size,
            page_token: page.token,
            email: email.clone(),
            state,
            filter: filter.clone(),
            order_by: order_by.clone(),
        };
        async move {
            let answer = api.call(api.users().list_users(request)).await?;
            Ok((answer.users, answer.next_page_token))
        }
    };
    listing.run(args.limit, ask).await
}

async fn update(args: Update, at: &mut Console) -> Result<(), Failure> {
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

async fn disable(args: Disable, at: &mut Console) -> Result<(), Failure> {
    let user = read(at, &args.which).await?;
    let what = format!("disable the user {}", user.email);
    args.sure.confirm(&mut at.screen, &what, breaks(&at.api, &user)).await?;
    let request = DisableUserRequest { id: user.id, confirm_within: Some(args.wait.confirm_within) };
    let answer = at.api.call(at.api.users().disable_user(request)).await?;
    confirmation::tell(&mut at.screen, answer.confirmation.as_ref())?;
    at.screen.show(&answer.user.unwrap_or_default(), args.shown)
}

async fn delete(args: Delete, at: &mut Console) -> Result<(), Failure> {
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

async fn breaks(api: &super::connection::Connection, user: &User) -> Result<Vec<String>, Failure> {
    let mut lines = impact::live_tokens(api, &format!("users/{}", user.id)).await?;
    lines.push("its sessions end".to_owned());
    Ok(lines)
}

async fn set_password(args: SetPassword, at: &mut Console) -> Result<(), Failure> {
    let own = resolve::own_principal(&at.api).await?;
    let id = match args.user.as_str() {
        "me" => own.trim_start_matches("users/").to_owned(),
        other => resolve::user(&at.api, other).await?,
    };
    let (current, new) = if own == format!("users/{id}") {
        let current = secrets::read(&mut at.screen, args.current_password_file.as_deref(), "Current password")?;
        let new = secrets::read_new(&mut at.screen, args.new_password_file.as_deref(), "New password")?;
        (current.expose().to_owned(), Some(new))
    } else {
        let what = format!("set the password of {}", args.user);
        let breaks = async { Ok(vec!["its sessions end, and its password is good no more".to_owned()]) };
        args.sure.confirm(&mut at.screen, &what, breaks).await?;
        let file = args.new_password_file.as_deref();
        let new = file.map(|file| secrets::read(&mut at.screen, Some(file), "New password")).transpose()?;
        (String::new(), new)
    };
    let new_password = new.map(|new| new.expose().to_owned());
    let request = SetPasswordRequest { id, current_password: current, new_password };
    let answer = at.api.call(at.api.users().set_password(request)).await?;
    match args.shown.output {
        SecretOutput::Json => at.screen.json(&answer),
        SecretOutput::Secret if answer.one_time_password.is_empty() => {
            Err(Failure::Usage("the password was set, and none was made: there is no secret to show".to_owned()))
        }
        SecretOutput::Secret => at.screen.line(&answer.one_time_password),
        SecretOutput::Table => {
            at.screen.note("the password is set")?;
            one_time(at, &answer.one_time_password)
        }
    }
}
