//! One run: an installation, a seed, and what the checker says of it.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use passgate_client::MarkKey;
use passgate_kit::server::Lifecycle;

use crate::broken::Broken;
use crate::cast::{
    Files, GATEWAYS, HOSTS, IDENTITY, OPERATOR, Report, TOKENS, credential, start_identity, start_token,
};
use crate::check::{Violation, judge};
use crate::faults::{Restart, Weather};
use crate::gateway::Gateway;
use crate::history::{Events, History};
use crate::host::ticks;
use crate::installation::{Copy, Installation, SUBJECTS};
use crate::net::HostId;
use crate::operator::{Office, Operator};
use crate::rng::Rng;
use crate::sim::Sim;

/// How long the services may take to become ready.
const START: Duration = Duration::from_secs(20);
/// How long is waited after the faults for what is still under way.
const CALM: Duration = Duration::from_secs(2);
/// How long the administrators may take to put everything in order.
const ORDER: Duration = Duration::from_secs(30);
/// How long everybody has then to find out.
const RECOVERY: Duration = Duration::from_secs(6);
/// For how long everything must be right after that.
const RIGHT: Duration = Duration::from_secs(1);

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Decides everything.
    pub seed: u64,
    /// How long there are faults.
    pub faults: Duration,
    /// The rule that is broken on purpose.
    pub broken: Option<Broken>,
}

impl Plan {
    /// A short run with every rule kept.
    #[must_use]
    pub const fn short(seed: u64) -> Self {
        Self { seed, faults: Duration::from_secs(8), broken: None }
    }

    /// A long one.
    #[must_use]
    pub const fn long(seed: u64) -> Self {
        Self { faults: Duration::from_secs(60), ..Self::short(seed) }
    }

    /// The same, with a rule broken.
    #[must_use]
    pub const fn breaking(self, broken: Broken) -> Self {
        Self { broken: Some(broken), ..self }
    }
}

/// What came of it.
pub struct Outcome {
    /// What is wrong.
    pub violations: Vec<Violation>,
    /// What happened.
    pub events: Events,
}

/// Runs a plan.
///
/// # Errors
/// If the run itself does not work, which is no finding.
pub fn run(installation: &Installation, plan: &Plan) -> anyhow::Result<Outcome> {
    let copy = installation.copy()?;
    let mut run = Run::new(installation, &copy, plan)?;
    run.start()?;
    let end = run.sim.ticks.now() + ticks(plan.faults);
    while run.sim.ticks.now() < end {
        run.turn()?;
        run.sim.tick();
    }
    run.clear()?;
    run.wait(CALM);
    run.office.settle.store(true, Ordering::Relaxed);
    let settled = run.settled.clone();
    if !run.sim.run_until(ticks(ORDER), |_| settled.load(Ordering::Relaxed) == SUBJECTS) {
        let told = run.history.events().told;
        let last = told.iter().rev().take(30).rev().cloned().collect::<Vec<_>>().join("\n");
        bail!("seed {}: after the faults administrators are not answered:\n{last}", plan.seed);
    }
    run.wait(RECOVERY);
    let healed = run.sim.ticks.now();
    run.wait(RIGHT);
    let events = run.history.events();
    Ok(Outcome { violations: judge(&events, healed), events })
}

struct Run<'a> {
    sim: Sim,
    installation: &'a Installation,
    files: Files<'a>,
    plan: &'a Plan,
    marks: Arc<MarkKey>,
    history: History,
    office: Office,
    settled: Arc<AtomicUsize>,
    weather: Weather,
    rng: Rng,
}

