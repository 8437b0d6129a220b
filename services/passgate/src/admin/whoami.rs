//! `passgate whoami`.

use passgate_proto::{identity, token};
use serde_json::json;

use super::console::Console;
use super::failure::Failure;
use super::screen::{Output, Shown, plain_json, to_json};
use super::values::when;

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate whoami
  passgate whoami --token-file ci.token --output json";

/// Says who the token or session belongs to, and what it may do.
///
/// # Errors
/// What the server says.
pub async fn run(shown: Shown, at: &mut Console) -> Result<(), Failure> {
    let who = at.api.call(at.api.users().get_self(identity::v1::GetSelfRequest {})).await?;
    let with = at.api.call(at.api.tokens().get_self(token::v1::GetSelfRequest {})).await?;
    if shown.output == Output::Json {
        let json = json!({ "principal": to_json(&who)?, "token": to_json(&with)? });
        return at.screen.line(&plain_json(&format!("{json:#}")));
    }
    let token = with.token.unwrap_or_default();
    let kind = if with.session { "a session".to_owned() } else { format!("the token {:?} ({})", token.name, token.id) };
    let rows = [
        ("server", at.api.server().to_string()),
        ("principal", who.principal),
        ("name", who.display_name),
        ("with", kind),
        ("until", when(token.expire_time.as_ref())),
        ("groups", who.groups.join(", ")),
        ("grants", who.grants.join(", ")),
        ("may call", with.effective_patterns.join(", ")),
    ];
    at.screen.pairs(&rows.map(|(name, value)| (name.to_owned(), value)))
}
