//! Runs schedules by hand.
//!
//! ```text
//! passgate-simulation seed N [RULE]    one run, told line by line; with a rule broken, if one is named
//! passgate-simulation forever [N]      runs from seed N on (1), until one fails or it is stopped
//! passgate-simulation break RULE       runs with a rule broken, until the checker sees it
//! passgate-simulation rules            the rules that can be broken
//! ```
//!
//! The exit code is 0 only if the checker found nothing wrong; with `break`, if it did.

use std::io::{self, Write};

use anyhow::{Context as _, bail};
use passgate_simulation::batch::{Batch, Report, WORD, be_one};
use passgate_simulation::broken::Broken;
use passgate_simulation::run::Plan;

/// How many runs a broken rule is given to be seen.
const TRIES: u64 = 200;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut out = io::stdout();
    let number = |text: Option<String>| text.map(|text| text.parse().context("a seed is a whole number")).transpose();
    let broken = |text: Option<String>| {
        text.map(|name| Broken::named(&name).with_context(|| format!("there is no rule {name}: see `rules`")))
            .transpose()
    };
    match args.next().as_deref() {
        Some(WORD) => be_one(args, &mut out),
        Some("seed") => one(number(args.next())?.context("which seed?")?, broken(args.next())?, &mut out),
        Some("forever") => forever(number(args.next())?.unwrap_or(1), &mut out),
        Some("break") => break_rule(broken(args.next())?.context("which rule?")?, &mut out),
        Some("rules") => Broken::all().try_for_each(|broken| writeln!(out, "{}", broken.name())).context("the rules"),
        _ => bail!("say what to run: `seed N`, `forever`, `break RULE` or `rules`"),
    }
}

fn batch() -> anyhow::Result<Batch> {
    Batch::new(&std::env::current_exe().context("this program")?)
}

fn one(seed: u64, broken: Option<Broken>, out: &mut dyn Write) -> anyhow::Result<()> {
    let report = batch()?.run(&Plan { broken, ..Plan::short(seed) })?;
    for line in &report.told {
        writeln!(out, "{line}")?;
    }
    summarize(seed, &report, out)?;
    refuse(seed, &report)
}

fn forever(from: u64, out: &mut dyn Write) -> anyhow::Result<()> {
    let batch = batch()?;
    for seed in from.. {
        let report = batch.run(&if seed % 4 == 0 { Plan::long(seed) } else { Plan::short(seed) })?;
        summarize(seed, &report, out)?;
        refuse(seed, &report)?;
    }
    Ok(())
}

fn break_rule(broken: Broken, out: &mut dyn Write) -> anyhow::Result<()> {
    let batch = batch()?;
    for seed in 1..=TRIES {
        let report = batch.run(&Plan::short(seed).breaking(broken))?;
        if let Some(first) = report.violations.first() {
            writeln!(out, "{}: seed {seed}: {first}", broken.name())?;
            return Ok(());
        }
    }
    bail!("{} is broken, and {TRIES} runs show nothing", broken.name())
}

fn summarize(seed: u64, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let [calls, allowed, refused, undecided] = report.counts;
    let print = &report.fingerprint;
    writeln!(
        out,
        "seed {seed}: {calls} changes, {allowed} allowed, {refused} refused, {undecided} undecided, run {print}"
    )
}

fn refuse(seed: u64, report: &Report) -> anyhow::Result<()> {
    if report.violations.is_empty() {
        return Ok(());
    }
    bail!("seed {seed} does not keep the promise:\n{}", report.violations.join("\n"))
}
