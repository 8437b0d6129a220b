//! `passgate credentials`.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;

use anyhow::{Context as _, Result};
use passgate_kit::client::Ambient;
use passgate_kit::keyfile::read_or_create_key;
use passgate_proto::access::Role;

use crate::cli::{CredentialsVerb, Service};
use crate::credentials::{CredentialFolder, Which};
use crate::ready::Announcer;

/// Makes or removes credentials.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: &CredentialsVerb, announcer: &mut Announcer) -> Result<()> {
    let ambient = Ambient::system();
    match verb {
        CredentialsVerb::Init { folder } => {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
            let credentials = CredentialFolder::at(folder);
            credentials.complete(&ambient)?;
            let master = credentials.master_key_file();
            read_or_create_key(&master, &ambient)?;
            announcer.tell(&format!("the services' credentials are in {}", folder.display()))?;
            announcer.tell(&format!(
                "{} is for the token service alone: keep it apart from backups of its database",
                master.display()
            ))
        }
        CredentialsVerb::Add { folder, instance, role } => {
            let file = CredentialFolder::at(folder).add(instance, as_role(*role), &ambient)?;
            announcer.tell(&format!("{instance} is to present what is in {}", file.display()))
        }
        CredentialsVerb::Remove { folder, instance, old } => {
            let which = if *old { Which::Old } else { Which::All };
            let removed = CredentialFolder::at(folder).remove(instance, which)?;
            announcer.tell(&format!("{removed} credentials of {instance} are accepted no more"))
        }
    }
}

const fn as_role(service: Service) -> Role {
    match service {
        Service::Identity => Role::Identity,
        Service::Token => Role::Token,
        Service::Gateway => Role::Gateway,
    }
}
