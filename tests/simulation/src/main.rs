//! Runs schedules by hand.
//!
//! ```text
//! passgate-simulation seed N        one run, told line by line
//! passgate-simulation forever [N]   runs from seed N on (1), until one fails or it is stopped
//! ```
//!
//! The exit code is 0 only if the checker found nothing wrong.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context as _, bail};
use passgate_simulation::installation::Installation;
use passgate_simulation::run::{Outcome, Plan, run};

/// How long there are faults in the runs that nobody waits for.
const LONG: Duration = Duration::from_secs(40);

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let mode = args.next();
    let number = args.next().map(|text| text.parse().context("a seed is a whole number")).transpose()?;
    let mut out = io::stdout();
    match (mode.as_deref(), number) {
        (Some("seed"), Some(seed)) => one(seed, &mut out),
        (Some("forever"), from) => forever(from.unwrap_or(1), &mut out),
        _ => bail!("say what to run: `seed N`, or `forever`, perhaps with the first seed"),
    }
}

fn one(seed: u64, out: &mut dyn Write) -> anyhow::Result<()> {
    let installation = Installation::make()?;
    let outcome = run(&installation, &Plan::short(seed))?;
    for line in &outcome.events.told {
        writeln!(out, "{line}")?;
    }
    summarize(seed, &outcome, out)?;
    refuse(seed, &outcome)
}

fn forever(from: u64, out: &mut dyn Write) -> anyhow::Result<()> {
    let installation = Installation::make()?;
    for seed in from.. {
        let plan = if seed % 4 == 0 { Plan { faults: LONG, ..Plan::short(seed) } } else { Plan::short(seed) };
        let outcome = run(&installation, &plan)?;
        summarize(seed, &outcome, out)?;
        refuse(seed, &outcome)?;
    }
    Ok(())
}

fn summarize(seed: u64, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let ((allowed, refused, undecided), print) = (outcome.counts(), outcome.events.fingerprint());
    let calls = outcome.events.operations.len();
    writeln!(
        out,
        "seed {seed}: {calls} changes, {allowed} allowed, {refused} refused, {undecided} undecided, run {print}"
    )
}

fn refuse(seed: u64, outcome: &Outcome) -> anyhow::Result<()> {
    if outcome.violations.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
    bail!("seed {seed}:\n{}", all.join("\n"))
}
