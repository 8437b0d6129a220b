//! `passgate user`: people.

mod change;
mod create;
mod password;

use clap::{Args, Subcommand};
use passgate_proto::identity::v1::{EnableUserRequest, GetUserRequest, ListUsersRequest, User};
use passgate_proto::r#type::v1::PrincipalState;

use super::console::Console;
use super::failure::Failure;
use super::resolve::{self, UserRef};
use super::screen::{Limit, Listing, Page, Record, Shown};
use super::values::{Sieve, State, state_word, when};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a user. The one-time password is shown once; it must be changed at the first sign-in.
    #[command(after_help = "\
Examples:
  passgate user create alice@example.com
  passgate user create alice@example.com --display-name Alice --group sales --grant 'endpoints/sales-*'
  passgate user create alice@example.com --output secret > one-time-password")]
    Create(create::Create),
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
    Update(change::Update),
    /// Let a disabled user act again: the same tokens work again, sessions do not.
    #[command(after_help = "Examples:\n  passgate user enable alice@example.com")]
    Enable(Get),
    /// Refuse the user's tokens at once, and end its sessions, until it is enabled again.
    #[command(
        after_help = "Examples:\n  passgate user disable alice@example.com\n  passgate user disable alice@example.com --yes"
    )]
    Disable(change::Disable),
    /// Delete a user for good. The e-mail is free again.
    #[command(after_help = "\
Examples:
  passgate user delete alice@example.com
  passgate user delete alice@example.com --delete-live-tokens --yes")]
    Delete(change::Delete),
    /// Choose one's own password, or give somebody a one-time password, which is shown once.
    #[command(after_help = "\
Examples:
  passgate user set-password me
  passgate user set-password alice@example.com --output secret --yes > one-time-password
  passgate user set-password me --current-password-file old --new-password-file new")]
    SetPassword(password::SetPassword),
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
        Verb::Create(args) => create::create(args, at).await,
        Verb::Get(args) => {
            let user = read(at, &args.which).await?;
            at.screen.show(&user, args.shown)
        }
        Verb::List(args) => list(args, at).await,
        Verb::Update(args) => change::update(args, at).await,
        Verb::Enable(args) => {
            let id = resolve::user(&at.api, &args.which.user).await?;
            let answer = at.api.call(at.api.users().enable_user(EnableUserRequest { id })).await?;
            at.screen.show(&answer.user.unwrap_or_default(), args.shown)
        }
        Verb::Disable(args) => change::disable(args, at).await,
        Verb::Delete(args) => change::delete(args, at).await,
        Verb::SetPassword(args) => password::set_password(args, at).await,
    }
}

async fn read(at: &Console, which: &UserRef) -> Result<User, Failure> {
    let id = resolve::user(&at.api, &which.user).await?;
    let answer = at.api.call(at.api.users().get_user(GetUserRequest { id })).await?;
    answer.user.ok_or(Failure::Contract("GetUserResponse"))
}

async fn list(args: List, at: &mut Console) -> Result<(), Failure> {
    let state = args.state.map(PrincipalState::from).unwrap_or_default().into();
    let (filter, order_by) = (args.sieve.filter.unwrap_or_default(), args.sieve.order_by.unwrap_or_default());
    let (api, email) = (&at.api, args.email.unwrap_or_default());
    let listing = Listing::new(&mut at.screen, args.shown.output);
    let ask = |page: Page| {
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
