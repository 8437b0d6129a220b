//! Logs: to standard error, one line each, for people or as JSON.
//!
//! Passgate's own events are written from the chosen level on; those of libraries from `warn` on at most, whatever is
//! chosen: they may hold headers. What a line holds is made harmless for a terminal, and cut at a bound.

use std::io::{self, Write};

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// The longest line, in bytes.
const MAX_LINE: usize = 8 * 1024;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Starts logging, once for the process.
///
/// # Errors
/// If it was started before.
pub fn start(level: Level, format: Format) -> Result<(), TryInitError> {
    let targets = targets(level);
    let layer = match format {
        Format::Human => tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Harmless(format)).boxed(),
        Format::Json => tracing_subscriber::fmt::layer().json().with_writer(Harmless(format)).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(targets)).try_init()
}

fn targets(level: Level) -> Targets {
    Targets::new().with_target("passgate", level).with_default(LevelFilter::WARN.min(LevelFilter::from_level(level)))
}

/// Writes to standard error what [`harmless`] leaves of it.
#[derive(Clone, Copy, Debug)]
struct Harmless(Format);

impl Write for Harmless {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(harmless(&String::from_utf8_lossy(line), self.0).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for Harmless {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

/// The line with control and direction characters escaped, cut at [`MAX_LINE`]. An event is written as one line, so that no
/// value can begin another. JSON stays JSON: its strings have the escapes of RFC 8259 §7, and what is too long becomes one
/// string that says so.
fn harmless(line: &str, format: Format) -> String {
    let line = line.trim_end_matches('\n');
    let mut told = String::with_capacity(line.len() + 1);
    for character in line.chars() {
        if told.len() >= MAX_LINE {
            told.push('…');
            break;
        }
        match format {
            Format::Human if is_hostile(character) => told.extend(character.escape_default()),
            Format::Json if is_hostile(character) => {
                told.push_str(&format!("\\u{:04x}", u32::from(character))); // all are below U+10000
            }
            Format::Human | Format::Json => told.push(character),
        }
    }
    if format == Format::Json && told.ends_with('…') {
        told = serde_json::json!({ "cut": told }).to_string();
    }
    told.push('\n');
    told
}

/// Whether a terminal or a reader could be led astray by it.
fn is_hostile(character: char) -> bool {
    let turns_text = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    character.is_control() || turns_text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_are_escaped() {
        assert_eq!(
            harmless("a\r\nINFO forged\u{1b}[2J\u{202e}b\n", Format::Human),
            "a\\r\\nINFO forged\\u{1b}[2J\\u{202e}b\n"
        );
    }

    #[test]
    fn a_line_is_cut_at_its_bound() {
        let line = harmless(&"x".repeat(100_000), Format::Human);
        assert!(line.len() < MAX_LINE + 8 && line.ends_with("…\n"));
    }

    #[test]
    fn json_stays_json_whatever_a_value_holds() {
        for value in ["\u{202e}\u{7f}\u{9b}31m", &"\u{202e}".repeat(100_000), &"\"".repeat(100_000)] {
            let line = harmless(&format!("{}\n", serde_json::json!({ "message": value })), Format::Json);
            let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            assert!(!line.contains('\u{202e}') && (read.get("message").is_some() || read.get("cut").is_some()));
            assert!(line.len() < 3 * MAX_LINE);
        }
    }

    #[test]
    fn libraries_are_heard_from_warn_on_whatever_is_chosen() {
        let targets = targets(Level::TRACE);
        assert!(targets.would_enable("passgate_token::rpc", &Level::TRACE));
        assert!(targets.would_enable("h2", &Level::WARN));
        for level in [Level::INFO, Level::DEBUG, Level::TRACE] {
            assert!(!targets.would_enable("h2::codec", &level) && !targets.would_enable("hyper", &level));
        }
    }
}
