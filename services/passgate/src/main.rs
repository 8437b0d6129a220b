//! The passgate program: arguments, telemetry, services, wait.

mod admin;
mod cli;
mod credentials;
mod demo;
mod failure;
mod launch;
mod ready;
mod standalone;
mod verb;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse(); // ends with 2 where the usage is wrong
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where even standard error is closed, the exit code has to say it.
            let mut screen = io::stderr().lock();
            match error.downcast::<admin::failure::Failure>() {
                Ok(failure) => {
                    let _told = failure.tell(&mut screen);
                    failure.exit().into()
                }
                Err(error) => {
                    let _told = failure::tell(&error, &mut screen);
                    ExitCode::FAILURE
                }
            }
        }
    }
}

fn run(cli: cli::Cli) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime does not start")?;
    let done = runtime.block_on(verb::run(cli));
    // What was told to end and did not is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}