impl<'a> Run<'a> {
    fn new(installation: &'a Installation, copy: &'a Copy, plan: &'a Plan) -> anyhow::Result<Self> {
        let mut rng = Rng::new(plan.seed);
        let mut sim = Sim::new(rng.draw(), &HOSTS);
        sim.counts_suspends = plan.broken != Some(Broken::Suspends);
        for host in sim.hosts() {
            host.step_wall(3_600); // after the installation was made
        }
        let history = History::new(sim.ticks.clone());
        let marks = Arc::new(installation.mark_key()?);
        let office =
            Office { history: history.clone(), marks: marks.clone(), settle: Arc::new(AtomicBool::new(false)) };
        Ok(Self {
            sim,
            installation,
            files: installation.files(copy),
            plan,
            marks,
            history,
            office,
            settled: Arc::default(),
            weather: Weather::new(rng.branch()),
            rng,
        })
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let mut reports = Vec::new();
        for host in [IDENTITY, TOKENS[0], TOKENS[1]] {
            reports.extend(self.launch(host)?);
        }
        if !self.sim.run_until(ticks(START), |_| reports.iter().all(Report::is_ready)) {
            let failures: Vec<String> = reports.iter().filter_map(Report::failure).collect();
            bail!("the services do not become ready: {failures:?}");
        }
        for host in GATEWAYS {
            self.launch(host)?;
        }
        self.launch_operators()
    }

    /// Starts the process of a host.
    fn launch(&mut self, host: HostId) -> anyhow::Result<Option<Report>> {
        let lifecycle = Lifecycle::default();
        if host == IDENTITY {
            start_identity(&mut self.sim, self.files, &lifecycle).map(Some)
        } else if TOKENS.contains(&host) {
            start_token(&mut self.sim, host, self.files, &lifecycle).map(Some)
        } else {
            self.launch_gateway(host).map(|()| None)
        }
    }

    fn launch_gateway(&mut self, id: HostId) -> anyhow::Result<()> {
        let host = self.sim.host(id)?;
        let ambient = host.ambient();
        let gateway = Gateway {
            name: host.name,
            credential: credential(self.files, host.name)?,
            marks: self.marks.clone(),
            subjects: self.installation.facts.subjects.clone(),
            rules: Broken::rules(self.plan.broken),
            history: self.history.clone(),
            rng: self.rng.branch(),
        };
        let history = self.history.clone();
        host.start(async move {
            if let Err(error) = gateway.run(ambient).await {
                history.tell(format_args!("a gateway does not run: {error:#}"));
            }
        })
    }

    fn launch_operators(&mut self) -> anyhow::Result<()> {
        let host = self.sim.host(OPERATOR)?;
        let ambient = host.ambient();
        host.start(pending())?;
        for (subject, it) in self.installation.facts.subjects.iter().enumerate() {
            let (office, rng, settled) = (self.office.clone(), self.rng.branch(), self.settled.clone());
            let (ambient, token, it) = (ambient.clone(), self.installation.facts.admin_token.clone(), it.clone());
            let history = self.history.clone();
            host.spawn(async move {
                match Operator::new(office, &ambient, &token, subject, it, rng) {
                    Ok(operator) => operator.run(|| settled.fetch_add(1, Ordering::Relaxed)).await,
                    Err(error) => history.tell(format_args!("an administrator does not work: {error:#}")),
                }
            });
        }
        Ok(())
    }

    /// Lets faults begin and end.
    fn turn(&mut self) -> anyhow::Result<()> {
        let (told, restarts) = self.weather.turn(&mut self.sim)?;
        for line in told {
            self.history.tell(line);
        }
        self.restart(restarts)
    }

    fn clear(&mut self) -> anyhow::Result<()> {
        let restarts = self.weather.clear(&mut self.sim)?;
        self.history.tell("the faults are over");
        self.restart(restarts)
    }

    fn restart(&mut self, restarts: Vec<Restart>) -> anyhow::Result<()> {
        for Restart(host) in restarts {
            let name = HOSTS.get(host.0).context("a host")?;
            self.history.tell(format_args!("{name} starts again"));
            self.launch(host)?;
        }
        Ok(())
    }

    fn wait(&mut self, time: Duration) {
        self.sim.run_until(ticks(time), |_| false);
    }
}
