//! `passgate api-user`: machines.

use clap::{Args, Subcommand};
use passgate_proto::identity::v1::{
    ApiUser, CreateApiUserRequest, CreateApiUserResponse, DeleteApiUserRequest, DisableApiUserRequest,
    EnableApiUserRequest, GetApiUserRequest, InitialToken, ListApiUsersRequest, UpdateApiUserRequest,
};
use passgate_proto::r#type::v1::{PatternList, PrincipalState};

use super::confirm::Sure;
use super::confirmation::{self, Wait};
use super::console::Console;
use super::failure::Failure;
use super::impact;
use super::issued;
use super::resolve::{self, ApiUserRef};
use super::screen::{Limit, Listing, Page, Record, SecretOutput, Shown, ShownSecret};
use super::values::{NewNotes, Notes, Sieve, State, duration, mask, state_word, when};

/// What to do with API users.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make an API user, and its first token in the same step: both come into being or neither does.
    #[command(after_help = "\
Examples:
  passgate api-user create 'mexico widget' --token widget --grant 'endpoints/sales-*:read'
  passgate api-user create 'mexico widget' --token widget --grant 'endpoints/sales-*:read' --output secret > widget.token
  passgate api-user create 'nightly report' --group reports
  passgate api-user create 'mexico widget' --token widget --request-id widget-1")]
    Create(Create),
    /// Show one API user.
    #[command(after_help = "Examples:\n  passgate api-user get 'mexico widget'")]
    Get(Get),
    /// List API users, newest first.
    #[command(
        after_help = "Examples:\n  passgate api-user list\n  passgate api-user list --state disabled --output json"
    )]
    List(List),
    /// Change name, description or labels.
    #[command(
        after_help = "Examples:\n  passgate api-user update 'mexico widget' --name 'mexico shop' --label team=sales"
    )]
    Update(Update),
    /// Let a disabled API user act again: the same tokens work again.
    #[command(after_help = "Examples:\n  passgate api-user enable 'mexico widget'")]
    Enable(Get),
    /// Refuse the API user's tokens at once, until it is enabled again.
    #[command(after_help = "Examples:\n  passgate api-user disable 'mexico widget' --yes")]
    Disable(Disable),
    /// Delete an API user for good. Its name is free again.
    #[command(after_help = "Examples:\n  passgate api-user delete 'mexico widget' --delete-live-tokens --yes")]
    Delete(Delete),
}

/// `create`
#[derive(Args, Debug)]
pub struct Create {
    /// Its name, for people.
    name: String,
    /// See [`NewNotes`].
    #[command(flatten)]
    notes: NewNotes,
    /// A pattern to grant in the same step, so that the token works at once. Say it again for more.
    #[arg(long = "grant", value_name = "PATTERN")]
    grants: Vec<String>,
    /// A group to join in the same step: name or id. Say it again for more.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Make a token of this name in the same step.
    #[arg(long, value_name = "NAME")]
    token: Option<String>,
    /// A pattern that the token may call at most. Say it again for more.
    #[arg(long = "scope", value_name = "PATTERN", requires = "token")]
    scopes: Vec<String>,
    /// How long the token is good for, such as 30d; 90 days if left out.
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "token")]
    ttl: Option<prost_types::Duration>,
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
    which: ApiUserRef,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `list`
#[derive(Args, Debug)]
pub struct List {
    /// Only the API user of this name.
    #[arg(long)]
    name: Option<String>,
    /// Only API users in this state.
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
    which: ApiUserRef,
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

/// `disable`
#[derive(Args, Debug)]
pub struct Disable {
    /// Which.
    #[command(flatten)]
    which: ApiUserRef,
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
    which: ApiUserRef,
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

impl Record for ApiUser {
    const COLUMNS: &'static [&'static str] = &["ID", "NAME", "STATE", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![self.id.clone(), self.name.clone(), state_word(self.state), when(self.create_time.as_ref())]
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
            let api_user = read(at, &args.which).await?;
            at.screen.show(&api_user, args.shown)
        }
        Verb::List(args) => list(args, at).await,
        Verb::Update(args) => update(args, at).await,
        Verb::Enable(args) => {
            let id = resolve::api_user(&at.api, &args.which.api_user).await?;
            let answer = at.api.call(at.api.api_users().enable_api_user(EnableApiUserRequest { id })).await?;
            at.screen.show(&answer.api_user.unwrap_or_default(), args.shown)
        }
        Verb::Disable(args) => disable(args, at).await,
        Verb::Delete(args) => delete(args, at).await,
    }
}

