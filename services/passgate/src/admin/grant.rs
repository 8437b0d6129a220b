//! `passgate grant`: what principals and groups may do at most.

use clap::{Args, Subcommand};
use passgate_proto::identity::v1::{Grant, GrantRequest, ListGrantsRequest, RevokeRequest};

use super::confirm::Sure;
use super::confirmation::{self, Wait};
use super::connection::Connection;
use super::console::Console;
use super::failure::Failure;
use super::resolve;
use super::screen::{Limit, Listing, Page, Record, Shown};
use super::values::when;

/// What to do with grants.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Give patterns to a principal or group. Giving what is there changes nothing.
    #[command(
        visible_alias = "create",
        after_help = "\
Examples:
  passgate grant add alice@example.com 'endpoints/sales-*'
  passgate grant add 'mexico widget' endpoints/sales-orders:read
  passgate grant add groups/sales 'apis/shop.v1.Orders/*:read'"
    )]
    Add(Add),
    /// Take patterns away, exactly as they were given.
    #[command(after_help = "Examples:\n  passgate grant revoke alice@example.com 'endpoints/sales-*' --yes")]
    Revoke(Revoke),
    /// List grants: all, a holder's own, or those that cover a resource.
    #[command(after_help = "\
Examples:
  passgate grant list
  passgate grant list --holder alice@example.com
  passgate grant list --resource endpoints/sales-orders")]
    List(List),
}

/// `add`
#[derive(Args, Debug)]
pub struct Add {
    /// The holder: e-mail, name, `users/ID`, `api-users/ID`, or `groups/NAME`.
    holder: String,
    /// Patterns such as `endpoints/sales-*:read`.
    #[arg(required = true)]
    patterns: Vec<String>,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `revoke`
#[derive(Args, Debug)]
pub struct Revoke {
    /// What from whom.
    #[command(flatten)]
    of: Add,
    /// See [`Wait`].
    #[command(flatten)]
    wait: Wait,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
}

/// `list`
#[derive(Args, Debug)]
pub struct List {
    /// Only those of this holder: e-mail, name, id, or `groups/NAME`. Its groups' grants are not among them.
    #[arg(long)]
    holder: Option<String>,
    /// Only those that cover this resource, such as `endpoints/sales-orders`.
    #[arg(long)]
    resource: Option<String>,
    /// See [`Limit`].
    #[command(flatten)]
    limit: Limit,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

impl Record for Grant {
    const COLUMNS: &'static [&'static str] = &["HOLDER", "PATTERN", "GIVEN", "BY"];

    fn cells(&self) -> Vec<String> {
        vec![self.holder.clone(), self.pattern.clone(), when(self.create_time.as_ref()), self.created_by.clone()]
    }
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub async fn run(verb: Verb, at: &mut Console) -> Result<(), Failure> {
    match verb {
        Verb::Add(Add { holder, patterns, shown }) => {
            let holder = named(&at.api, &holder).await?;
            let answer = at.api.call(at.api.grants().grant(GrantRequest { holder, patterns })).await?;
            Listing::new(&mut at.screen, shown.output).whole(&answer.grants)
        }
        Verb::Revoke(args) => revoke(args, at).await,
        Verb::List(args) => list(args, at).await,
    }
}

/// A holder as the contracts name it.
async fn named(api: &Connection, text: &str) -> Result<String, Failure> {
    if text.starts_with("groups/") { resolve::group_name(api, text).await } else { resolve::principal(api, text).await }
}

async fn revoke(args: Revoke, at: &mut Console) -> Result<(), Failure> {
    let Revoke { of: Add { holder: text, patterns, shown }, wait, sure } = args;
    let holder = named(&at.api, &text).await?;
    let breaks = async { Ok(vec!["calls that only these patterns allow are refused from now on".to_owned()]) };
    sure.confirm(&mut at.screen, &format!("take {} from {text} ({holder})", patterns.join(", ")), breaks).await?;
    let request = RevokeRequest { holder, patterns, confirm_within: Some(wait.confirm_within) };
    let answer = at.api.call(at.api.grants().revoke(request)).await?;
    confirmation::tell(&mut at.screen, answer.confirmation.as_ref())?;
    Listing::new(&mut at.screen, shown.output).whole(&answer.grants)
}

async fn list(args: List, at: &mut Console) -> Result<(), Failure> {
    let holder = match &args.holder {
        Some(holder) => named(&at.api, holder).await?,
        None => String::new(),
    };
    let (api, resource) = (&at.api, args.resource.unwrap_or_default());
    let ask = |page: Page| {
        let request = ListGrantsRequest {
            holder: holder.clone(),
            resource: resource.clone(),
            page_size: page.size,
            page_token: page.token,
        };
        async move {
            let answer = api.call(api.grants().list_grants(request)).await?;
            Ok((answer.grants, answer.next_page_token))
        }
    };
    Listing::new(&mut at.screen, args.shown.output).run(args.limit, ask).await
}
