//! Random faults, and the promise.

use std::path::Path;

use passgate_simulation::batch::{Batch, Report};
use passgate_simulation::run::Plan;

/// How many seeds each of the tests below runs.
const SEEDS: u64 = 40;

pub fn batch() -> anyhow::Result<Batch> {
    Batch::new(Path::new(env!("CARGO_BIN_EXE_passgate-simulation")))
}

fn keeps_the_promise(seeds: impl Iterator<Item = u64>) -> anyhow::Result<()> {
    let batch = batch()?;
    for seed in seeds {
        let Report { violations, .. } = batch.run(&Plan::short(seed))?;
        assert!(
            violations.is_empty(),
            "seed {seed} (`cargo run -p passgate-simulation -- seed {seed}` tells it again):\n{}",
            violations.join("\n")
        );
    }
    Ok(())
}

#[test]
fn no_token_is_allowed_too_late_and_good_ones_are_again_after_faults_1() -> anyhow::Result<()> {
    keeps_the_promise(1..=SEEDS)
}

#[test]
fn no_token_is_allowed_too_late_and_good_ones_are_again_after_faults_2() -> anyhow::Result<()> {
    keeps_the_promise(SEEDS + 1..=2 * SEEDS)
}

#[test]
fn no_token_is_allowed_too_late_and_good_ones_are_again_after_faults_3() -> anyhow::Result<()> {
    keeps_the_promise(2 * SEEDS + 1..=3 * SEEDS)
}

#[test]
fn no_token_is_allowed_too_late_and_good_ones_are_again_after_faults_4() -> anyhow::Result<()> {
    keeps_the_promise(3 * SEEDS + 1..=4 * SEEDS)
}

#[test]
fn no_token_is_allowed_too_late_and_good_ones_are_again_after_faults_5() -> anyhow::Result<()> {
    keeps_the_promise(4 * SEEDS + 1..=5 * SEEDS)
}

#[test]
fn a_seed_is_a_run_and_another_is_another() -> anyhow::Result<()> {
    let batch = batch()?;
    let mut seen = Vec::new();
    for seed in 1..=8 {
        let (first, again) = (batch.run(&Plan::short(seed))?, batch.run(&Plan::short(seed))?);
        assert_eq!(first, again, "seed {seed}");
        assert!(!seen.contains(&first.fingerprint), "seed {seed}");
        seen.push(first.fingerprint);
    }
    Ok(())
}

#[test]
fn runs_are_about_something() -> anyhow::Result<()> {
    let batch = batch()?;
    let mut sum = [0; 4];
    for seed in 1..=8 {
        for (sum, count) in sum.iter_mut().zip(batch.run(&Plan::short(seed))?.counts) {
            *sum += count;
        }
    }
    let [calls, allowed, refused, undecided] = sum;
    assert!(calls > 100 && allowed > 500 && refused > 500 && undecided > 20, "{sum:?}");
    Ok(())
}
