//! Runs, each in a process of its own: what a library decides by chance depends on what its process did before, and a seed
//! must be the same run whoever runs it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::broken::Broken;
use crate::history::{Events, Verdict};
use crate::installation::{Installation, folder};
use crate::run::{Outcome, Plan, run};

/// The word with which the program is told to be one run.
pub const WORD: &str = "run";

/// What a run tells.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, in words.
    pub violations: Vec<String>,
    /// What happened, a line each.
    pub told: Vec<String>,
    /// Stands for all of it.
    pub fingerprint: String,
    /// Calls of administrators; requests allowed, refused, undecided.
    pub counts: [usize; 4],
}

impl Report {
    fn of(outcome: &Outcome) -> Self {
        let Outcome { violations, events } = outcome;
        Self {
            violations: violations.iter().map(ToString::to_string).collect(),
            told: events.told.clone(),
            fingerprint: events.fingerprint(),
            counts: counts(events),
        }
    }
}

fn counts(events: &Events) -> [usize; 4] {
    let count = |of: fn(&Verdict) -> bool| events.uses.iter().filter(|it| of(&it.verdict)).count();
    [
        events.operations.len(),
        count(|verdict| matches!(verdict, Verdict::Allowed)),
        count(|verdict| matches!(verdict, Verdict::Refused(_))),
        count(|verdict| matches!(verdict, Verdict::Undecided(_))),
    ]
}

/// Runs plans with `program`, which is this crate's.
pub struct Batch {
    program: PathBuf,
    installation: TempDir,
}

impl Batch {
    /// Makes the installation that all runs begin with.
    ///
    /// # Errors
    /// If that fails.
    pub fn new(program: &Path) -> anyhow::Result<Self> {
        let installation = folder()?;
        Installation::make(installation.path())?;
        Ok(Self { program: program.to_owned(), installation })
    }

    /// Runs a plan.
    ///
    /// # Errors
    /// If the run itself does not work, which is no finding.
    pub fn run(&self, plan: &Plan) -> anyhow::Result<Report> {
        let mut command = Command::new(&self.program);
        command.arg(WORD).arg(self.installation.path()).args(arguments(plan));
        let output = command.output().with_context(|| self.program.display().to_string())?;
        if !output.status.success() {
            bail!("seed {}: {}\n{}", plan.seed, output.status, String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("seed {}: no report", plan.seed))
    }
}

fn arguments(plan: &Plan) -> Vec<OsString> {
    let broken = plan.broken.map(|broken| broken.name().into());
    [plan.seed.to_string().into(), plan.faults.as_secs().to_string().into()].into_iter().chain(broken).collect()
}

/// Is one run: what follows [`WORD`] on the command line.
///
/// # Errors
/// If the run itself does not work.
pub fn be_one(mut args: impl Iterator<Item = String>, out: &mut dyn std::io::Write) -> anyhow::Result<()> {
    let folder = args.next().context("which installation?")?;
    let seed = args.next().context("which seed?")?.parse().context("a seed")?;
    let faults = args.next().context("how long?")?.parse().context("seconds")?;
    let broken = match args.next() {
        Some(name) => Some(Broken::named(&name).with_context(|| format!("there is no rule {name}"))?),
        None => None,
    };
    let plan = Plan { seed, faults: std::time::Duration::from_secs(faults), broken };
    let outcome = run(&Installation::open(Path::new(&folder))?, &plan)?;
    serde_json::to_writer(out, &Report::of(&outcome)).context("the report")
}
