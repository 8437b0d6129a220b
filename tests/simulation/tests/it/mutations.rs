//! Each rule broken on purpose, one at a time: the checker sees it.

use passgate_simulation::broken::Broken;
use passgate_simulation::run::Plan;

use crate::schedules::batch;

/// How many runs a broken rule is given to be seen.
const TRIES: u64 = 60;

#[test]
fn the_checker_sees_each_broken_rule() {
    let batch = batch();
    let mut unseen = Vec::new();
    for broken in Broken::all() {
        let is_seen = (1..=TRIES).any(|seed| {
            let report = batch.run(&Plan::short(seed).breaking(broken)).unwrap_or_else(|error| panic!("{error:#}"));
            !report.violations.is_empty()
        });
        if !is_seen {
            unseen.push(broken.name());
        }
    }
    assert!(unseen.is_empty(), "broken, and nobody noticed: {unseen:?}");
}
