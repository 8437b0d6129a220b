//! Which server is meant and with which credential: the flags of every verb, and what stands in for them.

use std::path::PathBuf;

use clap::Args;
use passgate_kit::client::SecretString;
use passgate_kit::keyfile::read_secret;

use super::environment::Environment;
use super::failure::Failure;
use super::home::Shelf;
use super::session::Session;

/// The flags.
#[derive(Args, Clone, Debug, Default)]
pub struct Place {
    /// The gateway's data port. Else PASSGATE_SERVER, `server` in the configuration file, http://127.0.0.1:8080.
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    pub server: Option<String>,
    /// A file with the token to use. Else PASSGATE_TOKEN, the session of `passgate login`.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection")]
    pub token_file: Option<PathBuf>,
    /// Certificates (PEM) that the server's is checked with, instead of the system's.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection")]
    pub ca_file: Option<PathBuf>,
    /// Send tokens and passwords unencrypted to another machine.
    #[arg(long, global = true, help_heading = "Connection")]
    pub send_secrets_in_clear_text: bool,
}

/// A token to present, and where it came from.
#[derive(Debug)]
pub struct Credential {
    /// The token.
    pub token: SecretString,
    /// Where it came from, for people.
    pub from: String,
}

impl Credential {
    /// The token that the flag names, or `PASSGATE_TOKEN`, or the session that is remembered. `None` if there is none.
    ///
    /// # Errors
    /// If a file cannot be used.
    pub fn find(place: &Place, environment: &Environment, shelf: &Shelf) -> Result<Option<Self>, Failure> {
        if let Some(file) = &place.token_file {
            return Ok(Some(Self { token: read_secret(file)?, from: format!("the token in {}", file.display()) }));
        }
        if let Some(token) = environment.get("PASSGATE_TOKEN") {
            let token = SecretString::new(token.trim().to_owned());
            return Ok(Some(Self { token, from: "the token in PASSGATE_TOKEN".to_owned() }));
        }
        let session = Session::load(shelf)?;
        Ok(session.map(|session| Self { token: session.token, from: format!("the session of {}", session.email) }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::home::Home;
    use super::*;

    #[test]
    fn the_file_comes_before_the_variable_and_that_before_the_session() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_str().expect("text");
        let all = Environment::from([("PASSGATE_HOME", path), ("PASSGATE_TOKEN", "from the variable")]);
        let none = Environment::from([("PASSGATE_HOME", path)]);
        let shelf = Home::find(&none).expect("a home").of("http+localhost+80");
        let session = |token: &str| Session {
            token: SecretString::new(token.to_owned()),
            principal: "users/1".to_owned(),
            email: "alice@example.com".to_owned(),
        };
        session("from the session").save(&shelf).expect("saved");
        let file = folder.path().join("token");
        passgate_kit::keyfile::write_new_secret(&file, "from the file\n").expect("written");
        let flagged = Place { token_file: Some(file), ..Place::default() };
        let found = |place: &Place, environment: &Environment| {
            Credential::find(place, environment, &shelf).expect("readable").map(|found| found.token.expose().to_owned())
        };

        assert_eq!(found(&flagged, &all).as_deref(), Some("from the file"));
        assert_eq!(found(&Place::default(), &all).as_deref(), Some("from the variable"));
        assert_eq!(found(&Place::default(), &none).as_deref(), Some("from the session"));
        Session::forget(&shelf).expect("forgotten");
        assert_eq!(found(&Place::default(), &none), None);
    }
}
