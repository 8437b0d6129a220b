//! Somebody's desk: the program, what it remembers, and nothing of this machine's own environment.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::binary;
use crate::support::system::{PASSWORD, Standalone};

/// A desk with a home of its own.
pub struct Desk {
    home: TempDir,
    server: String,
}

/// What a verb said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub aside: String,
}

impl Desk {
    /// At the gateway of this installation; nobody has signed in.
    pub fn at(server: &str) -> Self {
        Self { home: crate::support::system::private_folder(), server: server.to_owned() }
    }

    /// The administrator's desk at a new installation, signed in with the one-time password.
    pub async fn of_administrator() -> (Standalone, Self) {
        let standalone = Standalone::start().await;
        let desk = Self::at(&format!("http://{}", standalone.gateway));
        let first = standalone.data().join("first-password");
        let new = desk.file("new-password", PASSWORD);
        let first = first.to_str().expect("plain characters");
        desk.done(&["login", "admin@localhost", "--password-file", first, "--new-password-file", &new]);
        (standalone, desk)
    }

    /// The desk of somebody who is made with these grants and signs in.
    pub fn of_user(&self, email: &str, grants: &[&str]) -> Self {
        let mut create = vec!["user", "create", email, "--output", "secret"];
        grants.iter().for_each(|grant| create.extend(["--grant", grant]));
        let password = self.done(&create);
        let desk = Self::at(&self.server);
        let typed = format!("{}\n{PASSWORD}\n", password.trim());
        let said = desk.said_to(&["login", email, "--new-password"], &typed, &[]);
        assert_eq!(said.code, 0, "{said:?}");
        desk
    }

    /// Runs a verb with nothing on standard input.
    pub fn say(&self, arguments: &[&str]) -> Said {
        self.said_to(arguments, "", &[])
    }

    /// Runs a verb with this on standard input and these variables.
    pub fn said_to(&self, arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> Said {
        let mut command = self.command(binary().to_str().expect("plain characters"));
        run(command.args(arguments).envs(variables.iter().copied()), input)
    }

    /// Runs a verb that must be done, and answers its standard output.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        let said = self.say(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.aside);
        said.out
    }

    /// The JSON of a verb that must be done.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let out = self.done(&[arguments, &["--output", "json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// What a verb said that must end with this code.
    #[track_caller]
    pub fn refused(&self, code: i32, arguments: &[&str]) -> Said {
        let said = self.say(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert_eq!(said.aside.is_empty(), code == 12, "an error is told on standard error: {said:?}");
        said
    }

    /// Runs a line of shell, with the program and the tests' grpcurl on the path.
    pub fn sh(&self, line: &str, variables: &[(&str, &str)]) -> Said {
        let mut command = self.command("bash");
        run(command.args(["-e", "-o", "pipefail", "-c", line]).envs(variables.iter().copied()), "")
    }

    /// Runs a verb on a terminal of its own, on which somebody types `keys` once `prompt` is there. `unseen`: the prompt is for
    /// what is not shown, so nobody types before the terminal has stopped showing it.
    pub fn at_terminal(&self, line: &str, prompt: &str, keys: &str, unseen: bool) -> Said {
        self.at_terminal_while(line, prompt, || keys.to_owned(), unseen)
    }

    /// The same; `keys` says what is typed once the prompt is there.
    pub fn at_terminal_while(&self, line: &str, prompt: &str, keys: impl FnOnce() -> String, unseen: bool) -> Said {
        let tty = self.home.path().join("tty");
        let mut command = self.command("script");
        command.args(["-qec", &format!("tty > {}; passgate {line}", tty.display()), "/dev/null"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script runs");
        let (mut input, mut output) =
            (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
        let mut shown = Vec::new();
        while !shown.ends_with(prompt.as_bytes()) {
            let mut byte = [0];
            let got = output.read(&mut byte).expect("its output");
            assert_eq!(got, 1, "it ended without {prompt}: {}", String::from_utf8_lossy(&shown));
            shown.extend(byte);
        }
        while unseen && shows_what_is_typed(&tty) {}
        input.write_all(keys().as_bytes()).expect("it reads");
        output.read_to_end(&mut shown).expect("its output");
        let code = child.wait().expect("its end").code().unwrap_or(-1);
        Said { code, out: String::from_utf8(shown).expect("text"), aside: String::new() }
    }

    /// A file that only this user can read.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        let mut file =
            fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path).expect("a file");
        writeln!(file, "{text}").expect("written");
        path.to_str().expect("plain characters").to_owned()
    }

    /// What is remembered of the server.
    pub fn remembered(&self, file: &str) -> PathBuf {
        let mut servers = fs::read_dir(self.home.path().join("servers")).expect("a folder");
        servers.next().expect("a server").expect("readable").path().join(file)
    }

    fn command(&self, program: &str) -> Command {
        let grpcurl = std::env::var("PASSGATE_TEST_GRPCURL").expect("PASSGATE_TEST_GRPCURL: run tests/run.sh");
        let tools = grpcurl.rsplit_once('/').expect("a path").0;
        let own = binary().parent().expect("a folder").display().to_string();
        let path = format!("{own}:{tools}:{}", std::env::var("PATH").expect("a path"));
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", path)
            .env("PASSGATE_HOME", self.home.path())
            .env("PASSGATE_SERVER", &self.server);
        command
    }
}

impl Said {
    /// Everything.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.aside)
    }
}

/// Whether a terminal echoes; `tty` is the file with its name.
fn shows_what_is_typed(tty: &Path) -> bool {
    let name = fs::read_to_string(tty).expect("a terminal's name");
    let stty = Command::new("stty").args(["-F", name.trim(), "-a"]).output().expect("stty runs");
    !String::from_utf8_lossy(&stty.stdout).contains("-echo ")
}

fn run(command: &mut Command, input: &str) -> Said {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    // Whoever ends without reading its input closes it: that is no fault.
    drop(child.stdin.take().expect("its input").write_all(input.as_bytes()));
    let Output { status, stdout, stderr } = child.wait_with_output().expect("its end");
    Said {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).expect("text"),
        aside: String::from_utf8(stderr).expect("text"),
    }
}
