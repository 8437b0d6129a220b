//! `passgate group`: named sets of principals.

mod member;

use clap::{Args, Subcommand};
use passgate_proto::identity::v1::{
    CreateGroupRequest, DeleteGroupRequest, GetGroupRequest, Group, ListGroupsRequest, ListMembersRequest,
    UpdateGroupRequest,
};

use super::confirm::Sure;
use super::console::Console;
use super::failure::Failure;
use super::resolve;
use super::screen::{Limit, Listing, Page, Record, Shown};
use super::values::{NewNotes, Notes, Sieve, mask, when};

/// What to do with groups.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make an empty group.
    #[command(after_help = "Examples:\n  passgate group create sales --description 'who sells'")]
    Create(Create),
    /// Show one group.
    #[command(after_help = "Examples:\n  passgate group get sales")]
    Get(Get),
    /// List groups, newest first.
    #[command(after_help = "Examples:\n  passgate group list\n  passgate group list --output json")]
    List(List),
    /// Change name, description or labels.
    #[command(after_help = "Examples:\n  passgate group update sales --name selling --remove-label old")]
    Update(Update),
    /// Delete a group; its members lose what it gave.
    #[command(after_help = "Examples:\n  passgate group delete sales --yes")]
    Delete(Delete),
    /// Who is in a group.
    #[command(subcommand)]
    Member(member::Member),
}

/// `create`
#[derive(Args, Debug)]
pub struct Create {
    /// Its name, for people.
    name: String,
    /// See [`NewNotes`].
    #[command(flatten)]
    notes: NewNotes,
    /// The id of this request, to repeat it after an answer was lost.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `get`
#[derive(Args, Debug)]
pub struct Get {
    /// The group: name or id.
    group: String,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `list`
#[derive(Args, Debug)]
pub struct List {
    /// Only the group of this name.
    #[arg(long)]
    name: Option<String>,
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
    /// The group: name or id.
    group: String,
    /// Its name from now on.
    #[arg(long)]
    name: Option<String>,
    /// See [`Notes`].
    #[command(flatten)]
    notes: Notes,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `delete`
#[derive(Args, Debug)]
pub struct Delete {
    /// The group: name or id.
    group: String,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
}

impl Record for Group {
    const COLUMNS: &'static [&'static str] = &["ID", "NAME", "BUILT IN", "CREATED"];

    fn cells(&self) -> Vec<String> {
        let built_in = if self.built_in { "yes" } else { "no" };
        vec![self.id.clone(), self.name.clone(), built_in.to_owned(), when(self.create_time.as_ref())]
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
            let group = read(at, &args.group).await?;
            at.screen.show(&group, args.shown)
        }
        Verb::List(args) => list(args, at).await,
        Verb::Update(args) => update(args, at).await,
        Verb::Delete(args) => delete(args, at).await,
        Verb::Member(verb) => member::run(verb, at).await,
    }
}

async fn read(at: &Console, group: &str) -> Result<Group, Failure> {
    let id = resolve::group(&at.api, group).await?;
    let answer = at.api.call(at.api.groups().get_group(GetGroupRequest { id })).await?;
    answer.group.ok_or(Failure::Contract("GetGroupResponse"))
}

async fn create(args: Create, at: &mut Console) -> Result<(), Failure> {
    let (description, labels) = args.notes.parts();
    let request_id = at.request_id(args.request_id.as_deref());
    let request = CreateGroupRequest { name: args.name, description, labels, request_id: request_id.text() };
    let answer = request_id.told(at.api.call(at.api.groups().create_group(request)).await)?;
    at.screen.show(&answer.group.unwrap_or_default(), args.shown)
}

async fn list(args: List, at: &mut Console) -> Result<(), Failure> {
    let (filter, order_by) = (args.sieve.filter.unwrap_or_default(), args.sieve.order_by.unwrap_or_default());
    let (api, name) = (&at.api, args.name.unwrap_or_default());
    let ask = |page: Page| {
        let request = ListGroupsRequest {
            page_size: page.size,
            page_token: page.token,
            name: name.clone(),
            filter: filter.clone(),
            order_by: order_by.clone(),
        };
        async move {
            let answer = api.call(api.groups().list_groups(request)).await?;
            Ok((answer.groups, answer.next_page_token))
        }
    };
    Listing::new(&mut at.screen, args.shown.output).run(args.limit, ask).await
}

async fn update(args: Update, at: &mut Console) -> Result<(), Failure> {
    let mut group = read(at, &args.group).await?;
    let mut paths = Vec::new();
    args.notes.apply(&mut group.description, &mut group.labels, &mut paths);
    if let Some(name) = args.name {
        group.name = name;
        paths.push("name".to_owned());
    }
    let request = UpdateGroupRequest { group: Some(group), update_mask: mask(paths)? };
    let answer = at.api.call(at.api.groups().update_group(request)).await?;
    at.screen.show(&answer.group.unwrap_or_default(), args.shown)
}

async fn delete(args: Delete, at: &mut Console) -> Result<(), Failure> {
    let Group { id, name, etag, .. } = read(at, &args.group).await?;
    let request = ListMembersRequest { group_id: id.clone(), page_size: 1_000, ..ListMembersRequest::default() };
    let breaks = async {
        let answer = at.api.call(at.api.groups().list_members(request)).await?;
        let more = if answer.next_page_token.is_empty() { "" } else { "more than " };
        Ok(vec![format!("{more}{} members lose what its grants gave them", answer.members.len())])
    };
    args.sure.confirm(&mut at.screen, &format!("delete the group {name:?} for good"), breaks).await?;
    at.api.call(at.api.groups().delete_group(DeleteGroupRequest { id, etag })).await?;
    at.screen.note(&format!("deleted {name:?}"))
}
