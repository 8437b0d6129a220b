//! `passgate audit watch`: each change as it is made.

use clap::Args;
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use tonic::Status;

use super::event::Event;
use super::query::Query;
use super::{Service, ask};
use crate::admin::connection::Connection;
use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::screen::{Listing, Output, Row as _, Shown, plain_json};

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate audit watch
  passgate audit watch --service token --kind 'token.*'
  passgate audit watch --service identity --after 57 --output json";

/// Its flags.
#[derive(Args, Debug)]
pub struct Watch {
    /// Only the audit of this service; all three if left out.
    #[arg(long, value_enum)]
    service: Option<Service>,
    /// Begin after the change of this number; 0 shows all there are. Left out: from now on.
    #[arg(long, value_name = "NUMBER", requires = "service")]
    after: Option<u64>,
    /// See [`Query`].
    #[command(flatten)]
    query: Query,
    /// How to show the changes; `json` is one document a line.
    #[command(flatten)]
    shown: Shown,
}

type Events = BoxStream<'static, Result<Event, Status>>;

async fn open(api: &Connection, service: Service, after: Option<u64>, filter: String) -> Result<Events, Failure> {
    let stream: Events =
        ask!(api, service, watch_audit_events(WatchAuditEventsRequest { after_number: after, filter }), |answer| {
            answer.map(move |told| told.map(|told| Event { service, event: told.event.unwrap_or_default() })).boxed()
        });
    Ok(stream)
}

/// Watches, until a stream ends.
///
/// # Errors
/// Why it ended.
pub async fn run(args: Watch, at: &mut Console) -> Result<(), Failure> {
    let (filter, mut streams) = (args.query.filter(), Vec::new());
    for service in Service::asked(args.service) {
        streams.push(open(&at.api, service, args.after, filter.clone()).await?);
    }
    let mut events = select_all(streams);
    let server = at.api.server().to_string();
    at.screen.note("watching; interrupt it to end")?;
    if args.shown.output == Output::Json {
        while let Some(event) = events.next().await {
            let event = event.map_err(|status| Failure::of(&status, &server))?;
            at.screen.line(&plain_json(&event.json()?.to_string()))?;
        }
        return Ok(());
    }
    let mut listing = Listing::new(&mut at.screen, args.shown.output);
    while let Some(event) = events.next().await {
        listing.page(&[event.map_err(|status| Failure::of(&status, &server))?])?;
    }
    Ok(())
}
