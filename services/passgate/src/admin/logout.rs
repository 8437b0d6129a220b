//! `passgate logout`.

use passgate_proto::identity::v1::SignOutRequest;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::place::Credential;
use super::session::Session;

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate logout
  passgate logout --server https://passgate.example.com";

/// Ends the session of `passgate login` at the server, and forgets it here.
///
/// # Errors
/// If the server does not answer: the session goes on then, and is not forgotten.
pub async fn run(at: &mut Console) -> Result<(), Failure> {
    let Some(session) = Session::load(&at.shelf)? else {
        return at.screen.note("nobody is signed in here");
    };
    let told = format!("signed out {} at {}", session.email, at.api.server());
    let credential = Credential { token: session.token, from: "the session".to_owned() };
    let api = at.api.clone().with(credential)?;
    match api.call(api.sessions().sign_out(SignOutRequest {})).await {
        // A session that is no good any more has ended as it should.
        Err(failure) if failure.exit() != Exit::Unauthenticated => return Err(failure),
        Err(_) | Ok(_) => {}
    }
    Session::forget(&at.shelf)?;
    at.screen.note(&told)
}
