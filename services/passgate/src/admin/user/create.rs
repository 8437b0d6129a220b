//! `passgate user create`.

use std::path::PathBuf;

use clap::Args;
use passgate_proto::identity::v1::CreateUserRequest;

use super::password::one_time;
use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::resolve;
use crate::admin::screen::{SecretOutput, Shown, ShownSecret};
use crate::admin::secrets;
use crate::admin::values::NewNotes;

/// `create`
#[derive(Args, Debug)]
pub struct Create {
    /// The e-mail address to sign in with.
    email: String,
    /// The name that people read; the e-mail if left out.
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// See [`NewNotes`].
    #[command(flatten)]
    notes: NewNotes,
    /// A pattern to grant in the same step. Say it again for more.
    #[arg(long = "grant", value_name = "PATTERN")]
    grants: Vec<String>,
    /// A group to join in the same step: name or id. Say it again for more.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// A file (0600) with a first password; `-` is standard input. One is made if left out.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The id of this request, to repeat it after an answer was lost.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// See [`ShownSecret`].
    #[command(flatten)]
    shown: ShownSecret,
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub(super) async fn create(args: Create, at: &mut Console) -> Result<(), Failure> {
    let password = match args.password_file.as_deref() {
        None => None,
        file => Some(secrets::read(&mut at.screen, file, "First password")?),
    };
    let (description, labels) = args.notes.parts();
    let request_id = at.request_id(args.request_id.as_deref());
    let request = CreateUserRequest {
        email: args.email,
        display_name: args.display_name.unwrap_or_default(),
        password: password.map(|password| password.expose().to_owned()),
        description,
        labels,
        grants: args.grants,
        groups: resolve::groups(&at.api, &args.groups).await?,
        request_id: request_id.text(),
    };
    let answer = request_id.told(at.api.call(at.api.users().create_user(request)).await)?;
    match args.shown.output {
        SecretOutput::Json => at.screen.json(&answer),
        SecretOutput::Secret if answer.one_time_password.is_empty() => {
            Err(Failure::Usage("the user was made, but no password with it: there is no secret to show".to_owned()))
        }
        SecretOutput::Secret => at.screen.line(&answer.one_time_password),
        SecretOutput::Table => {
            at.screen.show(&answer.user.unwrap_or_default(), Shown::table())?;
            one_time(at, &answer.one_time_password)
        }
    }
}
