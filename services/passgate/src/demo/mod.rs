//! `passgate demo`: the whole product on a throw-away folder, walked through step by step.
//!
//! The steps are data ([`step`], [`chapters`]); the [`runner`] makes each call, compares the answer with the right one and
//! shows both. What the calls go to is what `passgate standalone` starts, and two sample [`upstream`]s.

mod call;
mod chapters;
mod runner;
mod step;
mod upstream;
mod world;

use std::fs;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio_util::task::TaskTracker;

pub use self::runner::Score;
use self::world::{Addresses, World};
use crate::launch::Surroundings;
use crate::standalone::{self, ADMINISTRATOR};

/// Starts everything, walks through it on `screen`, and ends it.
///
/// # Errors
/// If something does not start, or a step cannot be taken.
pub async fn run(screen: &mut (dyn Write + Send)) -> Result<Score> {
    writeln!(screen, "Passgate: named tokens in front of endpoints and gRPC APIs, revocable at once.")?;
    writeln!(screen, "Everything here runs on a throw-away folder and on free loopback ports.")?;
    let folder = tempfile::tempdir().context("a temporary folder for the demo")?;
    let surroundings = Surroundings::system();
    let (stop, tasks) = (surroundings.lifecycle.stopping(), TaskTracker::new());
    let (http_upstream, grpc_upstream) = upstream::start(&tasks, &stop).await?;

    let data = folder.path().join("data");
    let mut standalone = standalone::start(&data, standalone::Addresses::free(), &surroundings).await?;
    standalone.launched.until_ready().await?;
    let password = fs::read_to_string(&standalone.first_password_file).context("the first password's file")?;
    let address = |name| standalone.launched.address(name);
    let addresses = Addresses {
        gateway: address("gateway")?,
        registry: address("gateway-admin")?,
        identity: address("identity")?,
        token: address("token")?,
        http_upstream,
        grpc_upstream,
    };
    let mut world = World::new(addresses, ADMINISTRATOR.to_owned(), password.trim().to_owned());
    let score = runner::walk(&chapters::all(), &mut world, screen).await;

    surroundings.lifecycle.drain(Duration::from_secs(10)).await;
    tasks.close();
    tasks.wait().await;
    let score = score?;
    farewell(score, screen)?;
    Ok(score)
}

fn farewell(score: Score, screen: &mut dyn Write) -> Result<()> {
    writeln!(screen, "\n{} of {} answers were the expected ones.", score.right, score.right + score.wrong)?;
    writeln!(screen, "\nTo go on:")?;
    writeln!(screen, "  passgate standalone --data passgate-data   keeps running; it says how to sign in")?;
    writeln!(
        screen,
        "  README.md                                  makes a token both ways with grpcurl, in five lines each"
    )?;
    Ok(writeln!(screen, "  tests/run.sh                               runs all tests")?)
}
