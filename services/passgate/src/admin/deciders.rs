//! `passgate deciders`.

use clap::Args;
use passgate_proto::token::v1::{Decider, ListDecidersRequest};

use super::confirmation::span;
use super::console::Console;
use super::failure::Failure;
use super::screen::{Limit, Listing, Page, Record, Shown};
use super::values::when;

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate deciders
  passgate deciders --output json";

/// Its flags.
#[derive(Args, Debug)]
pub struct Deciders {
    /// See [`Limit`].
    #[command(flatten)]
    limit: Limit,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

impl Record for Decider {
    const COLUMNS: &'static [&'static str] = &["NAME", "PRINCIPAL", "BEHIND", "LEASE LEFT", "LAST HEARD", "STREAMS"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.principal.clone(),
            self.behind.to_string(),
            humantime::format_duration(span(self.lease_left.as_ref())).to_string(),
            when(self.last_heard_time.as_ref()),
            self.streams.to_string(),
        ]
    }
}

/// Lists them.
///
/// # Errors
/// What the server says.
pub async fn run(args: Deciders, at: &mut Console) -> Result<(), Failure> {
    let api = &at.api;
    let ask = |page: Page| {
        let request = ListDecidersRequest { page_size: page.size, page_token: page.token };
        async move {
            let answer = api.call(api.changes().list_deciders(request)).await?;
            Ok((answer.deciders, answer.next_page_token))
        }
    };
    Listing::new(&mut at.screen, args.shown.output).run(args.limit, ask).await
}
