//! The program's processes, with their log kept down to what a user would look into.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The program to measure: `PASSGATE_BIN`, or what `cargo build --release` made.
fn binary() -> PathBuf {
    let named =
        std::env::var_os("PASSGATE_BIN").map_or_else(|| PathBuf::from("target/release/passgate"), PathBuf::from);
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(named);
    assert!(binary.exists(), "{} is not there: `cargo build --release` first", binary.display());
    binary
}

/// Runs the program to its end.
pub fn run(arguments: &[&str]) {
    let output = Command::new(binary()).args(arguments).stdin(Stdio::null()).output().expect("passgate runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A running process. It is killed when this is dropped.
pub struct Process {
    child: Child,
    lines: Option<std::process::ChildStdout>,
    log: PathBuf,
}

impl Process {
    /// Starts the program.
    pub fn start(arguments: &[&str], log: &Path) -> Self {
        let file = File::create(log).expect("a log file");
        let mut child = Command::new(binary())
            .args(["--ready", "json", "--log-level", "warn"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .expect("passgate runs");
        let lines = child.stdout.take();
        Self { child, lines, log: log.to_owned() }
    }

    /// Waits until it says that it is ready.
    pub fn until_ready(&mut self) {
        let lines = BufReader::new(self.lines.take().expect("not waited for yet"));
        let is_ready = lines.lines().map_while(Result::ok).any(|line| line.contains("\"ready\""));
        assert!(is_ready, "it ended: {}", std::fs::read_to_string(&self.log).unwrap_or_default());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
