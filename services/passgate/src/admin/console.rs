//! What a verb works with: the connection, the screen, and what is remembered of the server.

use passgate_kit::client::Ambient;

use super::connection::Connection;
use super::environment::Environment;
use super::failure::Failure;
use super::home::{Home, Shelf};
use super::marks::Marks;
use super::place::{Credential, Place};
use super::screen::Screen;
use super::server::Server;

/// Where a person or a script sits.
pub struct Console {
    /// The server, as whoever is signed in.
    pub api: Connection,
    /// What is seen, and typed.
    pub screen: Screen,
    /// What is remembered of the server.
    pub shelf: Shelf,
    /// Time and randomness.
    pub ambient: Ambient,
}

impl Console {
    /// At the server that flags, variables or the configuration name, as nobody.
    ///
    /// # Errors
    /// If they do not name one, or what is remembered cannot be read.
    pub fn of_nobody(place: &Place) -> Result<Self, Failure> {
        Self::open(place, &Environment::of_process()).map(|(console, _)| console)
    }

    /// The same, with the credential that flags, variables or the session name.
    ///
    /// # Errors
    /// As [`Console::of_nobody`]; if there is no credential.
    pub fn signed_in(place: &Place) -> Result<Self, Failure> {
        let environment = Environment::of_process();
        let (mut console, server) = Self::open(place, &environment)?;
        let credential = Credential::find(place, &environment, &console.shelf)?;
        let credential = credential.ok_or_else(|| Failure::NotSignedIn { server: server.to_string() })?;
        console.api = console.api.with(credential)?;
        Ok(console)
    }

    fn open(place: &Place, environment: &Environment) -> Result<(Self, Server), Failure> {
        let home = Home::find(environment)?;
        let server = Server::choose(place.server.as_deref(), environment, &home)?;
        let shelf = home.of(&server.file_name());
        let ambient = Ambient::system();
        let marks = Marks::load(shelf.clone(), ambient.clone())?;
        let api = Connection::open(server.clone(), place, marks)?;
        Ok((Self { api, screen: Screen::of_process(), shelf, ambient }, server))
    }

    /// The id under which a create may be repeated: what the flag says, or a new one.
    #[must_use]
    pub fn request_id(&self, flag: Option<&str>) -> RequestId {
        RequestId(flag.map_or_else(|| self.ambient.uuid_v7().to_string(), str::to_owned))
    }
}

/// The id of a request that may be repeated.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// As the request has it.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.clone()
    }

    /// Says how to repeat, where that helps.
    ///
    /// # Errors
    /// What went wrong, with that advice.
    pub fn told<T>(&self, done: Result<T, Failure>) -> Result<T, Failure> {
        done.map_err(|failure| {
            failure
                .or_repeat(&format!("repeat with the same request id: --request-id {}; nothing is made twice", self.0))
        })
    }
}
