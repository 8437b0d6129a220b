//! Showing a token that was just made: its secret, once, and the lines to use it with.

use passgate_proto::token::v1::Token;

use super::console::Console;
use super::failure::Failure;
use super::screen::Shown;
use super::use_lines::{callable_endpoint, use_lines};

/// For scripts: the secret alone on standard output.
///
/// # Errors
/// If it can no longer be shown, as on a late repeat.
pub fn secret_alone(at: &mut Console, secret: &str) -> Result<(), Failure> {
    if secret.is_empty() {
        return Err(Failure::Usage(NO_LONGER.to_owned()));
    }
    at.screen.line(secret)
}

/// For people: the token, its secret and how to use it.
///
/// # Errors
/// Fails if the screen does.
pub async fn for_people(at: &mut Console, token: &Token, secret: &str, effective: &[String]) -> Result<(), Failure> {
    at.screen.line("")?;
    at.screen.show(token, Shown::table())?;
    let may = if effective.is_empty() { "nothing yet: it has no grant".to_owned() } else { effective.join(", ") };
    at.screen.pairs(&[("may call".to_owned(), may)])?;
    at.screen.line("")?;
    if secret.is_empty() {
        return at.screen.note(NO_LONGER);
    }
    at.screen.pairs(&[("secret".to_owned(), secret.to_owned())])?;
    at.screen.note("The secret is shown this once.")?;
    let endpoint = callable_endpoint(&at.api, effective).await;
    let lines = use_lines(at.api.server(), endpoint.as_deref());
    lines.iter().try_for_each(|line| at.screen.line(line))
}

const NO_LONGER: &str =
    "the token exists, but its secret can no longer be shown: revoke it with `passgate token revoke`, and make another";
