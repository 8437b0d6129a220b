//! The session that `passgate login` leaves for the verbs after it.

use passgate_kit::client::SecretString;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::home::Shelf;

const FILE: &str = "session";

/// A session at one server.
#[derive(Debug)]
pub struct Session {
    /// Its token.
    pub token: SecretString,
    /// Who signed in: `users/{id}`.
    pub principal: String,
    /// The e-mail that was typed.
    pub email: String,
}

/// The file: one JSON object.
#[derive(Deserialize, Serialize)]
struct Wire<T> {
    token: T,
    principal: T,
    email: T,
}

impl Session {
    /// Remembers it.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn save(&self, shelf: &Shelf) -> Result<(), Failure> {
        let Self { token, principal, email } = self;
        let wire = Wire { token: token.expose(), principal, email };
        let text = SecretString::new(serde_json::to_string(&wire).map_err(|_| Failure::Contract("session"))?);
        shelf.write(FILE, text.expose())
    }

    /// What is remembered; `None` if nobody is signed in.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn load(shelf: &Shelf) -> Result<Option<Self>, Failure> {
        let Some(text) = shelf.read(FILE)? else {
            return Ok(None);
        };
        let wire: Wire<String> = serde_json::from_str(text.expose()).map_err(|_| {
            let file = shelf.path(FILE);
            Failure::Usage(format!("{} holds no session: remove it, and run `passgate login`", file.display()))
        })?;
        Ok(Some(Self { token: SecretString::new(wire.token), principal: wire.principal, email: wire.email }))
    }

    /// Forgets it. True if there was one.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn forget(shelf: &Shelf) -> Result<bool, Failure> {
        shelf.remove(FILE)
    }
}
