//! `passgate token`: named tokens.

mod change;
mod create;
mod inspect;
mod read;
mod revoke;

use clap::Subcommand;
use passgate_proto::token::v1::Token;
use passgate_proto::token::v1::token::State as ProtoState;

use super::console::Console;
use super::failure::Failure;
use super::screen::Record;
use super::values::when;

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate token create laptop
  passgate token list --owner alice@example.com
  passgate token revoke laptop
  passgate token --config token.toml   (runs the service)";

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a token. Its secret is shown once, with the lines to use it with.
    #[command(after_help = "\
Examples:
  passgate token create laptop
  passgate token create laptop --scope 'endpoints/sales-*:read' --ttl 30d
  passgate token create cron --owner 'nightly report' --output secret > cron.token
  passgate token create laptop --owner alice@example.com --request-id laptop-1")]
    Create(create::Create),
    /// Show one token, never its secret.
    #[command(
        after_help = "Examples:\n  passgate token get laptop\n  passgate token get widget --owner 'mexico widget' --output json"
    )]
    Get(read::Get),
    /// List tokens, newest first: one's own, or, for whoever may see them, all.
    #[command(after_help = "\
Examples:
  passgate token list
  passgate token list --owner alice@example.com --state active
  passgate token list --filter 'owner_kind = API_USER AND expire_time < 2027-01-31'
  passgate token list --owner me --output json")]
    List(read::List),
    /// Change name, description or labels, narrow scopes, or shorten the life.
    #[command(after_help = "\
Examples:
  passgate token update laptop --name 'old laptop' --label place=home
  passgate token update laptop --scope endpoints/sales-orders:read --yes
  passgate token update laptop --expires 2027-01-31T12:00:00Z --yes")]
    Update(change::Update),
    /// Let a disabled token work again.
    #[command(after_help = "Examples:\n  passgate token enable laptop")]
    Enable(change::Enable),
    /// Stop a token until it is enabled again.
    #[command(after_help = "Examples:\n  passgate token disable laptop --yes")]
    Disable(change::Disable),
    /// Take a token away for good: it is refused from now on.
    #[command(after_help = "\
Examples:
  passgate token revoke laptop --reason 'left on a train'
  passgate token revoke widget --owner 'mexico widget' --yes
  passgate token revoke 019f0000-0000-7000-8000-000000000001 --yes")]
    Revoke(revoke::Revoke),
    /// Take away all tokens and sessions of a principal.
    #[command(after_help = "Examples:\n  passgate token revoke-all alice@example.com --reason 'laptop stolen' --yes")]
    RevokeAll(revoke::RevokeAll),
    /// Show what a token says, unverified, and what the server says of it. The token is never shown.
    #[command(after_help = "\
Examples:
  passgate token inspect ci.token
  passgate token inspect < ci.token
  passgate token inspect ci.token --resource endpoints/sales-orders --action write

It ends with 0 if the server knows the token as good, and with 12 if not.")]
    Inspect(inspect::Inspect),
}

impl Record for Token {
    const COLUMNS: &'static [&'static str] = &["ID", "NAME", "OWNER", "STATE", "EXPIRES"];

    fn cells(&self) -> Vec<String> {
        vec![self.id.clone(), self.name.clone(), self.owner.clone(), state_word(self), when(self.expire_time.as_ref())]
    }
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub async fn run(verb: Verb, at: &mut Console) -> Result<(), Failure> {
    match verb {
        Verb::Create(args) => create::run(args, at).await,
        Verb::Get(args) => read::get(args, at).await,
        Verb::List(args) => read::list(args, at).await,
        Verb::Update(args) => change::update(args, at).await,
        Verb::Enable(args) => change::enable(args, at).await,
        Verb::Disable(args) => change::disable(args, at).await,
        Verb::Revoke(args) => revoke::one(args, at).await,
        Verb::RevokeAll(args) => revoke::all(args, at).await,
        Verb::Inspect(args) => inspect::run(args, at).await,
    }
}

/// Whether the verb needs no credential besides what it is given.
#[must_use]
pub const fn is_for_nobody(verb: &Verb) -> bool {
    matches!(verb, Verb::Inspect(_))
}

/// The word for a token's state.
fn state_word(token: &Token) -> String {
    let state = ProtoState::try_from(token.state).map(|state| state.as_str_name()).unwrap_or_default();
    state.trim_start_matches("STATE_").to_owned()
}

/// How a token is told to people: `the token "laptop" of users/… (id)`.
fn told(token: &Token) -> String {
    format!("the token {:?} of {} ({})", token.name, token.owner, token.id)
}
