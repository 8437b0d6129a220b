//! A folder of what Passgate's services know each other by: a credential for each, the file of accepted ones, and the key
//! that change marks are authenticated with.
//!
//! A secret's file is written before its line in the file of accepted ones. Whoever was interrupted in between does it again:
//! what is there is kept, what is missing is made.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use passgate_kit::client::{Ambient, SecretString};
use passgate_kit::credentials::{self, Accepted};
use passgate_kit::keyfile::{KeyFileError, read_or_create_key, read_secret, write_new_secret};
use passgate_proto::access::Role;

/// The services that every installation has, and their roles.
const SERVICES: [(&str, Role); 3] = [("identity", Role::Identity), ("token", Role::Token), ("gateway", Role::Gateway)];

/// The folder.
#[derive(Clone, Debug)]
pub struct CredentialFolder(PathBuf);

impl CredentialFolder {
    /// The folder at `root`, which must be there.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self(root.to_owned())
    }

    /// The file with what `instance` presents.
    #[must_use]
    pub fn credential_file(&self, instance: &str) -> PathBuf {
        self.0.join(format!("{instance}.credential"))
    }

    /// The file of accepted credentials, for every service.
    #[must_use]
    pub fn accepted_file(&self) -> PathBuf {
        self.0.join("accepted.toml")
    }

    /// The key of change marks, for every service.
    #[must_use]
    pub fn mark_key_file(&self) -> PathBuf {
        self.0.join("mark.key")
    }

    /// The key that signing keys are sealed with, for the token service alone.
    #[must_use]
    pub fn master_key_file(&self) -> PathBuf {
        self.0.join("master.key")
    }

    /// Makes what is missing of the three services' credentials, and the key of change marks.
    ///
    /// # Errors
    /// Says which file is wrong and what mends it.
    pub fn complete(&self, ambient: &Ambient) -> Result<()> {
        for (instance, role) in SERVICES {
            let secret = self.secret(instance, ambient)?;
            if !self.accepts(&secret)? {
                credentials::add(&self.accepted_file(), credentials::accept(&secret, role)?)?;
            }
        }
        read_or_create_key(&self.mark_key_file(), ambient)?;
        Ok(())
    }

    /// Makes one more credential. If the instance has one already, the old file is put aside as `{instance}.credential.old`,
    /// and both are accepted until one is removed.
    ///
    /// # Errors
    /// As [`CredentialFolder::complete`]; two are accepted at a time.
    pub fn add(&self, instance: &str, role: Role, ambient: &Ambient) -> Result<PathBuf> {
        let secret = credentials::generate(instance, ambient)?;
        credentials::add(&self.accepted_file(), credentials::accept(&secret, role)?)?;
        let file = self.credential_file(instance);
        if file.exists() {
            std::fs::rename(&file, file.with_extension("credential.old"))
                .context("cannot put the old credential aside")?;
        }
        write_new_secret(&file, &format!("{}\n", secret.expose()))?;
        Ok(file)
    }

    /// Accepts nothing of `instance` any more.
    ///
    /// # Errors
    /// As [`CredentialFolder::complete`]; also if there was nothing.
    pub fn remove(&self, instance: &str) -> Result<usize> {
        let removed = credentials::remove(&self.accepted_file(), instance)?;
        ensure!(removed > 0, "no credential of {instance} is accepted in {}", self.accepted_file().display());
        Ok(removed)
    }

    fn secret(&self, instance: &str, ambient: &Ambient) -> Result<SecretString> {
        let file = self.credential_file(instance);
        match read_secret(&file) {
            Err(KeyFileError::Missing { .. }) => {}
            other => return Ok(other?),
        }
        let secret = credentials::generate(instance, ambient)?;
        write_new_secret(&file, &format!("{}\n", secret.expose()))?;
        Ok(secret)
    }

    fn accepts(&self, secret: &SecretString) -> Result<bool> {
        let file = self.accepted_file();
        Ok(file.exists() && Accepted::open(&file)?.check(secret.expose()).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_accepted_by_its_own_credential_and_doing_it_again_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let credentials = CredentialFolder::at(folder.path());

        credentials.complete(&Ambient::system()).expect("made");
        let first = std::fs::read_to_string(credentials.accepted_file()).expect("the file");
        credentials.complete(&Ambient::system()).expect("nothing to do");

        assert_eq!(std::fs::read_to_string(credentials.accepted_file()).expect("the file"), first);
        let accepted = Accepted::open(&credentials.accepted_file()).expect("a good file");
        for (instance, role) in SERVICES {
            let secret = read_secret(&credentials.credential_file(instance)).expect("a credential");
            assert_eq!(accepted.check(secret.expose()).expect("accepted").role, role);
        }
    }

    #[test]
    fn an_interrupted_start_is_completed_by_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let credentials = CredentialFolder::at(folder.path());
        credentials.complete(&Ambient::system()).expect("made");
        std::fs::remove_file(credentials.accepted_file()).expect("a file");

        credentials.complete(&Ambient::system()).expect("made again");

        let accepted = Accepted::open(&credentials.accepted_file()).expect("a good file");
        let token = read_secret(&credentials.credential_file("token")).expect("a credential");
        assert!(accepted.check(token.expose()).is_some());
    }

    #[test]
    fn a_second_credential_is_accepted_beside_the_first_until_both_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let credentials = CredentialFolder::at(folder.path());
        credentials.complete(&Ambient::system()).expect("made");
        let old = read_secret(&credentials.credential_file("gateway")).expect("a credential");

        let file = credentials.add("gateway", Role::Gateway, &Ambient::system()).expect("one more");

        let new = read_secret(&file).expect("a credential");
        let accepted = Accepted::open(&credentials.accepted_file()).expect("a good file");
        assert!(accepted.check(old.expose()).is_some() && accepted.check(new.expose()).is_some());
        assert_eq!(credentials.remove("gateway").expect("removed"), 2);
        assert!(credentials.remove("gateway").is_err());
    }
}
