//! `passgate group member`.

use clap::{Args, Subcommand};
use passgate_proto::identity::v1::{AddMemberRequest, ListMembersRequest, RemoveMemberRequest};

use crate::admin::confirm::Sure;
use crate::admin::confirmation::{self, Wait};
use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::resolve;
use crate::admin::screen::{Limit, Listing, Page, Row, Shown};

/// What to do with members.
#[derive(Debug, Subcommand)]
pub enum Member {
    /// Put principals into a group. One that is in it already stays.
    #[command(after_help = "Examples:\n  passgate group member add sales alice@example.com 'mexico widget'")]
    Add(Members),
    /// Take principals out of a group: they lose what it gave.
    #[command(after_help = "Examples:\n  passgate group member remove sales alice@example.com --yes")]
    Remove(Leavers),
    /// List the members of a group.
    #[command(after_help = "Examples:\n  passgate group member list sales")]
    List(ListOfMembers),
}

/// `member add`
#[derive(Args, Debug)]
pub struct Members {
    /// The group: name or id.
    group: String,
    /// Users and API users: e-mail, name, `users/ID`, `api-users/ID`.
    #[arg(required = true)]
    members: Vec<String>,
}

/// `member remove`
#[derive(Args, Debug)]
pub struct Leavers {
    /// Whom.
    #[command(flatten)]
    of: Members,
    /// See [`Wait`].
    #[command(flatten)]
    wait: Wait,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
}

/// `member list`
#[derive(Args, Debug)]
pub struct ListOfMembers {
    /// The group: name or id.
    group: String,
    /// See [`Limit`].
    #[command(flatten)]
    limit: Limit,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// A member: `users/{id}` or `api-users/{id}`.
struct Principal(String);

impl Row for Principal {
    const COLUMNS: &'static [&'static str] = &["MEMBER"];

    fn cells(&self) -> Vec<String> {
        vec![self.0.clone()]
    }

    fn json(&self) -> Result<serde_json::Value, Failure> {
        Ok(self.0.clone().into())
    }
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub(super) async fn run(verb: Member, at: &mut Console) -> Result<(), Failure> {
    match verb {
        Member::Add(args) => add(args, at).await,
        Member::Remove(args) => remove(args, at).await,
        Member::List(args) => members(args, at).await,
    }
}

async fn add(args: Members, at: &mut Console) -> Result<(), Failure> {
    let group_id = resolve::group(&at.api, &args.group).await?;
    for text in &args.members {
        let member = resolve::principal(&at.api, text).await?;
        let request = AddMemberRequest { group_id: group_id.clone(), member: member.clone() };
        at.api.call(at.api.groups().add_member(request)).await?;
        at.screen.note(&format!("{text} ({member}) is in {}", args.group))?;
    }
    Ok(())
}

async fn remove(args: Leavers, at: &mut Console) -> Result<(), Failure> {
    let Leavers { of: Members { group, members }, wait, sure } = args;
    let group_id = resolve::group(&at.api, &group).await?;
    let breaks = async { Ok(vec![format!("what {group:?} grants is no longer theirs; what else they hold stays")]) };
    sure.confirm(&mut at.screen, &format!("take {} out of {group:?}", members.join(", ")), breaks).await?;
    for text in &members {
        let member = resolve::principal(&at.api, text).await?;
        let confirm_within = Some(wait.confirm_within);
        let request = RemoveMemberRequest { group_id: group_id.clone(), member: member.clone(), confirm_within };
        let answer = at.api.call(at.api.groups().remove_member(request)).await?;
        at.screen.note(&format!("{text} ({member}) is no longer in {group}"))?;
        confirmation::tell(&mut at.screen, answer.confirmation.as_ref())?;
    }
    Ok(())
}

async fn members(args: ListOfMembers, at: &mut Console) -> Result<(), Failure> {
    let group_id = resolve::group(&at.api, &args.group).await?;
    let api = &at.api;
    let ask = |page: Page| {
        let request = ListMembersRequest { group_id: group_id.clone(), page_size: page.size, page_token: page.token };
        async move {
            let answer = api.call(api.groups().list_members(request)).await?;
            Ok((answer.members.into_iter().map(Principal).collect(), answer.next_page_token))
        }
    };
    Listing::new(&mut at.screen, args.shown.output).run(args.limit, ask).await
}
