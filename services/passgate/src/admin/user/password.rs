//! `passgate user set-password`.

use std::path::PathBuf;

use clap::Args;
use passgate_proto::identity::v1::SetPasswordRequest;

use crate::admin::confirm::Sure;
use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::resolve;
use crate::admin::screen::{SecretOutput, ShownSecret};
use crate::admin::secrets;

/// `set-password`
#[derive(Args, Debug)]
pub struct SetPassword {
    /// The user: e-mail, id, or `me`.
    user: String,
    /// A file (0600) with one's own current password; `-` is standard input. Asked for if left out.
    #[arg(long, value_name = "FILE")]
    current_password_file: Option<PathBuf>,
    /// A file (0600) with the new password; `-` is standard input. For oneself it is asked for if left out, for others one is made.
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
    /// See [`Sure`].
    #[command(flatten)]
    sure: Sure,
    /// See [`ShownSecret`].
    #[command(flatten)]
    shown: ShownSecret,
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub(super) async fn set_password(args: SetPassword, at: &mut Console) -> Result<(), Failure> {
    let own = resolve::own_principal(&at.api).await?;
    let id = match args.user.as_str() {
        "me" => own.trim_start_matches("users/").to_owned(),
        other => resolve::user(&at.api, other).await?,
    };
    let (current, new) = if own == format!("users/{id}") {
        let current = secrets::read(&mut at.screen, args.current_password_file.as_deref(), "Current password")?;
        let new = secrets::read_new(&mut at.screen, args.new_password_file.as_deref(), "New password")?;
        (current.expose().to_owned(), Some(new))
    } else {
        let what = format!("set the password of {}", args.user);
        let breaks = async { Ok(vec!["its sessions end, and its password is good no more".to_owned()]) };
        args.sure.confirm(&mut at.screen, &what, breaks).await?;
        let file = args.new_password_file.as_deref();
        let new = file.map(|file| secrets::read(&mut at.screen, Some(file), "New password")).transpose()?;
        (String::new(), new)
    };
    let new_password = new.map(|new| new.expose().to_owned());
    let request = SetPasswordRequest { id, current_password: current, new_password };
    let answer = at.api.call(at.api.users().set_password(request)).await?;
    match args.shown.output {
        SecretOutput::Json => at.screen.json(&answer),
        SecretOutput::Secret if answer.one_time_password.is_empty() => {
            Err(Failure::Usage("the password was set, and none was made: there is no secret to show".to_owned()))
        }
        SecretOutput::Secret => at.screen.line(&answer.one_time_password),
        SecretOutput::Table => {
            at.screen.note("the password is set")?;
            one_time(at, &answer.one_time_password)
        }
    }
}

/// Shows a one-time password, if there is one.
///
/// # Errors
/// Fails if the screen does.
pub(super) fn one_time(at: &mut Console, password: &str) -> Result<(), Failure> {
    if password.is_empty() {
        return Ok(());
    }
    at.screen.pairs(&[("one-time password".to_owned(), password.to_owned())])?;
    at.screen.note("It is shown this once. Its user signs in with `passgate login EMAIL` and chooses another.")
}
