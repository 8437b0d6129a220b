//! Who is in a world, and how each process is started on its host.

use std::future::{Future, pending};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use passgate_client::{Ambient, SecretString};
use passgate_kit::config::Span;
use passgate_kit::keyfile::read_secret;
use passgate_kit::server::{Lifecycle, dial};
use passgate_kit::store::DatabaseConfig;
use tonic::transport::Channel;

use crate::address;
use crate::net::HostId;
use crate::sim::Sim;

/// The hosts, in the order of their ids.
pub const HOSTS: [&str; 6] = ["identity", "token-1", "token-2", "gateway-1", "gateway-2", "operator"];
/// Where identity runs.
pub const IDENTITY: HostId = HostId(0);
/// Where the token service's replicas run. Identity asks the first.
pub const TOKENS: [HostId; 2] = [HostId(1), HostId(2)];
/// Where the gateways run.
pub const GATEWAYS: [HostId; 2] = [HostId(3), HostId(4)];
/// Where the administrators' tools run.
pub const OPERATOR: HostId = HostId(5);

/// `max_staleness` of every simulated installation.
pub const BOUND: Duration = Duration::from_secs(2);

/// Files that are the same in every run, and databases that are this run's own.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// Keys and credentials.
    pub shared: &'a Path,
    /// Databases.
    pub own: &'a Path,
}

/// A process's lifecycle, and whether it says that it is ready. Told by the process, read by the run.
#[derive(Clone, Debug, Default)]
pub struct Report(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    ready: Option<tokio::sync::watch::Receiver<bool>>,
    failed: Option<String>,
}

impl Report {
    /// Whether the service says that it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.lock().ready.as_ref().is_some_and(|ready| *ready.borrow())
    }

    /// Why it did not start.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.0.lock().failed.clone()
    }

    fn started<E: std::error::Error>(&self, started: Result<tokio::sync::watch::Receiver<bool>, E>) {
        let mut state = self.0.lock();
        match started {
            Ok(ready) => state.ready = Some(ready),
            Err(error) => {
                let causes = std::iter::successors(error.source(), |cause| cause.source());
                let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
                state.failed = Some(text);
            }
        }
    }
}

/// Starts the identity service on its host.
///
/// # Errors
/// If there is no such host, or no room for its runtime.
pub fn start_identity(sim: &mut Sim, files: Files<'_>, lifecycle: &Lifecycle) -> anyhow::Result<Report> {
    let file = |name: &str| files.shared.join(name);
    let config = passgate_identity::Config {
        listen: address(IDENTITY),
        token_url: url(HostId(1)),
        database: DatabaseConfig::sqlite(&files.own.join("identity.db")),
        credential_file: file("identity.credential"),
        accepted_file: file("accepted.toml"),
        mark_key_file: file("mark.key"),
        first_password_file: file("first-password"),
        max_staleness: Span(BOUND),
        ..passgate_identity::Config::default()
    };
    let lifecycle = lifecycle.clone();
    start(sim, IDENTITY, |ambient, report| async move {
        let runtime = passgate_identity::Runtime { ambient, lifecycle };
        let started = passgate_identity::Service::start(config, runtime).await;
        report.started(started.map(|running| running.ready));
    })
}

/// Starts a replica of the token service on its host.
///
/// # Errors
/// If there is no such host, or no room for its runtime.
pub fn start_token(sim: &mut Sim, host: HostId, files: Files<'_>, lifecycle: &Lifecycle) -> anyhow::Result<Report> {
    let file = |name: &str| files.shared.join(name);
    let config = passgate_token::Config {
        listen: address(host),
        identity_url: url(IDENTITY),
        database: DatabaseConfig::sqlite(&files.own.join("token.db")),
        master_key_file: file("master.key"),
        mark_key_file: file("mark.key"),
        credential_file: file("token.credential"),
        accepted_file: file("accepted.toml"),
        max_staleness: Span(BOUND),
        ..passgate_token::Config::default()
    };
    let lifecycle = lifecycle.clone();
    start(sim, host, |ambient, report| async move {
        let runtime = passgate_token::Runtime { ambient, lifecycle };
        let started = passgate_token::Service::start(config, runtime).await;
        report.started(started.map(|running| running.ready));
    })
}

fn start<F>(sim: &mut Sim, host: HostId, work: impl FnOnce(Ambient, Report) -> F) -> anyhow::Result<Report>
where
    F: Future<Output = ()> + Send + 'static,
{
    let report = Report::default();
    let host = sim.host(host)?;
    let ambient = host.ambient();
    let work = work(ambient, report.clone());
    host.start(async move {
        work.await;
        pending::<()>().await;
    })?;
    Ok(report)
}

/// Where a service listens.
#[must_use]
pub fn url(host: HostId) -> String {
    format!("http://{}", address(host))
}

/// A channel from a process to the service on `host`.
///
/// # Errors
/// Never: the address is one.
pub fn channel(ambient: &Ambient, host: HostId) -> anyhow::Result<Channel> {
    dial(ambient, &url(host)).context("the address of a host")
}

/// A service's credential.
///
/// # Errors
/// If its file cannot be read.
pub fn credential(files: Files<'_>, instance: &str) -> anyhow::Result<Arc<SecretString>> {
    let file = files.shared.join(format!("{instance}.credential"));
    Ok(Arc::new(read_secret(&file).with_context(|| format!("the credential of {instance}"))?))
}
