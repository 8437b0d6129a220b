//! `passgate feed adopt`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use passgate_kit::client::Ambient;
use passgate_kit::feed::Adopted;
use passgate_kit::store::DatabaseConfig;
use passgate_token::{AdoptedTokens, Revocations};

use super::service::{GATEWAY, IDENTITY, TOKEN, load};
use crate::admin::failure::Failure;
use crate::cli::{AdoptArgs, Service};
use crate::ready::Announcer;
use crate::standalone::DataFolder;

/// Gives a restored database's feed a new identity.
///
/// # Errors
/// Why it was not done. Nothing was changed then.
pub async fn adopt(args: &AdoptArgs, announcer: &mut Announcer) -> Result<()> {
    let revocations = revocations(args)?;
    // Held to the end: no standalone process serves the folder meanwhile.
    let folder = args.data.as_deref().map(existing).transpose()?;
    let root = folder.as_ref().map(DataFolder::root);
    let (file, ambient) = (args.config.as_deref(), Ambient::system());
    match args.service {
        Service::Identity => {
            let database =
                database(root, "identity.db", || Ok(load::<passgate_identity::Config>(file, IDENTITY)?.database))?;
            let adopted = passgate_identity::Service::adopt(&database, &ambient).await;
            tell(announcer, adopted.context("the feed was not adopted")?)?;
            announcer.tell(
                "What was taken away after the backup (grants, members, people) is there again: take it away again before \
                 the identity service is started.",
            )
        }
        Service::Gateway => {
            let database =
                database(root, "gateway.db", || Ok(load::<passgate_gateway::Config>(file, GATEWAY)?.database))?;
            let adopted = passgate_gateway::Service::adopt(&database, &ambient).await;
            tell(announcer, adopted.context("the feed was not adopted")?)
        }
        Service::Token => {
            let database = database(root, "token.db", || Ok(load::<passgate_token::Config>(file, TOKEN)?.database))?;
            let adopted = passgate_token::Service::adopt(&database, &ambient, revocations).await;
            let AdoptedTokens { feed, revoked, dead, unknown } = adopted.context("the feed was not adopted")?;
            tell(announcer, feed)?;
            announcer.tell(&format!(
                "Revoked again: {revoked}. Dead in the backup already: {dead}. Not in the backup, so good for nothing: {unknown}."
            ))
        }
    }
}

fn tell(announcer: &mut Announcer, adopted: Adopted) -> Result<()> {
    let Adopted { before, after, number } = adopted;
    announcer.tell(&format!("The feed {before}, which ends at change {number}, goes on as {after}."))
}

/// What is to be revoked again. For the token service it must be said, also that there is nothing.
fn revocations(args: &AdoptArgs) -> Result<Revocations> {
    let given = args.revocations.is_some() || args.nothing_to_revoke;
    match (args.service, &args.revocations) {
        (Service::Token, None) if !given => bail!(Failure::Usage(
            "say what was revoked since the backup: --revocations FILE, or --nothing-to-revoke if there is no such file"
                .to_owned()
        )),
        (Service::Identity | Service::Gateway, _) if given => {
            bail!(Failure::Usage("only the token service has revocations".to_owned()))
        }
        (_, None) => Ok(Revocations::default()),
        (_, Some(file)) => {
            let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            Revocations::parse(&text).with_context(|| format!("{} cannot be used", file.display()))
        }
    }
}

/// A data folder that is there, and nobody else's meanwhile.
fn existing(folder: &Path) -> Result<DataFolder> {
    if !folder.is_dir() {
        bail!("there is no data folder {}: put the backup back first", folder.display());
    }
    Ok(DataFolder::open(folder)?)
}

/// The database in a data folder, or the one that the configuration names.
fn database(
    root: Option<&Path>,
    name: &str,
    configured: impl FnOnce() -> Result<DatabaseConfig>,
) -> Result<DatabaseConfig> {
    let Some(root) = root else { return configured() };
    let file = root.join(name);
    if !file.exists() {
        bail!("there is no {}: put the backup back first", file.display());
    }
    Ok(DatabaseConfig::sqlite(&file))
}
