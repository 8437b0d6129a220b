//! `passgate key`: what tokens are signed with.

use clap::Subcommand;
use passgate_proto::token::v1::{Key, ListKeysRequest, key};

use super::console::Console;
use super::failure::Failure;
use super::screen::{Listing, Record, Shown};
use super::values::when;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the keys, newest first.
    #[command(after_help = "Examples:\n  passgate key list\n  passgate key list --output json")]
    List(Shown),
}

impl Record for Key {
    const COLUMNS: &'static [&'static str] = &["KID", "ALGORITHM", "STATE", "CREATED"];

    fn cells(&self) -> Vec<String> {
        let state = key::State::try_from(self.state).map(|state| state.as_str_name()).unwrap_or_default();
        let state = state.trim_start_matches("STATE_").to_owned();
        vec![self.kid.clone(), self.algorithm.clone(), state, when(self.create_time.as_ref())]
    }
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub async fn run(verb: Verb, at: &mut Console) -> Result<(), Failure> {
    let Verb::List(shown) = verb;
    let answer = at.api.call(at.api.keys().list_keys(ListKeysRequest {})).await?;
    at.screen.note(&format!("issuer {}", answer.issuer))?;
    Listing::new(&mut at.screen, shown.output).whole(&answer.keys)
}
