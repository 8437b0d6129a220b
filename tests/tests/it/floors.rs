//! Crates with a known hole are not older than the version that closed it.

use std::fs;

/// The lowest version that is let in, and why.
const FLOORS: &[(&str, [u64; 3], &str)] = &[
    ("aws-lc-sys", [0, 39, 0], "RUSTSEC-2026-0044 and -0048"),
    ("h2", [0, 4, 18], "RUSTSEC-2026-0258, and the fault in the first fix"),
    ("jsonwebtoken", [10, 3, 0], "CVE-2026-25537"),
    ("rustls", [0, 23, 45], "RUSTSEC-2026-0285"),
    ("rustls-webpki", [0, 103, 13], "RUSTSEC-2026-0104"),
    ("tonic", [0, 14, 3], "a compressed message was bounded before it was expanded, not after"),
];

#[test]
fn no_locked_crate_is_older_than_its_floor() {
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).expect("Cargo.lock");

    let below = below(&lock);

    assert!(below.is_empty(), "update these: {}", below.join("; "));
}

#[test]
fn a_crate_below_its_floor_is_named_with_the_reason() {
    let lock = "[[package]]\nname = \"h2\"\nversion = \"0.4.17\"\n\n[[package]]\nname = \"h2\"\nversion = \"0.4.20\"\n";

    let below = below(lock);

    assert_eq!(below.len(), 1);
    assert!(below[0].contains("h2 0.4.17") && below[0].contains("RUSTSEC-2026-0258"), "{below:?}");
}

fn below(lock: &str) -> Vec<String> {
    let value = |line: &str, key: &str| {
        line.strip_prefix(key).and_then(|rest| rest.strip_prefix(" = \"")?.strip_suffix('"')).map(str::to_owned)
    };
    let mut below = Vec::new();
    for package in lock.split("[[package]]") {
        let name = package.lines().find_map(|line| value(line, "name"));
        let version = package.lines().find_map(|line| value(line, "version"));
        let (Some(name), Some(version)) = (name, version) else { continue };
        for (floored, floor, why) in FLOORS {
            if name == *floored && numbers(&version) < *floor {
                below.push(format!("{name} {version} ({why})"));
            }
        }
    }
    below
}

fn numbers(version: &str) -> [u64; 3] {
    let mut parts = version.split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0));
    [0; 3].map(|_: u64| parts.next().unwrap_or(0))
}
