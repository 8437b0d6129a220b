//! The README's commands do what it says.

use std::fs;
use std::process::{Command, Output, Stdio};

use crate::support::program::{binary, run};
use crate::support::system::Standalone;
use crate::support::upstream::Upstream;

/// The README's blocks of shell commands, in order.
fn blocks() -> Vec<String> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).expect("README.md");
    text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("an end").to_owned()).collect()
}

#[test]
fn the_demo_answers_as_expected_at_every_step_and_says_how_to_go_on() {
    assert_eq!(blocks()[0], "cargo run --release -- demo\n");

    let output = run(&["demo"]);

    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains('✗'), "{said}");
    assert!(said.contains("standalone"), "it says how to go on: {said}");
}

#[test]
fn the_second_command_is_the_script_that_runs_the_tests() {
    assert_eq!(blocks()[1], "tests/run.sh\n");
    assert!(fs::metadata(concat!(env!("CARGO_MANIFEST_DIR"), "/run.sh")).expect("tests/run.sh").is_file());
}

#[tokio::test(flavor = "multi_thread")] // the script holds one thread, the upstream answers on another
async fn both_ways_of_making_a_token_work_as_the_readme_writes_them() {
    let blocks = blocks();
    assert_eq!(blocks[2], "cargo run --release -- standalone --data passgate-data\n");
    let upstream = Upstream::start().await;
    let standalone = Standalone::start().await;
    let script = blocks[3..].concat();
    let script = script
        .replace("http://127.0.0.1:8000", &upstream.url())
        .replace("127.0.0.1:8080", &standalone.gateway.to_string())
        .replace("127.0.0.1:9080", &standalone.registry.to_string())
        .replace("127.0.0.1:9081", &standalone.identity.to_string())
        .replace("127.0.0.1:9082", &standalone.token.to_string())
        .replace("passgate-data", standalone.data().to_str().expect("plain characters"))
        .replace("curl -H", "curl --silent --show-error --fail -H");

    let output = sh(&script);

    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.matches(r#"{"fresh":true}"#).count(), 2, "one answer for each way: {said}");
}

#[test]
fn help_names_every_verb_and_wrong_usage_ends_with_2() {
    let help = run(&["--help"]);
    let said = String::from_utf8_lossy(&help.stdout);
    for verb in ["standalone", "identity", "token", "gateway", "migrate", "demo", "credentials"] {
        assert!(said.contains(verb), "{said}");
    }
    assert_eq!(run(&["no-such-verb"]).status.code(), Some(2));
    assert!(binary().is_file());
}

/// Runs a script as a person would, with the tests' grpcurl on the path.
fn sh(script: &str) -> Output {
    let grpcurl = std::env::var("PASSGATE_TEST_GRPCURL").expect("PASSGATE_TEST_GRPCURL: run tests/run.sh");
    let (tools, _) = grpcurl.rsplit_once('/').expect("a path");
    let path = format!("{tools}:{}", std::env::var("PATH").expect("a path"));
    let mut command = Command::new("bash");
    command.args(["-e", "-o", "pipefail", "-c", script]).env("PATH", path).stdin(Stdio::null());
    command.output().expect("bash runs")
}
