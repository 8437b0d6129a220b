//! `passgate endpoint`: named HTTP endpoints.

mod settings;

use clap::{Args, Subcommand};
use passgate_proto::gateway::v1::endpoint::Access as ProtoAccess;
use passgate_proto::gateway::v1::{
    CreateEndpointRequest, DeleteEndpointRequest, DisableEndpointRequest, EnableEndpointRequest, Endpoint,
    GetEndpointRequest, ListEndpointsRequest, UpdateEndpointRequest,
};

use self::settings::{Settings, worth_asking};
use super::confirm::Sure;
use super::console::Console;
use super::failure::Failure;
use super::impact;
use super::screen::{Limit, Listing, Page, Record, Shown};
use super::values::{NewNotes, Notes, mask, when};

/// What to do with endpoints.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Put an endpoint in front of an HTTP server. It needs a token unless --access says public.
    #[command(after_help = "\
Examples:
  passgate endpoint create sales-orders http://127.0.0.1:8000
  passgate endpoint create sales-orders http://orders.internal:8000/v2 --method GET --fixed-query company=mx --timeout 5s
  passgate endpoint create search http://127.0.0.1:8000 --read-method POST")]
    Create(Create),
    /// Show one endpoint.
    #[command(after_help = "Examples:\n  passgate endpoint get sales-orders")]
    Get(Get),
    /// List endpoints by name.
    #[command(after_help = "Examples:\n  passgate endpoint list\n  passgate endpoint list --output json")]
    List(List),
    /// Change an endpoint.
    #[command(after_help = "\
Examples:
  passgate endpoint update sales-orders --upstream http://127.0.0.1:8001 --yes
  passgate endpoint update sales-orders --description 'orders of all shops' --label team=sales
  passgate endpoint update status --access public --yes")]
    Update(Update),
    /// Serve a disabled endpoint again.
    #[command(after_help = "Examples:\n  passgate endpoint enable sales-orders")]
    Enable(Get),
    /// Stop serving an endpoint: it answers as one that does not exist.
    #[command(after_help = "Examples:\n  passgate endpoint disable sales-orders --yes")]
    Disable(Disable),
    /// Remove an endpoint.
    #[command(after_help = "Examples:\n  passgate endpoint delete sales-orders --yes")]
    Delete(Delete),
}

/// `create`
#[derive(Args, Debug)]
pub struct Create {
    /// Its name: lower-case letters, digits and hyphens. It never changes.
    name: String,
    /// Where it goes: `http://HOST[:PORT][/BASE/PATH]`.
    upstream: String,
    /// See [`Settings`].
    #[command(flatten)]
    settings: Settings,
    /// See [`NewNotes`].
    #[command(flatten)]
    notes: NewNotes,
    /// Take the name although a deleted endpoint had it, with all that is still granted on it.
    #[arg(long)]
    reuse_name: bool,
    /// The id of this request, to repeat it after an answer was lost.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `get`, `enable`
#[derive(Args, Debug)]
pub struct Get {
    /// The endpoint's name.
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
    /// The endpoint's name.
    name: String,
    /// Where it goes from now on.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// See [`Settings`].
    #[command(flatten)]
    settings: Settings,
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
    which: Get,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
}

/// `delete`
#[derive(Args, Debug)]
pub struct Delete {
    /// The endpoint's name.
    name: String,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
}

impl Record for Endpoint {
    const COLUMNS: &'static [&'static str] = &["NAME", "ACCESS", "SERVED", "UPSTREAM", "CHANGED"];

