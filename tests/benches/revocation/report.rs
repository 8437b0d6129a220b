//! What was found, as lines of a table.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::kinds::Taken;
use crate::load::Counted;

/// Prints one kind.
pub fn print(name: &str, taken: &[Taken]) {
    let of = |what: fn(&Taken) -> Duration| {
        let mut all: Vec<Duration> = taken.iter().map(what).collect();
        all.sort_unstable();
        format!("p50 {:>8.2?}  p99 {:>8.2?}  max {:>8.2?}", at(&all, 50), at(&all, 99), at(&all, 100))
    };
    println!("{name}, {} times", taken.len());
    println!("    from its reply to the last allow   {}", of(|taken| taken.last_allow));
    println!("    from the call to its reply         {}", of(|taken| taken.call));
}

/// Prints what the load did.
pub fn load(counted: &Counted) {
    let [allowed, refused, seconds] =
        [&counted.allowed, &counted.refused, &counted.seconds].map(|counter| counter.load(Ordering::Relaxed));
    println!("the load meanwhile: {allowed} allowed, {refused} refused, in {seconds} s");
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or_default()
}
