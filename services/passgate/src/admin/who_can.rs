//! `passgate who-can`.

use clap::Args;
use passgate_proto::token::v1::ListCallersRequest;
use passgate_proto::token::v1::list_callers_response::Caller;

use super::console::Console;
use super::failure::Failure;
use super::screen::{Limit, Listing, Page, Record, Shown};
use super::values::{Action, state_word};

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate who-can endpoints/sales-orders
  passgate who-can endpoints/sales-orders --action write
  passgate who-can apis/shop.v1.Orders/Get --output json";

/// Its flags.
#[derive(Args, Debug)]
pub struct WhoCan {
    /// What would be called: `endpoints/NAME` or `apis/PACKAGE.SERVICE/METHOD`.
    resource: String,
    /// Whether it would only be read.
    #[arg(long, value_enum, default_value_t = Action::Read)]
    action: Action,
    /// See [`Limit`].
    #[command(flatten)]
    limit: Limit,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

impl Record for Caller {
    const COLUMNS: &'static [&'static str] = &["PRINCIPAL", "NAME", "STATE", "BY GRANT", "WITH TOKENS"];

    fn cells(&self) -> Vec<String> {
        let grants: Vec<_> = self.grants.iter().map(|grant| format!("{} of {}", grant.pattern, grant.holder)).collect();
        let tokens: Vec<_> = self.tokens.iter().map(|token| format!("{} ({})", token.name, token.id)).collect();
        let tokens = if tokens.is_empty() { "-".to_owned() } else { tokens.join(", ") };
        vec![self.principal.clone(), self.display_name.clone(), state_word(self.state), grants.join(", "), tokens]
    }
}

/// Lists who can call it.
///
/// # Errors
/// What the server says.
pub async fn run(args: WhoCan, at: &mut Console) -> Result<(), Failure> {
    let action = passgate_proto::r#type::v1::Action::from(args.action).into();
    let (api, resource) = (&at.api, args.resource);
    let ask = |page: Page| {
        let request =
            ListCallersRequest { resource: resource.clone(), action, page_size: page.size, page_token: page.token };
        async move {
            let answer = api.call(api.authorization().list_callers(request)).await?;
            Ok((answer.callers, answer.next_page_token))
        }
    };
    Listing::new(&mut at.screen, args.shown.output).run(args.limit, ask).await
}
