//! `passgate audit`: what was done, by whom, when and from where.
//!
//! Each service has an audit of its own. Without `--service` the verbs ask all three: a list and a watch merge them by time.

mod event;
mod list;
mod query;
mod verify;
mod watch;

use clap::{Subcommand, ValueEnum};

use super::console::Console;
use super::failure::Failure;

/// What to do with the audit.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List changes and occurrences, newest first.
    #[command(after_help = list::EXAMPLES)]
    List(list::List),
    /// Show each change soon after it was made, until it is interrupted.
    #[command(after_help = watch::EXAMPLES)]
    Watch(watch::Watch),
    /// Check that no change was altered, and say what that cannot show.
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::Verify),
}

/// Whose audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// Users, API users, groups, grants, failed sign-ins.
    Identity,
    /// Tokens, sessions, keys, secrets that were shown.
    Token,
    /// Endpoints, APIs, refused calls.
    Gateway,
}

impl Service {
    /// All of them.
    const ALL: [Self; 3] = [Self::Identity, Self::Token, Self::Gateway];

    /// The one that is asked for, or all.
    fn asked(one: Option<Self>) -> Vec<Self> {
        one.map_or_else(|| Self::ALL.to_vec(), |one| vec![one])
    }

    /// Its name.
    const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Token => "token",
            Self::Gateway => "gateway",
        }
    }
}

/// Asks the AuditService of a service, whose messages are alike and not the same.
macro_rules! ask {
    ($api:expr, $service:expr, $method:ident($request:ident $fields:tt), |$answer:ident| $read:expr) => {{
        use passgate_proto::{gateway, identity, token};
        let api = $api;
        match $service {
            $crate::admin::audit::Service::Identity => {
                let request = identity::v1::$request $fields;
                let $answer = api.call(api.identity_audit().$method(request)).await?;
                $read
            }
            $crate::admin::audit::Service::Token => {
                let request = token::v1::$request $fields;
                let $answer = api.call(api.token_audit().$method(request)).await?;
                $read
            }
            $crate::admin::audit::Service::Gateway => {
                let request = gateway::v1::$request $fields;
                let $answer = api.call(api.gateway_audit().$method(request)).await?;
                $read
            }
        }
    }};
}
use ask;

/// Does it.
///
/// # Errors
/// Why it was not done.
pub async fn run(verb: Verb, at: &mut Console) -> Result<(), Failure> {
    match verb {
        Verb::List(args) => list::run(args, at).await,
        Verb::Watch(args) => watch::run(args, at).await,
        Verb::Verify(args) => verify::run(args, at).await,
    }
}
