//! Starting a service inside this process: the three look alike from here on.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use passgate_kit::client::Ambient;
use passgate_kit::server::{Lifecycle, Signals};
use tokio::sync::watch;

use crate::ready::Announcer;

/// How long requests under way may take to end once the process is told to.
const DRAIN: Duration = Duration::from_secs(30);

/// What a process gives its services.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Time and randomness.
    pub ambient: Ambient,
    /// Has every task, and ends them.
    pub lifecycle: Lifecycle,
}

impl Surroundings {
    /// Those of a real process.
    #[must_use]
    pub fn system() -> Self {
        Self { ambient: Ambient::system(), lifecycle: Lifecycle::default() }
    }
}

/// One or more services that listen.
#[derive(Debug, Default)]
pub struct Launched {
    /// Where, by name.
    pub addresses: Vec<(&'static str, SocketAddr)>,
    /// Whether each has what it needs.
    pub ready: Vec<watch::Receiver<bool>>,
}

impl Launched {
    /// Both together.
    pub fn join(&mut self, other: Self) {
        self.addresses.extend(other.addresses);
        self.ready.extend(other.ready);
    }

    /// Where the listener `name` is.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn address(&self, name: &str) -> Result<SocketAddr> {
        let found = self.addresses.iter().find(|(known, _)| *known == name);
        found.map(|(_, address)| *address).with_context(|| format!("no listener is called {name}"))
    }

    /// Waits until every service has what it needs.
    ///
    /// # Errors
    /// If one ends before.
    pub async fn until_ready(&mut self) -> Result<()> {
        for ready in &mut self.ready {
            ready.wait_for(|ready| *ready).await.context("a service ended before it was ready; the log says why")?;
        }
        Ok(())
    }
}

/// Starts the identity service.
///
/// # Errors
/// Why it does not start.
pub async fn identity(config: passgate_identity::Config, surroundings: &Surroundings) -> Result<Launched> {
    let Surroundings { ambient, lifecycle } = surroundings.clone();
    let runtime = passgate_identity::Runtime { ambient, lifecycle };
    let running =
        passgate_identity::Service::start(config, runtime).await.context("the identity service did not start")?;
    Ok(Launched { addresses: running.addresses, ready: vec![running.ready] })
}

/// Starts the token service.
///
/// # Errors
/// Why it does not start.
pub async fn token(config: passgate_token::Config, surroundings: &Surroundings) -> Result<Launched> {
    let Surroundings { ambient, lifecycle } = surroundings.clone();
    let runtime = passgate_token::Runtime { ambient, lifecycle };
    let running = passgate_token::Service::start(config, runtime).await.context("the token service did not start")?;
    Ok(Launched { addresses: running.addresses, ready: vec![running.ready] })
}

/// Starts the gateway.
///
/// # Errors
/// Why it does not start.
pub async fn gateway(config: passgate_gateway::Config, surroundings: &Surroundings) -> Result<Launched> {
    let Surroundings { ambient, lifecycle } = surroundings.clone();
    let runtime = passgate_gateway::Runtime { ambient, lifecycle };
    let running = passgate_gateway::Service::start(config, runtime).await.context("the gateway did not start")?;
    Ok(Launched { addresses: running.addresses, ready: vec![running.ready] })
}

/// Says where the services listen and when they are ready, and serves until the process is told to end; then what is under
/// way is finished within a deadline, or until the process is told a second time.
///
/// # Errors
/// If a service ends by itself, or work is cut off.
pub async fn serve(mut launched: Launched, surroundings: &Surroundings, announcer: &mut Announcer) -> Result<()> {
    let mut signals = Signals::catch().context("the system does not let signals be caught")?;
    announcer.listening(&launched.addresses)?;
    let lifecycle = &surroundings.lifecycle;
    let mut died = lifecycle.died();
    // Losing either branch does no harm: readiness is looked at anew, a signal ends the process.
    tokio::select! {
        biased;
        () = signals.next() => return end(lifecycle, &mut signals).await,
        ready = launched.until_ready() => ready?,
    }
    announcer.ready(&launched.addresses)?;
    tokio::select! {
        biased;
        () = signals.next() => {}
        task = died.wait_for(Option::is_some) => {
            let task = task.ok().and_then(|task| *task).unwrap_or("a service");
            lifecycle.drain(DRAIN).await;
            bail!("the task {task} ended unexpectedly; the log says why");
        }
    }
    end(lifecycle, &mut signals).await
}

async fn end(lifecycle: &Lifecycle, signals: &mut Signals) -> Result<()> {
    tracing::info!("told to end: finishing what is under way");
    tokio::select! {
        biased;
        () = signals.next() => bail!("told to end a second time: work was cut off"),
        drained = lifecycle.drain(DRAIN) => match drained {
            true => Ok(()),
            false => bail!("work took longer than {} s to end and was cut off", DRAIN.as_secs()),
        },
    }
}
