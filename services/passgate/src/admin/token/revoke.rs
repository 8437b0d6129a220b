//! `passgate token revoke` and `revoke-all`.

use clap::Args;
use passgate_proto::token::v1::{RevokeAllTokensRequest, RevokeTokenRequest};

use super::told;
use crate::admin::confirm::Sure;
use crate::admin::confirmation::{self, Wait};
use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::impact;
use crate::admin::resolve::{self, Found, PrincipalRef};
use crate::admin::screen::{Output, Shown};

/// `revoke`
#[derive(Args, Debug)]
pub struct Revoke {
    /// Which.
    #[command(flatten)]
    which: Found,
    /// Why; kept with the token.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
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

/// `revoke-all`
#[derive(Args, Debug)]
pub struct RevokeAll {
    /// Whose.
    #[command(flatten)]
    whose: PrincipalRef,
    /// Why; kept with the tokens.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
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

/// Revokes one token.
///
/// # Errors
/// Why it was not revoked.
pub async fn one(args: Revoke, at: &mut Console) -> Result<(), Failure> {
    let token = resolve::token(&at.api, &args.which).await?;
    let breaks = async { Ok(vec!["every call with it is refused, for good".to_owned()]) };
    args.sure.confirm(&mut at.screen, &format!("revoke {}", told(&token)), breaks).await?;
    let what = told(&token);
    let request = RevokeTokenRequest {
        id: token.id,
        revoke_reason: args.reason.unwrap_or_default(),
        confirm_within: Some(args.wait.confirm_within),
    };
    let answer = at.api.call(at.api.tokens().revoke_token(request)).await?;
    if args.shown.output == Output::Json {
        return at.screen.json(&answer);
    }
    at.screen.note(&format!("revoked {what}: it is refused from now on"))?;
    confirmation::tell(&mut at.screen, answer.confirmation.as_ref())?;
    match answer.live_descendants {
        0 => Ok(()),
        count => at.screen.note(&format!(
            "{count} live tokens were made with it, and stay: `passgate token list` shows them by created_with"
        )),
    }
}

/// Revokes all tokens of a principal.
///
/// # Errors
/// Why they were not revoked.
pub async fn all(args: RevokeAll, at: &mut Console) -> Result<(), Failure> {
    let principal = resolve::principal(&at.api, &args.whose.principal).await?;
    let what = format!("revoke every token and session of {} ({principal})", args.whose.principal);
    args.sure.confirm(&mut at.screen, &what, impact::live_tokens(&at.api, &principal)).await?;
    let request = RevokeAllTokensRequest {
        principal,
        revoke_reason: args.reason.unwrap_or_default(),
        confirm_within: Some(args.wait.confirm_within),
    };
    let answer = at.api.call(at.api.tokens().revoke_all_tokens(request)).await?;
    if args.shown.output == Output::Json {
        return at.screen.json(&answer);
    }
    let (tokens, sessions) = (answer.revoked_tokens, answer.ended_sessions);
    at.screen.note(&format!("revoked {tokens} tokens and ended {sessions} sessions of {}", args.whose.principal))?;
    confirmation::tell(&mut at.screen, answer.confirmation.as_ref())
}
