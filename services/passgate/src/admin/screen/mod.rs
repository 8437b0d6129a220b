//! What a verb writes and asks: answers on standard output, everything else on standard error.

mod details;
mod json;
mod list;
mod plain;
mod record;
mod table;

use std::io::{self, BufRead, IsTerminal as _, Write};

use clap::{Args, ValueEnum};

pub use self::details::details;
pub use self::json::to_json;
pub use self::list::{Limit, Listing, Page};
pub use self::plain::{plain, plain_json};
pub use self::record::{Named, Record, Row};
use super::failure::Failure;

/// How an answer is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs: the messages as grpcurl writes them.
    Json,
}

/// The flag for it.
#[derive(Args, Clone, Copy, Debug)]
pub struct Shown {
    /// How to show the answer.
    #[arg(long, short, value_enum, default_value_t = Output::Table, value_name = "FORMAT")]
    pub output: Output,
}

impl Shown {
    /// For people.
    #[must_use]
    pub const fn table() -> Self {
        Self { output: Output::Table }
    }
}

/// How an answer with a secret is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SecretOutput {
    /// For people: the secret among the rest.
    Table,
    /// For programs: the messages as grpcurl writes them.
    Json,
    /// For scripts: the secret alone.
    Secret,
}

/// The flag for it.
#[derive(Args, Clone, Copy, Debug)]
pub struct ShownSecret {
    /// How to show the answer; `secret` is the secret alone.
    #[arg(long, short, value_enum, default_value_t = SecretOutput::Table, value_name = "FORMAT")]
    pub output: SecretOutput,
}

/// The screen and the keyboard.
pub struct Screen {
    out: Box<dyn Write + Send>,
    aside: Box<dyn Write + Send>,
    keys: Box<dyn BufRead + Send>,
    interactive: bool,
}

impl Screen {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            out: Box::new(io::stdout()),
            aside: Box::new(io::stderr()),
            keys: Box::new(io::BufReader::new(io::stdin())),
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
        }
    }

    /// Whether a person can be asked.
    #[must_use]
    pub const fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Writes an answer's line. It must be harmless already.
    ///
    /// # Errors
    /// Fails if the screen does.
    pub fn line(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.out, "{line}").and_then(|()| self.out.flush()).map_err(Failure::Screen)
    }

    /// Writes an answer's text as it is.
    ///
    /// # Errors
    /// Fails if the screen does.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).map_err(Failure::Screen)
    }

    /// Says something beside the answer.
    ///
    /// # Errors
    /// Fails if the screen does.
    pub fn note(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.aside, "{}", plain(line, 2_000)).map_err(Failure::Screen)
    }

    /// Asks a person for a line, which is seen while it is typed.
    ///
    /// # Errors
    /// Fails if the screen or the keyboard does.
    pub fn ask(&mut self, question: &str) -> Result<String, Failure> {
        write!(self.aside, "{question}").and_then(|()| self.aside.flush()).map_err(Failure::Screen)?;
        self.next_line()
    }

    /// The next line of standard input, without its end; empty at the end of the input.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn next_line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        let failed = |source| Failure::Local { what: "cannot read standard input".to_owned(), source };
        self.keys.read_line(&mut line).map_err(failed)?;
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        Ok(line)
    }

    /// Writes one thing: a table of its fields, or JSON.
    ///
    /// # Errors
    /// Fails if the screen does, or this program does not know the message.
    pub fn show<M: Named>(&mut self, message: &M, shown: Shown) -> Result<(), Failure> {
        match shown.output {
            Output::Table => self.text(&table::pairs(&details(message)?)),
            Output::Json => self.json(message),
        }
    }

    /// Writes a message as JSON.
    ///
    /// # Errors
    /// As [`Screen::show`].
    pub fn json<M: Named>(&mut self, message: &M) -> Result<(), Failure> {
        let value = to_json(message)?;
        self.line(&plain_json(&format!("{value:#}")))
    }

    /// Writes names and values, one pair a line.
    ///
    /// # Errors
    /// Fails if the screen does.
    pub fn pairs(&mut self, pairs: &[(String, String)]) -> Result<(), Failure> {
        self.text(&table::pairs(pairs))
    }
}

#[cfg(test)]
pub mod testing {
    //! A screen in memory.

    use std::io::{self, Cursor, Write};
    use std::sync::{Arc, Mutex};

    use super::Screen;

    /// What was written, shared with the screen that writes.
    #[derive(Clone, Default)]
    pub struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        /// As text.
        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A screen on which somebody types `keys`, or nobody does; with what it writes as answers, and aside.
    pub fn screen(keys: Option<&str>) -> (Screen, Written, Written) {
        made(keys.unwrap_or_default(), keys.is_some())
    }

    /// A screen without anybody, with this on standard input.
    pub fn piped(input: &str) -> (Screen, Written, Written) {
        made(input, false)
    }

    fn made(input: &str, interactive: bool) -> (Screen, Written, Written) {
        let (out, aside) = (Written::default(), Written::default());
        let keys = Box::new(Cursor::new(input.to_owned()));
        let screen = Screen { out: Box::new(out.clone()), aside: Box::new(aside.clone()), keys, interactive };
        (screen, out, aside)
    }
}
