//! `passgate explain`.

use std::path::PathBuf;

use clap::Args;
use passgate_proto::token::v1::explain_decision_request::Subject;
use passgate_proto::token::v1::explain_decision_response::Step;
use passgate_proto::token::v1::{ExplainDecisionRequest, ExplainDecisionResponse};

use super::console::Console;
use super::failure::Failure;
use super::resolve::{self, Found};
use super::screen::{Listing, Output, Record, Shown};
use super::secrets;
use super::values::Action;

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate explain endpoints/sales-orders
  passgate explain endpoints/sales-orders --of laptop --action write
  passgate explain apis/shop.v1.Orders/Get --of widget --owner 'mexico widget'
  passgate explain endpoints/sales-orders --secret-file ci.token

It ends with 0 if the answer is yes, and with 12 if it is no.";

/// Its flags.
#[derive(Args, Debug)]
pub struct Explain {
    /// What would be called: `endpoints/NAME` or `apis/PACKAGE.SERVICE/METHOD`.
    resource: String,
    /// Whether it would only read.
    #[arg(long, value_enum, default_value_t = Action::Read)]
    action: Action,
    /// The token that would call: name, id or jti. Left out: the one that this verb uses itself.
    #[arg(long, value_name = "TOKEN", conflicts_with = "secret_file")]
    of: Option<String>,
    /// Whose token, if it is named by its name: e-mail, name, id or `me`.
    #[arg(long, value_name = "PRINCIPAL", requires = "of")]
    owner: Option<String>,
    /// A file (0600) with the token that would call; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// Explains a decision before anything is shipped.
///
/// # Errors
/// [`Failure::No`] if the answer is no; what the server says.
pub async fn run(args: Explain, at: &mut Console) -> Result<(), Failure> {
    let subject = match (args.of, args.secret_file) {
        (Some(token), _) => Subject::TokenId(resolve::token(&at.api, &Found { token, owner: args.owner }).await?.id),
        (None, Some(file)) => Subject::Token(secrets::read(&mut at.screen, Some(&file), "Token")?.expose().to_owned()),
        (None, None) => Subject::Token(at.api.token().unwrap_or_default().to_owned()),
    };
    ask(at, subject, args.resource, args.action, args.shown.output).await
}

/// Asks, and shows the answer.
///
/// # Errors
/// As [`run`].
pub async fn ask(
    at: &mut Console,
    subject: Subject,
    resource: String,
    action: Action,
    output: Output,
) -> Result<(), Failure> {
    let action = passgate_proto::r#type::v1::Action::from(action).into();
    let request = ExplainDecisionRequest { subject: Some(subject), resource, action };
    let answer = at.api.call(at.api.authorization().explain_decision(request)).await?;
    match output {
        Output::Json => at.screen.json(&answer)?,
        Output::Table => show(at, &answer)?,
    }
    if answer.decision.is_some_and(|decision| decision.allowed) { Ok(()) } else { Err(Failure::No) }
}

fn show(at: &mut Console, answer: &ExplainDecisionResponse) -> Result<(), Failure> {
    let decision = answer.decision.clone().unwrap_or_default();
    let told =
        if decision.allowed { "yes".to_owned() } else { format!("no: {} ({})", decision.message, decision.reason) };
    at.screen.pairs(&[("allowed".to_owned(), told)])?;
    Listing::new(&mut at.screen, Output::Table).whole(&answer.steps)
}

impl Record for Step {
    const COLUMNS: &'static [&'static str] = &["STEP", "PASSED", "FOUND", "PATTERN", "HOLDER"];

    fn cells(&self) -> Vec<String> {
        let passed = if self.passed { "yes" } else { "no" };
        vec![self.name.clone(), passed.to_owned(), self.found.clone(), self.pattern.clone(), self.holder.clone()]
    }
}
