//! Dependencies point one way: `proto ← client ← kit ← {identity, token, gateway} ← passgate ← tests`.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// What each crate of the workspace may name, development dependencies included.
const ARROWS: &[(&str, &[&str])] = &[
    ("passgate-proto", &[]),
    ("passgate-client", &["passgate-proto"]),
    ("passgate-kit", &["passgate-client", "passgate-proto"]),
    ("passgate-identity", &["passgate-client", "passgate-kit", "passgate-proto"]),
    ("passgate-token", &["passgate-client", "passgate-kit", "passgate-proto"]),
    ("passgate-gateway", &["passgate-client", "passgate-kit", "passgate-proto"]),
    (
        "passgate",
        &[
            "passgate-client",
            "passgate-gateway",
            "passgate-identity",
            "passgate-kit",
            "passgate-proto",
            "passgate-token",
        ],
    ),
    ("passgate-tests", &["passgate-client", "passgate-kit", "passgate-proto"]),
    ("passgate-model", &[]),
    (
        "passgate-simulation",
        &["passgate-client", "passgate-identity", "passgate-kit", "passgate-proto", "passgate-token"],
    ),
];

#[test]
fn dependencies_point_one_way_and_no_service_names_another() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();

    for (name, dependencies) in members() {
        let allowed = allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no row in ARROWS"));
        // A crate may name itself: its tests switch a feature of it on that way.
        for dependency in dependencies.into_iter().filter(|dependency| *dependency != name) {
            let itself = dependency == name; // its own tests, with a feature on
            assert!(itself || allowed.contains(&dependency.as_str()), "{name} may not depend on {dependency}");
        }
    }
}

/// Every crate of the workspace with those of its dependencies that are ours.
fn members() -> Vec<(String, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies").iter().map(name);
            (name(package), dependencies.filter(|dependency| dependency.starts_with("passgate")).collect())
        })
        .collect()
}