    fn cells(&self) -> Vec<String> {
        let access = ProtoAccess::try_from(self.access).map(|access| access.as_str_name()).unwrap_or_default();
        let served = if self.disabled { "no" } else { "yes" };
        vec![
            self.name.clone(),
            access.trim_start_matches("ACCESS_").to_owned(),
            served.to_owned(),
            self.upstream.clone(),
            when(self.update_time.as_ref()),
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
            let endpoint = read(at, args.name).await?;
            at.screen.show(&endpoint, args.shown)
        }
        Verb::List(args) => list(args, at).await,
        Verb::Update(args) => update(args, at).await,
        Verb::Enable(args) => {
            let request = EnableEndpointRequest { name: args.name };
            let answer = at.api.call(at.api.endpoints().enable_endpoint(request)).await?;
            at.screen.show(&answer.endpoint.unwrap_or_default(), args.shown)
        }
        Verb::Disable(Disable { which: Get { name, shown }, sure }) => {
            let resource = format!("endpoints/{name}");
            let breaks = impact::callers(&at.api, &resource);
            sure.confirm(&mut at.screen, &format!("stop serving the endpoint {name}"), breaks).await?;
            let answer = at.api.call(at.api.endpoints().disable_endpoint(DisableEndpointRequest { name })).await?;
            at.screen.show(&answer.endpoint.unwrap_or_default(), shown)
        }
        Verb::Delete(args) => delete(args, at).await,
    }
}

async fn read(at: &Console, name: String) -> Result<Endpoint, Failure> {
    let answer = at.api.call(at.api.endpoints().get_endpoint(GetEndpointRequest { name })).await?;
    answer.endpoint.ok_or(Failure::Contract("GetEndpointResponse"))
}

async fn create(args: Create, at: &mut Console) -> Result<(), Failure> {
    let (description, labels) = args.notes.parts();
    let mut endpoint =
        Endpoint { name: args.name, upstream: args.upstream, description, labels, ..Endpoint::default() };
    args.settings.apply(&mut endpoint);
    let request_id = at.request_id(args.request_id.as_deref());
    let request = CreateEndpointRequest {
        endpoint: Some(endpoint),
        reuse_name: args.reuse_name,
        request_id: request_id.text(),
        ..CreateEndpointRequest::default()
    };
    let answer = request_id.told(at.api.call(at.api.endpoints().create_endpoint(request)).await)?;
    at.screen.show(&answer.endpoint.unwrap_or_default(), args.shown)
}

async fn list(args: List, at: &mut Console) -> Result<(), Failure> {
    let api = &at.api;
    let ask = |page: Page| {
        let request = ListEndpointsRequest { page_size: page.size, page_token: page.token };
        async move {
            let answer = api.call(api.endpoints().list_endpoints(request)).await?;
            Ok((answer.endpoints, answer.next_page_token))
        }
    };
    Listing::new(&mut at.screen, args.shown.output).run(args.limit, ask).await
}

async fn update(args: Update, at: &mut Console) -> Result<(), Failure> {
    let before = read(at, args.name).await?;
    let mut endpoint = before.clone();
    let mut paths = args.settings.apply(&mut endpoint);
    args.notes.apply(&mut endpoint.description, &mut endpoint.labels, &mut paths);
    if let Some(upstream) = args.upstream {
        endpoint.upstream = upstream;
        paths.push("upstream".to_owned());
    }
    let breaks = worth_asking(&before, &endpoint);
    if !breaks.is_empty() {
        let what = format!("change the endpoint {}", before.name);
        args.sure.confirm(&mut at.screen, &what, async { Ok(breaks) }).await?;
    }
    let request = UpdateEndpointRequest { endpoint: Some(endpoint), update_mask: mask(paths)? };
    let answer = at.api.call(at.api.endpoints().update_endpoint(request)).await?;
    at.screen.show(&answer.endpoint.unwrap_or_default(), args.shown)
}

async fn delete(args: Delete, at: &mut Console) -> Result<(), Failure> {
    let Endpoint { name, etag, .. } = read(at, args.name).await?;
    let resource = format!("endpoints/{name}");
    let breaks = impact::callers(&at.api, &resource);
    args.sure.confirm(&mut at.screen, &format!("remove the endpoint {name}"), breaks).await?;
    at.api.call(at.api.endpoints().delete_endpoint(DeleteEndpointRequest { name: name.clone(), etag })).await?;
    at.screen.note(&format!("removed {name}; grants on it stay, so its name is taken again only with --reuse-name"))
}
