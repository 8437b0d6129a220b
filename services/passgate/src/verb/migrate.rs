//! `passgate migrate`.

use anyhow::{Context as _, Result};
use passgate_kit::client::Ambient;

use super::service::{GATEWAY, IDENTITY, TOKEN, load};
use crate::cli::{MigrateArgs, Service};
use crate::ready::Announcer;

/// Brings a service's database to this program's version.
///
/// # Errors
/// Why it was not done.
pub async fn run(args: &MigrateArgs, announcer: &mut Announcer) -> Result<()> {
    let (file, ambient) = (args.config.as_deref(), Ambient::system());
    let failed = "the database was not migrated";
    match args.service {
        Service::Identity => {
            passgate_identity::Service::migrate(&load(file, IDENTITY)?, &ambient).await.context(failed)?;
        }
        Service::Token => passgate_token::Service::migrate(&load(file, TOKEN)?, &ambient).await.context(failed)?,
        Service::Gateway => {
            passgate_gateway::Service::migrate(&load(file, GATEWAY)?, &ambient).await.context(failed)?
        }
    }
    announcer.tell("the database is of this program's version")
}
