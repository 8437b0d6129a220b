//! Says where the program listens and when it is ready: on screen for people, as JSON lines for programs.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::cli::ReadyFormat;

/// The one place that says it.
pub struct Announcer {
    format: ReadyFormat,
    file: Option<PathBuf>,
    screen: Box<dyn Write + Send>,
}

impl Announcer {
    /// Speaks on `screen`, and writes `file` once ready.
    pub fn new(format: ReadyFormat, file: Option<PathBuf>, screen: Box<dyn Write + Send>) -> Self {
        Self { format, file, screen }
    }

    /// Says where the program listens. It may not be ready yet.
    ///
    /// # Errors
    /// Fails if the screen does.
    pub fn listening(&mut self, addresses: &[(&'static str, SocketAddr)]) -> Result<()> {
        match self.format {
            ReadyFormat::Json => writeln!(self.screen, "{}", json!({ "listening": by_name(addresses) }))?,
            ReadyFormat::Human => {
                for (name, address) in addresses {
                    writeln!(self.screen, "{name:<16} {address}")?;
                }
            }
        }
        Ok(self.screen.flush()?)
    }

    /// Says one thing to people; programs are not told.
    ///
    /// # Errors
    /// Fails if the screen does.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        if self.format == ReadyFormat::Human {
            writeln!(self.screen, "{line}")?;
        }
        Ok(self.screen.flush()?)
    }

    /// Says that everything is there.
    ///
    /// # Errors
    /// Fails if the screen does, or the ready file cannot be written.
    pub fn ready(&mut self, addresses: &[(&'static str, SocketAddr)]) -> Result<()> {
        if let Some(file) = &self.file {
            let line = json!({ "ready": true, "listening": by_name(addresses) });
            let part = file.with_extension("part");
            // Renamed when complete: whoever waits for the file never reads half of it.
            fs::write(&part, format!("{line}\n")).and_then(|()| fs::rename(&part, file)).with_context(|| {
                format!("cannot write the ready file {}: choose a folder that this user may write to", file.display())
            })?;
        }
        match self.format {
            ReadyFormat::Json => writeln!(self.screen, "{}", json!({ "ready": true }))?,
            ReadyFormat::Human => writeln!(self.screen, "ready")?,
        }
        Ok(self.screen.flush()?)
    }
}

fn by_name(addresses: &[(&'static str, SocketAddr)]) -> Map<String, Value> {
    addresses.iter().map(|(name, address)| ((*name).to_owned(), Value::String(address.to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_file_is_one_json_line_with_every_listener() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ready.json");
        let addresses = [("gateway", "127.0.0.1:8080".parse().expect("an address"))];

        let mut announcer = Announcer::new(ReadyFormat::Human, Some(file.clone()), Box::new(std::io::sink()));
        announcer.ready(&addresses).expect("a file in a temporary folder");

        let text = fs::read_to_string(file).expect("the file");
        let line: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(line["listening"]["gateway"], "127.0.0.1:8080");
        assert_eq!(text.lines().count(), 1);
    }
}
