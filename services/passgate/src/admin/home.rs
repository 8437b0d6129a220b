//! Where the verbs keep what they remember of each server: the session, and the last change mark.
//!
//! `PASSGATE_HOME`, or the user's state folder (XDG Base Directory Specification). Files are this user's alone (0600, in
//! folders of 0700) and are replaced whole: whoever reads one never sees half of it.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use passgate_kit::client::SecretString;
use passgate_kit::keyfile::{KeyFileError, read_secret};

use super::environment::Environment;
use super::failure::Failure;

/// The folders.
#[derive(Clone, Debug)]
pub struct Home {
    state: PathBuf,
    configuration: PathBuf,
}

impl Home {
    /// Finds them. They need not be there yet.
    ///
    /// # Errors
    /// If no variable says where the user is at home.
    pub fn find(environment: &Environment) -> Result<Self, Failure> {
        if let Some(home) = environment.folder("PASSGATE_HOME") {
            return Ok(Self { configuration: home.join("config.toml"), state: home });
        }
        let below = |variable: &str, rest: &str| {
            let own = environment.folder(variable);
            own.or_else(|| Some(environment.folder("HOME")?.join(rest))).map(|folder| folder.join("passgate"))
        };
        match (below("XDG_STATE_HOME", ".local/state"), below("XDG_CONFIG_HOME", ".config")) {
            (Some(state), Some(configuration)) => Ok(Self { state, configuration: configuration.join("config.toml") }),
            _ => Err(Failure::Usage(
                "set PASSGATE_HOME to a folder (an absolute path) for the session: HOME is not set".to_owned(),
            )),
        }
    }

    /// The configuration file.
    #[must_use]
    pub fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// What is remembered of the server with this name.
    #[must_use]
    pub fn of(&self, server: &str) -> Shelf {
        Shelf(self.state.join("servers").join(server))
    }
}

/// What is remembered of one server.
#[derive(Clone, Debug)]
pub struct Shelf(PathBuf);

impl Shelf {
    /// Reads a file; `None` if it is not there.
    ///
    /// # Errors
    /// If others may read it, or the system does not let it be read.
    pub fn read(&self, file: &str) -> Result<Option<SecretString>, Failure> {
        match read_secret(&self.0.join(file)) {
            Ok(text) => Ok(Some(text)),
            Err(KeyFileError::Missing { .. }) => Ok(None),
            Err(error) => Err(Failure::File(error)),
        }
    }

    /// Replaces a file.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write(&self, file: &str, text: &str) -> Result<(), Failure> {
        self.replace(file, text)
            .map_err(|source| Failure::Local { what: format!("cannot write {}", self.path(file).display()), source })
    }

    /// Removes a file. True if there was one.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn remove(&self, file: &str) -> Result<bool, Failure> {
        match fs::remove_file(self.0.join(file)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(Failure::Local { what: format!("cannot remove {}", self.path(file).display()), source }),
        }
    }

    /// Where a file is.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    fn replace(&self, file: &str, text: &str) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let mut new = tempfile::NamedTempFile::new_in(&self.0)?; // 0600 from the start
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        new.persist(self.0.join(file))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn home(folder: &Path) -> Home {
        Home::find(&Environment::from([("PASSGATE_HOME", folder.to_str().expect("text"))])).expect("a home")
    }

    #[test]
    fn what_is_remembered_is_for_this_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = home(folder.path()).of("http+localhost");

        shelf.write("session", "first").expect("written");
        shelf.write("session", "second").expect("written over");

        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&shelf.path("session")), 0o600);
        assert_eq!(mode(&shelf.0), 0o700);
        assert_eq!(shelf.read("session").expect("read").expect("there").expose(), "second");
        assert!(shelf.remove("session").expect("removed") && !shelf.remove("session").expect("nothing left"));
        assert!(shelf.read("session").expect("read").is_none());
    }

    #[test]
    fn a_session_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = home(folder.path()).of("http+localhost");
        shelf.write("session", "secret").expect("written");
        fs::set_permissions(shelf.path("session"), fs::Permissions::from_mode(0o644)).expect("opened");

        let error = shelf.read("session").expect_err("a refusal").to_string();

        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn the_state_folder_is_found_as_xdg_says() {
        let at = |environment: Environment| Home::find(&environment).map(|home| home.state);
        let found = |path: &str| Some(PathBuf::from(path));

        assert_eq!(at(Environment::from([("HOME", "/home/a")])).ok(), found("/home/a/.local/state/passgate"));
        let both = Environment::from([("HOME", "/home/a"), ("XDG_STATE_HOME", "/state")]);
        assert_eq!(at(both).ok(), found("/state/passgate"));
        let relative = Environment::from([("HOME", "/home/a"), ("XDG_STATE_HOME", "state")]);
        assert_eq!(at(relative).ok(), found("/home/a/.local/state/passgate"));
        assert_eq!(at(Environment::from([("HOME", "/h"), ("PASSGATE_HOME", "/p")])).ok(), found("/p"));
        assert!(at(Environment::default()).is_err());
    }
}
