//! One file per verb of the command line.

mod credentials;
mod demo;
mod feed;
mod migrate;
mod service;
mod standalone;

use std::io;

use anyhow::{Result, bail};
use passgate_kit::telemetry;

use crate::admin;
use crate::admin::failure::Failure;
use crate::cli::{Cli, FeedVerb, LogFormat, LogLevel, Logging, ReadyFormat, Serving, TokenArgs, Verb};
use crate::ready::Announcer;

/// Does what the command line says.
///
/// # Errors
/// Why it was not done. A [`Failure`] is that of an administration verb.
pub async fn run(cli: Cli) -> Result<()> {
    let serving = match serving_of(&cli.verb) {
        Some(own) => own.or(cli.serving),
        None if cli.serving.is_given() => {
            bail!(Failure::Usage(
                "--log, --log-level, --ready and --ready-file are for what serves, not for this".to_owned()
            ))
        }
        None => return administer(cli.verb).await,
    };
    telemetry::start(level(serving.logging.log_level, &cli.verb), format(serving.logging.log))?;
    let ready = serving.ready.unwrap_or(ReadyFormat::Human);
    let mut announcer = Announcer::new(ready, serving.ready_file, Box::new(io::stdout()));
    match cli.verb {
        Verb::Standalone(args) => standalone::run(&args, &mut announcer).await,
        Verb::Identity(args) => service::identity(args.config.as_deref(), &mut announcer).await,
        Verb::Token(args) => service::token(args.service.config.as_deref(), &mut announcer).await,
        Verb::Gateway(args) => service::gateway(args.config.as_deref(), &mut announcer).await,
        Verb::Migrate(args) => migrate::run(&args, &mut announcer).await,
        Verb::Feed(FeedVerb::Adopt(args)) => feed::adopt(&args, &mut announcer).await,
        Verb::Demo(_) => demo::run(&mut io::stdout()).await,
        Verb::Credentials(verb) => credentials::run(&verb, &mut announcer),
        Verb::Admin(verb) => Ok(admin::run(verb).await?),
    }
}

/// What a verb that serves says behind it; `None` for administration, which neither logs nor listens.
fn serving_of(verb: &Verb) -> Option<Serving> {
    let logging = |logging: Logging| Serving { logging, ..Serving::default() };
    match verb {
        Verb::Standalone(args) => Some(args.serving.clone()),
        Verb::Identity(args) | Verb::Gateway(args) => Some(args.serving.clone()),
        Verb::Token(args) => args.verb.is_none().then(|| args.service.serving.clone()),
        Verb::Migrate(args) => Some(logging(args.logging)),
        Verb::Feed(FeedVerb::Adopt(args)) => Some(logging(args.logging)),
        Verb::Demo(own) => Some(logging(*own)),
        Verb::Credentials(_) => Some(Serving::default()),
        Verb::Admin(_) => None,
    }
}

async fn administer(verb: Verb) -> Result<()> {
    match verb {
        Verb::Token(TokenArgs { place, verb: Some(verb), .. }) => Ok(admin::run_token(&place, verb).await?),
        Verb::Admin(verb) => Ok(admin::run(verb).await?),
        _ => Ok(()),
    }
}

fn format(format: Option<LogFormat>) -> telemetry::Format {
    match format {
        None | Some(LogFormat::Human) => telemetry::Format::Human,
        Some(LogFormat::Json) => telemetry::Format::Json,
    }
}

/// What is logged. The demo shows its own story: by default only what went wrong is logged beside it.
fn level(level: Option<LogLevel>, verb: &Verb) -> tracing::Level {
    match (level, verb) {
        (Some(LogLevel::Error), _) => tracing::Level::ERROR,
        (Some(LogLevel::Warn), _) => tracing::Level::WARN,
        (Some(LogLevel::Info), _) => tracing::Level::INFO,
        (Some(LogLevel::Debug), _) => tracing::Level::DEBUG,
        (Some(LogLevel::Trace), _) => tracing::Level::TRACE,
        (None, Verb::Demo(_)) => tracing::Level::ERROR,
        (None, _) => tracing::Level::INFO,
    }
}
