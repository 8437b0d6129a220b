//! How much memory a million tokens take.

use crate::sample::{Desk, digest, resource};

const BOUND: u64 = 64 << 20;

/// What the process has in memory, in bytes: the second number of `/proc/self/statm`, in pages.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * u64::try_from(rustix::param::page_size()).expect("small")
}

/// Alone in its process, so that what it measures is its own: nextest gives every test one.
#[test]
fn a_million_tokens_pass_through_64_mib_and_the_process_keeps_to_it() {
    let before = resident();
    let (desk, resource) = (Desk::new(BOUND), resource(1));

    let mut most = 0;
    for id in 0..1_000_000 {
        desk.keep(id, &resource, 1);
        if id % 1_000 == 0 {
            most = most.max(desk.core.memory().bytes);
        }
    }

    let memory = desk.core.memory();
    let grown = resident() - before;
    println!(
        "{} decisions in {} MiB as counted; the process grew by {} MiB; {} pushed out",
        memory.entries,
        memory.bytes >> 20,
        grown >> 20,
        memory.evictions
    );
    assert!(most <= BOUND, "counted: {most}");
    assert!(memory.entries > 40_000 && memory.evictions > 900_000, "{memory:?}");
    assert!(grown < BOUND + BOUND / 8, "measured: {grown}");
    assert!(grown > BOUND / 2, "and the count is no fiction: {grown}");
    assert!(desk.is_allowed(&digest(999_999), &resource), "the last one is there");

    desk.touch_everybody(2);
    assert!((0..1_000_000).all(|id| !desk.is_allowed(&digest(id), &resource)), "one change took all of them away");
}
