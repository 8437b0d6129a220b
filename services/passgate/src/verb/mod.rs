//! One file per verb of the command line.

mod credentials;
mod demo;
mod migrate;
mod service;
mod standalone;

use std::io;

use anyhow::Result;
use passgate_kit::telemetry;

use crate::cli::{Cli, LogFormat, LogLevel, Verb};
use crate::ready::Announcer;

/// Does what the command line says.
///
/// # Errors
/// Why it was not done.
pub async fn run(cli: Cli) -> Result<()> {
    telemetry::start(level(cli.log_level, &cli.verb), format(cli.log))?;
    let mut announcer = Announcer::new(cli.ready, cli.ready_file, Box::new(io::stdout()));
    match cli.verb {
        Verb::Standalone(args) => standalone::run(&args, &mut announcer).await,
        Verb::Identity(args) => service::identity(args.config.as_deref(), &mut announcer).await,
        Verb::Token(args) => service::token(args.config.as_deref(), &mut announcer).await,
        Verb::Gateway(args) => service::gateway(args.config.as_deref(), &mut announcer).await,
        Verb::Migrate(args) => migrate::run(&args, &mut announcer).await,
        Verb::Demo => demo::run(&mut io::stdout()).await,
        Verb::Credentials(verb) => credentials::run(&verb, &mut announcer),
    }
}

fn format(format: LogFormat) -> telemetry::Format {
    match format {
        LogFormat::Human => telemetry::Format::Human,
        LogFormat::Json => telemetry::Format::Json,
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
        (None, Verb::Demo) => tracing::Level::ERROR,
        (None, _) => tracing::Level::INFO,
    }
}
