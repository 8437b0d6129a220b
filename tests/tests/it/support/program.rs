//! One process of the `passgate` program.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use serde_json::Value;

/// The program that this workspace built; `PASSGATE_BIN` names another.
pub fn binary() -> PathBuf {
    let beside = std::env::current_exe().expect("this test's own path");
    let built = beside.parent().and_then(Path::parent).expect("target/debug").join("passgate");
    let binary = std::env::var_os("PASSGATE_BIN").map_or(built, PathBuf::from);
    assert!(binary.exists(), "{} is not there: `cargo build --workspace` first", binary.display());
    binary
}

/// Runs the program to its end.
pub fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Output {
    Command::new(binary()).args(arguments).stdin(Stdio::null()).output().expect("passgate runs")
}

/// A running process. It is killed when this is dropped.
pub struct Program {
    child: Child,
    lines: BufReader<ChildStdout>,
    log: PathBuf,
    addresses: BTreeMap<String, SocketAddr>,
}

impl Program {
    /// Starts `passgate {arguments}` at TRACE level, its log going to `log`, and reads where it listens.
    pub fn start(arguments: &[&str], log: &Path) -> Self {
        Self::start_by(Command::new(binary()), arguments, log)
    }

    /// Starts it by another program, which becomes it.
    pub fn start_by(mut by: Command, arguments: &[&str], log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("a log file");
        let mut child = by
            .args(["--ready", "json", "--log", "json", "--log-level", "trace"])
            .args(arguments)
            .env("RUST_LOG", "trace") // has no say: libraries print what they are given
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .expect("passgate runs");
        let lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut program = Self { child, lines, log: log.to_owned(), addresses: BTreeMap::new() };
        let line = program.line();
        for (name, address) in line["listening"].as_object().expect("a line that says where it listens") {
            program.addresses.insert(name.clone(), address.as_str().and_then(|a| a.parse().ok()).expect("an address"));
        }
        program
    }

    /// Waits until the process says that it is ready.
    pub fn until_ready(&mut self) {
        let line = self.line();
        assert_eq!(line["ready"], Value::Bool(true), "{line}");
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("its output");
        assert!(!line.is_empty(), "passgate ended:\n{}", fs::read_to_string(&self.log).unwrap_or_default());
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
    }

    /// Where its listener `name` is.
    pub fn address(&self, name: &str) -> SocketAddr {
        *self.addresses.get(name).unwrap_or_else(|| panic!("no listener {name}: {:?}", self.addresses))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end (SIGTERM).
    pub fn ask_to_end(&self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(asked.success());
    }

    /// Waits until it has ended.
    pub fn ended(mut self) -> ExitStatus {
        self.child.wait().expect("its end")
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// Asks it to end and waits until it has.
    pub fn stop(self) -> ExitStatus {
        self.ask_to_end();
        self.ended()
    }

    /// Kills it, as a power cut does.
    pub fn kill(mut self) {
        self.child.kill().expect("a running process");
        self.child.wait().expect("its end");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
