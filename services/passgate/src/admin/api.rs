//! `passgate api`: registered gRPC services.

use clap::{Args, Subcommand};
use passgate_proto::gateway::v1::api::Kind;
use passgate_proto::gateway::v1::{
    Api, CreateApiRequest, DeleteApiRequest, GetApiRequest, ListApisRequest, UpdateApiRequest,
};

use super::confirm::Sure;
use super::console::Console;
use super::failure::Failure;
use super::screen::{Limit, Listing, Page, Record, Shown};
use super::values::{NewNotes, Notes, mask, when};

/// What to do with APIs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Register a gRPC service.
    #[command(after_help = "\
Examples:
  passgate api create shop.v1.Orders http://127.0.0.1:50051
  passgate api create shop.v1.Orders http://127.0.0.1:50051 --read-method Get --read-method List")]
    Create(Create),
    /// Show one API.
    #[command(after_help = "Examples:\n  passgate api get shop.v1.Orders")]
    Get(Get),
    /// List APIs by name, the built-in ones among them.
    #[command(after_help = "Examples:\n  passgate api list")]
    List(List),
    /// Change an API.
    #[command(after_help = "Examples:\n  passgate api update shop.v1.Orders --upstream http://127.0.0.1:50052 --yes")]
    Update(Update),
    /// Remove an API.
    #[command(after_help = "Examples:\n  passgate api delete shop.v1.Orders --yes")]
    Delete(Delete),
}

/// `create`
#[derive(Args, Debug)]
pub struct Create {
    /// The protobuf full name of the service. It never changes.
    name: String,
    /// Where it is: `http://HOST[:PORT]`.
    upstream: String,
    /// A method that counts as read. Say it again for more.
    #[arg(long = "read-method", value_name = "METHOD")]
    read_methods: Vec<String>,
    /// See [`NewNotes`].
    #[command(flatten)]
    notes: NewNotes,
    /// Take the name although a deleted API had it, with all that is still granted on it.
    #[arg(long)]
    reuse_name: bool,
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
    /// The API's name.
    name: String,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `list`
#[derive(Args, Debug)]
pub struct List {
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
    /// The API's name.
    name: String,
    /// Where it is from now on.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// A method that counts as read, in place of those that did. Say it again for more.
    #[arg(long = "read-method", value_name = "METHOD")]
    read_methods: Vec<String>,
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

/// `delete`
#[derive(Args, Debug)]
pub struct Delete {
    /// The API's name.
    name: String,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
}

impl Record for Api {
    const COLUMNS: &'static [&'static str] = &["NAME", "KIND", "UPSTREAM", "CHANGED"];

    fn cells(&self) -> Vec<String> {
        let kind = Kind::try_from(self.kind).map(|kind| kind.as_str_name()).unwrap_or_default();
        let upstream = if self.upstream.is_empty() { "-".to_owned() } else { self.upstream.clone() };
        vec![self.name.clone(), kind.trim_start_matches("KIND_").to_owned(), upstream, when(self.update_time.as_ref())]
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
            let api = read(at, args.name).await?;
            at.screen.show(&api, args.shown)
        }
        Verb::List(args) => list(args, at).await,
        Verb::Update(args) => update(args, at).await,
        Verb::Delete(args) => delete(args, at).await,
    }
}

async fn read(at: &Console, name: String) -> Result<Api, Failure> {
    let answer = at.api.call(at.api.apis().get_api(GetApiRequest { name })).await?;
    answer.api.ok_or(Failure::Contract("GetApiResponse"))
}

async fn create(args: Create, at: &mut Console) -> Result<(), Failure> {
    let (description, labels) = args.notes.parts();
    let read_methods = args.read_methods;
    let api = Api { name: args.name, upstream: args.upstream, read_methods, description, labels, ..Api::default() };
    let request_id = at.request_id(args.request_id.as_deref());
    let request = CreateApiRequest {
        api: Some(api),
        reuse_name: args.reuse_name,
        request_id: request_id.text(),
        ..CreateApiRequest::default()
    };
    let answer = request_id.told(at.api.call(at.api.apis().create_api(request)).await)?;
    at.screen.show(&answer.api.unwrap_or_default(), args.shown)
}

async fn list(args: List, at: &mut Console) -> Result<(), Failure> {
    let api = &at.api;
    let ask = |page: Page| {
        let request = ListApisRequest { page_size: page.size, page_token: page.token };
        async move {
            let answer = api.call(api.apis().list_apis(request)).await?;
            Ok((answer.apis, answer.next_page_token))
        }
    };
    Listing::new(&mut at.screen, args.shown.output).run(args.limit, ask).await
}

async fn update(args: Update, at: &mut Console) -> Result<(), Failure> {
    let mut api = read(at, args.name).await?;
    let mut paths = Vec::new();
    let mut breaks = Vec::new();
    args.notes.apply(&mut api.description, &mut api.labels, &mut paths);
    if let Some(upstream) = args.upstream {
        breaks.push(format!("calls go to {upstream} instead of {}", api.upstream));
        api.upstream = upstream;
        paths.push("upstream".to_owned());
    }
    if !args.read_methods.is_empty() {
        breaks.push("who may only read may call other methods than before".to_owned());
        api.read_methods = args.read_methods;
        paths.push("read_methods".to_owned());
    }
    if !breaks.is_empty() {
        args.sure.confirm(&mut at.screen, &format!("change the API {}", api.name), async { Ok(breaks) }).await?;
    }
    let request = UpdateApiRequest { api: Some(api), update_mask: mask(paths)? };
    let answer = at.api.call(at.api.apis().update_api(request)).await?;
    at.screen.show(&answer.api.unwrap_or_default(), args.shown)
}

async fn delete(args: Delete, at: &mut Console) -> Result<(), Failure> {
    let Api { name, etag, .. } = read(at, args.name).await?;
    let breaks = async { Ok(vec![format!("every call of /{name}/… is refused from now on")]) };
    args.sure.confirm(&mut at.screen, &format!("remove the API {name}"), breaks).await?;
    at.api.call(at.api.apis().delete_api(DeleteApiRequest { name: name.clone(), etag })).await?;
    at.screen.note(&format!("removed {name}; grants on it stay, so its name is taken again only with --reuse-name"))
}
