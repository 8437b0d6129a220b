//! `passgate login`.

use std::path::PathBuf;

use clap::Args;
use passgate_kit::client::{Reason, SecretString};
use passgate_proto::identity::v1::{SignInRequest, SignInResponse};

use super::console::Console;
use super::failure::Failure;
use super::secrets;
use super::session::Session;
use super::values::when;

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate login alice@example.com
  passgate login admin@localhost --password-file passgate-data/first-password --new-password
  passgate login ci@example.com --password-file /run/secrets/password
  passgate login --server https://passgate.example.com

Without a terminal the password is the first line of standard input, and the new one the second.";

/// Its flags.
#[derive(Args, Debug)]
pub struct Login {
    /// The e-mail address; asked for if left out.
    pub email: Option<String>,
    /// A file (0600) with the password; `-` is standard input. Asked for if left out.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Choose a new password in the same step, as a one-time password demands.
    #[arg(long)]
    pub new_password: bool,
    /// A file (0600) with the new password; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
}

/// Signs in, and remembers the session for the verbs after it.
///
/// # Errors
/// If it is refused, or cannot be remembered.
pub async fn run(args: Login, at: &mut Console) -> Result<(), Failure> {
    let email = match args.email {
        Some(email) => email,
        None if at.screen.is_interactive() => at.screen.ask("E-mail: ")?.trim().to_owned(),
        None => return Err(Failure::Usage("say who signs in: passgate login EMAIL".to_owned())),
    };
    let password = secrets::read(&mut at.screen, args.password_file.as_deref(), "Password")?;
    let wants_new = args.new_password || args.new_password_file.is_some();
    let new_file = args.new_password_file.as_deref();
    let mut new = if wants_new { Some(secrets::read_new(&mut at.screen, new_file, "New password")?) } else { None };

    let mut answer = sign_in(at, &email, &password, new.as_ref()).await;
    let must_choose = answer.as_ref().is_err_and(|failure| failure.reason() == Some(Reason::PasswordMustChange));
    if must_choose && new.is_none() && at.screen.is_interactive() {
        at.screen.note("This password is good for one time: choose one of your own, of 15 characters or more.")?;
        new = Some(secrets::read_new(&mut at.screen, None, "New password")?);
        answer = sign_in(at, &email, &password, new.as_ref()).await;
    }
    let answer = answer?;
    let until = when(answer.expire_time.as_ref());
    let token = SecretString::new(answer.session_token);
    Session { token, principal: answer.principal.clone(), email: email.clone() }.save(&at.shelf)?;
    at.screen.note(&format!("signed in to {} as {email} ({}) until {until}", at.api.server(), answer.principal))
}

async fn sign_in(
    at: &Console,
    email: &str,
    password: &SecretString,
    new: Option<&SecretString>,
) -> Result<SignInResponse, Failure> {
    let request = SignInRequest {
        email: email.to_owned(),
        password: password.expose().to_owned(),
        new_password: new.map(|new| new.expose().to_owned()),
    };
    at.api.call(at.api.sessions().sign_in(request)).await
}
