//! Rules broken on purpose, one at a time: the checker sees it.
//!
//! Of the rules that can be broken ([`Broken::all`]) these are the ones whose lack a few random schedules show. The others
//! need faults that fall together more exactly than chance makes them, or faults that this world does not have yet.

use passgate_client::decider::Rule;
use passgate_simulation::broken::Broken;
use passgate_simulation::run::Plan;

use crate::schedules::batch;

/// How many runs a broken rule is given to be seen.
const TRIES: u64 = 15;

/// Looks for a run that shows it.
fn see(rule: Rule) -> anyhow::Result<()> {
    let batch = batch()?;
    for seed in 1..=TRIES {
        if !batch.run(&Plan::short(seed).breaking(Broken::Decider(rule)))?.violations.is_empty() {
            return Ok(());
        }
    }
    anyhow::bail!("{rule:?} is broken, and nobody noticed")
}

#[test]
fn a_decision_that_is_kept_though_something_newer_touched_it_is_seen() -> anyhow::Result<()> {
    see(Rule::FillKept)
}

#[test]
fn a_memory_that_is_kept_though_its_stream_does_not_go_on_is_seen() -> anyhow::Result<()> {
    see(Rule::StartOver)
}

#[test]
fn a_decision_that_is_used_without_a_lease_is_seen() -> anyhow::Result<()> {
    see(Rule::LeaseChecked)
}

#[test]
fn a_denial_that_is_kept_though_something_newer_touched_it_is_seen() -> anyhow::Result<()> {
    see(Rule::DenialTouched)
}
