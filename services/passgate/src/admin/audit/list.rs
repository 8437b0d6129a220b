//! `passgate audit list`: the services' lists merged, newest first.

use std::collections::VecDeque;

use clap::Args;
use tokio::sync::Mutex;

use super::event::Event;
use super::query::Query;
use super::{Service, ask};
use crate::admin::connection::Connection;
use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::screen::{Limit, Listing, Page, Shown};

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate audit list --limit 20
  passgate audit list --kind 'token.*' --since 2026-01-31
  passgate audit list --actor users/01890a5d-ac96-774b-bcce-b302099a8057 --output json
  passgate audit list --service identity --kind sign_in.failed";

/// Its flags.
#[derive(Args, Debug)]
pub struct List {
    /// Only the audit of this service; all three if left out.
    #[arg(long, value_enum)]
    service: Option<Service>,
    /// See [`Query`].
    #[command(flatten)]
    query: Query,
    /// See [`Limit`].
    #[command(flatten)]
    limit: Limit,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// One service's list, as far as it was read.
struct Source {
    service: Service,
    read: VecDeque<Event>,
    token: String,
    at_end: bool,
}

/// The lists of several services as one.
struct Merged<'a> {
    api: &'a Connection,
    filter: String,
    sources: Vec<Source>,
}

impl Merged<'_> {
    /// The next events, at most `size`, and whether there are more.
    async fn next(&mut self, size: i32) -> Result<(Vec<Event>, bool), Failure> {
        let mut events = Vec::new();
        while i32::try_from(events.len()).is_ok_and(|count| count < size) {
            for at in 0..self.sources.len() {
                self.fill(at, size).await?;
            }
            let newest = self.sources.iter_mut().filter(|source| !source.read.is_empty());
            let newest = newest.max_by_key(|source| source.read.front().map(Event::time));
            match newest.and_then(|source| source.read.pop_front()) {
                Some(event) => events.push(event),
                None => break,
            }
        }
        let more = self.sources.iter().any(|source| !source.at_end || !source.read.is_empty());
        Ok((events, more))
    }

    /// Reads a service's next page if nothing of the one before is left.
    async fn fill(&mut self, at: usize, page_size: i32) -> Result<(), Failure> {
        let (api, filter) = (self.api, self.filter.clone());
        let Some(source) = self.sources.get_mut(at).filter(|source| source.read.is_empty() && !source.at_end) else {
            return Ok(());
        };
        let (service, page_token) = (source.service, std::mem::take(&mut source.token));
        let (events, next) =
            ask!(api, service, list_audit_events(ListAuditEventsRequest { page_size, page_token, filter }), |answer| (
                answer.events,
                answer.next_page_token
            ));
        source.read.extend(events.into_iter().map(|event| Event { service, event }));
        source.at_end = next.is_empty();
        source.token = next;
        Ok(())
    }
}

/// Lists.
///
/// # Errors
/// What the server says.
pub async fn run(args: List, at: &mut Console) -> Result<(), Failure> {
    let sources = Service::asked(args.service).into_iter().map(|service| Source {
        service,
        read: VecDeque::new(),
        token: String::new(),
        at_end: false,
    });
    let merged = Mutex::new(Merged { api: &at.api, filter: args.query.filter(), sources: sources.collect() });
    let merged = &merged;
    let ask = |page: Page| async move {
        let (events, more) = merged.lock().await.next(page.size).await?;
        Ok((events, if more { "more".to_owned() } else { String::new() }))
    };
    Listing::new(&mut at.screen, args.shown.output).run(args.limit, ask).await
}
