//! `passgate token update`, `enable` and `disable`.

use clap::Args;
use passgate_proto::token::v1::{DisableTokenRequest, EnableTokenRequest, UpdateTokenRequest};
use passgate_proto::r#type::v1::PatternList;
use prost_types::Timestamp;

use super::told;
use crate::admin::confirm::Sure;
use crate::admin::confirmation::{self, Wait};
use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::resolve::{self, Found};
use crate::admin::screen::Shown;
use crate::admin::values::{Notes, mask, timestamp};

/// `update`
#[derive(Args, Debug)]
pub struct Update {
    /// Which.
    #[command(flatten)]
    which: Found,
    /// Its name from now on.
    #[arg(long)]
    name: Option<String>,
    /// A pattern that it may call at most from now on, in place of those before: only narrower ones. Say it again for more.
    #[arg(long = "scope", value_name = "PATTERN")]
    scopes: Vec<String>,
    /// When it ends: only earlier than before.
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    expires: Option<Timestamp>,
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

/// `enable`
#[derive(Args, Debug)]
pub struct Enable {
    /// Which.
    #[command(flatten)]
    which: Found,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `disable`
#[derive(Args, Debug)]
pub struct Disable {
    /// Which.
    #[command(flatten)]
    which: Found,
    /// See [`Wait`].
    #[command(flatten)]
    wait: Wait,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// Changes a token.
///
/// # Errors
/// Why it was not changed.
pub async fn update(args: Update, at: &mut Console) -> Result<(), Failure> {
    let mut token = resolve::token(&at.api, &args.which).await?;
    let what = format!("narrow {}", told(&token));
    let mut paths = Vec::new();
    let mut breaks = Vec::new();
    args.notes.apply(&mut token.description, &mut token.labels, &mut paths);
    if let Some(name) = args.name {
        token.name = name;
        paths.push("name".to_owned());
    }
    if !args.scopes.is_empty() {
        breaks.push(format!("it may call nothing but {}, and is never widened again", args.scopes.join(", ")));
        token.scopes = Some(PatternList { patterns: args.scopes });
        paths.push("scopes".to_owned());
    }
    if let Some(expires) = args.expires {
        breaks.push(format!("it ends at {expires}, and is never prolonged again"));
        token.expire_time = Some(expires);
        paths.push("expire_time".to_owned());
    }
    if !breaks.is_empty() {
        args.sure.confirm(&mut at.screen, &what, async { Ok(breaks) }).await?;
    }
    let request = UpdateTokenRequest { token: Some(token), update_mask: mask(paths)? };
    let answer = at.api.call(at.api.tokens().update_token(request)).await?;
    at.screen.show(&answer.token.unwrap_or_default(), args.shown)
}

/// Enables a token.
///
/// # Errors
/// Why it was not enabled.
pub async fn enable(args: Enable, at: &mut Console) -> Result<(), Failure> {
    let token = resolve::token(&at.api, &args.which).await?;
    let answer = at.api.call(at.api.tokens().enable_token(EnableTokenRequest { id: token.id })).await?;
    at.screen.show(&answer.token.unwrap_or_default(), args.shown)
}

/// Disables a token.
///
/// # Errors
/// Why it was not disabled.
pub async fn disable(args: Disable, at: &mut Console) -> Result<(), Failure> {
    let token = resolve::token(&at.api, &args.which).await?;
    let breaks = async { Ok(vec!["every call with it is refused until it is enabled again".to_owned()]) };
    args.sure.confirm(&mut at.screen, &format!("disable {}", told(&token)), breaks).await?;
    let request = DisableTokenRequest { id: token.id, confirm_within: Some(args.wait.confirm_within) };
    let answer = at.api.call(at.api.tokens().disable_token(request)).await?;
    confirmation::tell(&mut at.screen, answer.confirmation.as_ref())?;
    at.screen.show(&answer.token.unwrap_or_default(), args.shown)
}