async fn read(at: &Console, which: &ApiUserRef) -> Result<ApiUser, Failure> {
    let id = resolve::api_user(&at.api, &which.api_user).await?;
    let answer = at.api.call(at.api.api_users().get_api_user(GetApiUserRequest { id })).await?;
    answer.api_user.ok_or(Failure::Contract("GetApiUserResponse"))
}

async fn create(args: Create, at: &mut Console) -> Result<(), Failure> {
    if args.token.is_none() && args.shown.output == SecretOutput::Secret {
        return Err(Failure::Usage("there is a secret only with --token NAME".to_owned()));
    }
    let scopes = (!args.scopes.is_empty()).then_some(PatternList { patterns: args.scopes });
    let token = args.token.map(|name| InitialToken { name, scopes, ttl: args.ttl, ..InitialToken::default() });
    let (description, labels) = args.notes.parts();
    let request_id = at.request_id(args.request_id.as_deref());
    let request = CreateApiUserRequest {
        name: args.name,
        description,
        labels,
        token,
        grants: args.grants,
        groups: resolve::groups(&at.api, &args.groups).await?,
        request_id: request_id.text(),
    };
    let answer = request_id.told(at.api.call(at.api.api_users().create_api_user(request)).await)?;
    match args.shown.output {
        SecretOutput::Json => at.screen.json(&answer),
        SecretOutput::Secret => issued::secret_alone(at, &answer.secret),
        SecretOutput::Table => {
            let CreateApiUserResponse { api_user, token, secret, effective_patterns, .. } = answer;
            at.screen.show(&api_user.unwrap_or_default(), Shown::table())?;
            match token {
                None => Ok(()),
                Some(token) => issued::for_people(at, &token, &secret, &effective_patterns).await,
            }
        }
    }
}

async fn list(args: List, at: &mut Console) -> Result<(), Failure> {
    let state = args.state.map(PrincipalState::from).unwrap_or_default().into();
    let (filter, order_by) = (args.sieve.filter.unwrap_or_default(), args.sieve.order_by.unwrap_or_default());
    let (api, name) = (&at.api, args.name.unwrap_or_default());
    let ask = |page: Page| {
        let request = ListApiUsersRequest {
            page_size: page.size,
            page_token: page.token,
            name: name.clone(),
            state,
            filter: filter.clone(),
            order_by: order_by.clone(),
        };
        async move {
            let answer = api.call(api.api_users().list_api_users(request)).await?;
            Ok((answer.api_users, answer.next_page_token))
        }
    };
    Listing::new(&mut at.screen, args.shown.output).run(args.limit, ask).await
}

async fn update(args: Update, at: &mut Console) -> Result<(), Failure> {
    let mut api_user = read(at, &args.which).await?;
    let mut paths = Vec::new();
    args.notes.apply(&mut api_user.description, &mut api_user.labels, &mut paths);
    if let Some(name) = args.name {
        api_user.name = name;
        paths.push("name".to_owned());
    }
    let request = UpdateApiUserRequest { api_user: Some(api_user), update_mask: mask(paths)? };
    let answer = at.api.call(at.api.api_users().update_api_user(request)).await?;
    at.screen.show(&answer.api_user.unwrap_or_default(), args.shown)
}

async fn disable(args: Disable, at: &mut Console) -> Result<(), Failure> {
    let api_user = read(at, &args.which).await?;
    let what = format!("disable the API user {:?}", api_user.name);
    let name = format!("api-users/{}", api_user.id);
    args.sure.confirm(&mut at.screen, &what, impact::live_tokens(&at.api, &name)).await?;
    let request = DisableApiUserRequest { id: api_user.id, confirm_within: Some(args.wait.confirm_within) };
    let answer = at.api.call(at.api.api_users().disable_api_user(request)).await?;
    confirmation::tell(&mut at.screen, answer.confirmation.as_ref())?;
    at.screen.show(&answer.api_user.unwrap_or_default(), args.shown)
}

async fn delete(args: Delete, at: &mut Console) -> Result<(), Failure> {
    let ApiUser { id, name, etag, .. } = read(at, &args.which).await?;
    let what = format!("delete the API user {name:?} for good");
    let holder = format!("api-users/{id}");
    args.sure.confirm(&mut at.screen, &what, impact::live_tokens(&at.api, &holder)).await?;
    let confirm_within = Some(args.wait.confirm_within);
    let request = DeleteApiUserRequest { id, delete_live_tokens: args.delete_live_tokens, etag, confirm_within };
    let answer = at.api.call(at.api.api_users().delete_api_user(request)).await?;
    at.screen.note(&format!("deleted {name:?}"))?;
    confirmation::tell(&mut at.screen, answer.confirmation.as_ref())
}
