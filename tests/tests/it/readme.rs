//! The README's commands do what it says, as written: every byte of them, on the ports that they name.
//!
//! Two things stand in for what a reader has. `cargo run --release --` runs the program that this workspace has built, by
//! a `cargo` that refuses every other command line; building it again would take minutes and show nothing. And the commands
//! run in a network of their own (`unshare`), where no port is taken; where the system does not allow that, on this
//! machine's ports.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::program::{binary, run};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The README's blocks of shell commands, in order.
fn blocks() -> Vec<String> {
    let text = fs::read_to_string(format!("{ROOT}/README.md")).expect("README.md");
    let blocks: Vec<String> =
        text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("an end").to_owned()).collect();
    assert_eq!(text.matches("```").count(), 2 * blocks.len(), "a block that is not run: show it here as well");
    blocks
}

/// A reader's folder, with the `cargo` that stands in.
fn readers_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let cargo = folder.path().join("bin/cargo");
    fs::create_dir(folder.path().join("bin")).expect("a folder");
    fs::create_dir(folder.path().join("upstream")).expect("a folder");
    fs::write(folder.path().join("upstream/index.html"), FRESH).expect("an answer");
    let text = "#!/bin/sh\n\
                [ \"$1 $2 $3\" = 'run --release --' ] || { echo \"not as in the README: cargo $*\" >&2; exit 2; }\n\
                shift 3; exec \"$PASSGATE_TEST_BIN\" \"$@\"\n";
    fs::write(&cargo, text).expect("a stand-in");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("a mode");
    folder
}

/// What the reader's own HTTP server answers.
const FRESH: &str = "fresh from the upstream\n";

/// Runs a script in a reader's folder, in a network and among processes of its own, which end with it.
fn bash(folder: &Path, script: &str) -> Output {
    let own = ["--map-root-user", "--net", "--pid", "--fork", "--kill-child"];
    let allowed = Command::new("unshare").args(own).arg("true").output().is_ok_and(|output| output.status.success());
    let (mut command, script) = if allowed {
        let mut command = Command::new("unshare");
        command.args(own).arg("bash");
        (command, format!("PATH=\"$PATH:/sbin:/usr/sbin\" ip link set lo up\n{script}"))
    } else {
        (Command::new("bash"), format!("trap 'kill $(jobs -p)' EXIT\n{script}"))
    };
    let grpcurl = std::env::var("PASSGATE_TEST_GRPCURL").expect("PASSGATE_TEST_GRPCURL: run tests/run.sh");
    let (tools, _) = grpcurl.rsplit_once('/').expect("a path");
    let path = format!("{}/bin:{tools}:{}", folder.display(), std::env::var("PATH").expect("a path"));
    command
        .args(["-e", "-o", "pipefail", "-c", &script])
        .env("PATH", path)
        .env("PASSGATE_TEST_BIN", binary())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs")
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn the_demo_answers_as_expected_at_every_step_and_says_how_to_go_on() {
    let folder = readers_folder();

    let said = succeeded(&bash(folder.path(), &blocks()[0]));

    assert!(said.contains('✓') && !said.contains('✗'), "{said}");
    assert!(said.contains("standalone"), "it says how to go on: {said}");
}

#[test]
fn the_second_command_is_the_script_that_runs_these_tests() {
    assert_eq!(blocks()[1], "tests/run.sh\n");
    let mode = fs::metadata(format!("{ROOT}/tests/run.sh")).expect("tests/run.sh").permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "it can be run");
    let checks = fs::read_to_string(format!("{ROOT}/.ci/run")).expect(".ci/run");
    assert!(checks.lines().any(|line| line == "tests/run.sh"), "every run of the checks runs it as written");
}

#[test]
fn both_ways_of_making_a_token_work_as_the_readme_writes_them() {
    let folder = readers_folder();
    let blocks = blocks();
    let [_, _, standalone, rest @ ..] = &blocks[..] else { panic!("a block is gone: {blocks:?}") };
    assert!(standalone.contains("standalone"), "the third block keeps running: {standalone}");
    // The reader has an HTTP server at the address that the README takes for an example, and a second terminal.
    let script = format!(
        "python3 -m http.server 8000 --bind 127.0.0.1 --directory upstream >upstream.log 2>&1 &\n\
         mkfifo screen; exec 3<>screen\n\
         (\n{standalone}) >&3 2>standalone.log &\n\
         while read -r line <&3; do echo \"$line\"; if [ \"$line\" = ready ]; then break; fi; done\n\
         {}",
        rest.concat()
    );

    let said = succeeded(&bash(folder.path(), &script));

    for line in ["gateway          127.0.0.1:8080", "first password   in ", "ready"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(said.matches(FRESH).count(), 2, "one answer for each way: {said}");
}

#[test]
fn another_command_line_of_cargo_is_not_taken_for_the_one_that_is_written() {
    let folder = readers_folder();

    let output = bash(folder.path(), "cargo run -- demo");

    assert_eq!(output.status.code(), Some(2));
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
