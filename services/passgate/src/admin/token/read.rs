//! `passgate token get` and `list`.

use clap::{Args, ValueEnum};
use passgate_proto::token::v1::ListTokensRequest;
use passgate_proto::token::v1::token::State as ProtoState;

use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::resolve::{self, Found};
use crate::admin::screen::{Limit, Listing, Page, Shown};
use crate::admin::values::Sieve;

/// `get`
#[derive(Args, Debug)]
pub struct Get {
    /// Which.
    #[command(flatten)]
    which: Found,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// `list`
#[derive(Args, Debug)]
pub struct List {
    /// Only those of this principal: e-mail, name, id or `me`.
    #[arg(long, value_name = "PRINCIPAL")]
    owner: Option<String>,
    /// Only those in this state.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// See [`Sieve`].
    #[command(flatten)]
    sieve: Sieve,
    /// See [`Limit`].
    #[command(flatten)]
    limit: Limit,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// Whether a token works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// Works, within its owner's grants.
    Active,
    /// Does not work until it is enabled again.
    Disabled,
    /// Its time is over, for good.
    Expired,
    /// Taken away, for good.
    Revoked,
}

impl From<State> for ProtoState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Disabled => Self::Disabled,
            State::Expired => Self::Expired,
            State::Revoked => Self::Revoked,
        }
    }
}

/// Shows one token.
///
/// # Errors
/// What the server says.
pub async fn get(args: Get, at: &mut Console) -> Result<(), Failure> {
    let token = resolve::token(&at.api, &args.which).await?;
    at.screen.show(&token, args.shown)
}

/// Lists tokens.
///
/// # Errors
/// What the server says.
pub async fn list(args: List, at: &mut Console) -> Result<(), Failure> {
    let owner = match &args.owner {
        Some(owner) => resolve::principal(&at.api, owner).await?,
        None => String::new(),
    };
    let state = args.state.map(ProtoState::from).unwrap_or_default().into();
    let (filter, order_by) = (args.sieve.filter.unwrap_or_default(), args.sieve.order_by.unwrap_or_default());
    let api = &at.api;
    let ask = |page: Page| {
        let request = ListTokensRequest {
            owner: owner.clone(),
            state,
            page_size: page.size,
            page_token: page.token,
            filter: filter.clone(),
            order_by: order_by.clone(),
        };
        async move {
            let answer = api.call(api.tokens().list_tokens(request)).await?;
            Ok((answer.tokens, answer.next_page_token))
        }
    };
    Listing::new(&mut at.screen, args.shown.output).run(args.limit, ask).await
}
