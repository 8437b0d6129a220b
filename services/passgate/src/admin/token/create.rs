//! `passgate token create`.

use clap::Args;
use passgate_proto::token::v1::CreateTokenRequest;
use passgate_proto::token::v1::create_token_request::Expiry;
use passgate_proto::r#type::v1::PatternList;
use prost_types::{Duration, Timestamp};

use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::issued;
use crate::admin::resolve;
use crate::admin::screen::{SecretOutput, ShownSecret};
use crate::admin::values::{NewNotes, duration, timestamp};

/// Its flags.
#[derive(Args, Debug)]
pub struct Create {
    /// Its name, for people.
    name: String,
    /// Whose it is: e-mail, name, id or `me`; one's own if left out.
    #[arg(long, value_name = "PRINCIPAL")]
    owner: Option<String>,
    /// A pattern that it may call at most; all that its owner may, if left out. Say it again for more.
    #[arg(long = "scope", value_name = "PATTERN")]
    scopes: Vec<String>,
    /// How long it is good for, such as 30d; 90 days if left out.
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "expires")]
    ttl: Option<Duration>,
    /// When it ends, such as 2027-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    expires: Option<Timestamp>,
    /// See [`NewNotes`].
    #[command(flatten)]
    notes: NewNotes,
    /// The id of this request, to repeat it after an answer was lost.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// See [`ShownSecret`].
    #[command(flatten)]
    shown: ShownSecret,
}

/// Makes the token.
///
/// # Errors
/// Why it was not made, or its secret is not shown.
pub async fn run(args: Create, at: &mut Console) -> Result<(), Failure> {
    let owner = match args.owner.as_deref() {
        None | Some("me") => String::new(),
        Some(owner) => resolve::principal(&at.api, owner).await?,
    };
    let (description, labels) = args.notes.parts();
    let request_id = at.request_id(args.request_id.as_deref());
    let request = CreateTokenRequest {
        name: args.name,
        owner,
        scopes: (!args.scopes.is_empty()).then_some(PatternList { patterns: args.scopes }),
        expiry: args.ttl.map(Expiry::Ttl).or(args.expires.map(Expiry::ExpireTime)),
        description,
        labels,
        request_id: request_id.text(),
    };
    let answer = request_id.told(at.api.call(at.api.tokens().create_token(request)).await)?;
    match args.shown.output {
        SecretOutput::Json => at.screen.json(&answer),
        SecretOutput::Secret => issued::secret_alone(at, &answer.secret),
        SecretOutput::Table => {
            let token = answer.token.unwrap_or_default();
            issued::for_people(at, &token, &answer.secret, &answer.effective_patterns).await
        }
    }
}
