//! A folder of what Passgate's services know each other by: a credential for each, the file of accepted ones, and the key
//! that change marks are authenticated with.
//!
//! A secret's file is written before its line in the file of accepted ones. Whoever was interrupted in between does it again:
//! what is there is kept, what is missing is made.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use passgate_kit::client::{Ambient, SecretString};
use passgate_kit::credentials::{Edit, accept, generate};
use passgate_kit::keyfile::{KeyFileError, read_or_create_key, read_secret, sync_folder, write_new_secret};
use passgate_proto::access::Role;

/// The services that every installation has, and their roles.
const SERVICES: [(&str, Role); 3] = [("identity", Role::Identity), ("token", Role::Token), ("gateway", Role::Gateway)];

/// Which of an instance's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// The one that was put aside when another was made.
    Old,
}

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
        let mut edit = Edit::begin(&self.accepted_file())?; // also keeps a second one out that does the same
        for (instance, role) in SERVICES {
            let line = accept(&self.secret(instance, ambient)?, role)?;
            if !edit.lines().iter().any(|known| known.sha256 == line.sha256) {
                edit.add(line)?;
                edit.save()?;
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
        let mut edit = Edit::begin(&self.accepted_file())?;
        let file = self.credential_file(instance);
        let beside = file.with_extension("credential.new");
        let secret = match read_secret(&beside) {
            Ok(secret) => secret, // somebody was interrupted here: what was begun is finished
            Err(KeyFileError::Missing { .. }) => {
                let secret = generate(instance, ambient)?;
                write_new_secret(&beside, &format!("{}\n", secret.expose()))?;
                secret
            }
            Err(other) => return Err(other.into()),
        };
        let line = accept(&secret, role)?;
        if !edit.lines().contains(&line) {
            let added = edit.add(line);
            if added.is_err() {
                let _ = std::fs::remove_file(&beside); // the first error is the one to tell
            }
            added?;
            edit.save()?;
        }
        if file.exists() {
            std::fs::rename(&file, self.old_file(instance)).context("cannot put the old credential aside")?;
        }
        std::fs::rename(&beside, &file).context("cannot put the new credential in its place")?;
        sync_folder(&file).context("cannot make the new credential outlive a crash")?;
        Ok(file)
    }

    /// Accepts no more what `instance` holds, all of it or only what [`CredentialFolder::add`] put aside. Gives how many
    /// that were.
    ///
    /// # Errors
    /// As [`CredentialFolder::complete`]; also if there was nothing.
    pub fn remove(&self, instance: &str, which: Which) -> Result<usize> {
        let mut edit = Edit::begin(&self.accepted_file())?;
        let removed = match which {
            Which::All => edit.remove(|line| line.instance == instance),
            Which::Old => {
                let old = read_secret(&self.old_file(instance))
                    .with_context(|| format!("no credential of {instance} was put aside"))?;
                let digest = digest_of(&old)?;
                edit.remove(|line| line.instance == instance && line.sha256.as_ref() == Some(&digest))
            }
        };
        ensure!(removed > 0, "no such credential of {instance} is accepted in {}", self.accepted_file().display());
        edit.save()?;
        Ok(removed)
    }

    fn old_file(&self, instance: &str) -> PathBuf {
        self.credential_file(instance).with_extension("credential.old")
    }

    fn secret(&self, instance: &str, ambient: &Ambient) -> Result<SecretString> {
        let file = self.credential_file(instance);
        match read_secret(&file) {
            Err(KeyFileError::Missing { .. }) => {}
            other => return Ok(other?),
        }
        let secret = generate(instance, ambient)?;
        write_new_secret(&file, &format!("{}\n", secret.expose()))?;
        Ok(secret)
    }
}

/// The secret's SHA-256, as a line of the file writes it.
fn digest_of(secret: &SecretString) -> Result<String> {
    Ok(accept(secret, Role::Gateway)?.sha256.unwrap_or_default()) // a digest is the same for every role
}

#[cfg(test)]
mod tests {
    use super::*;
    use passgate_kit::credentials::Accepted;

    #[test]
    fn every_service_is_accepted_by_its_own_credential_and_doing_it_again_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let credentials = CredentialFolder::at(folder.path());

        credentials.complete(&Ambient::system()).expect("made");
        let first = std::fs::read_to_string(credentials.accepted_file()).expect("the file");
        credentials.complete(&Ambient::system()).expect("nothing to do");

        assert_eq!(std::fs::read_to_string(credentials.accepted_file()).expect("the file"), first);
        let accepted = Accepted::open(&credentials.accepted_file(), &Ambient::system()).expect("a good file");
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

        let accepted = Accepted::open(&credentials.accepted_file(), &Ambient::system()).expect("a good file");
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
        let accepted = Accepted::open(&credentials.accepted_file(), &Ambient::system()).expect("a good file");
        assert!(accepted.check(old.expose()).is_some() && accepted.check(new.expose()).is_some());

        assert_eq!(credentials.remove("gateway", Which::Old).expect("rotated"), 1);
        assert!(accepted.check(old.expose()).is_none() && accepted.check(new.expose()).is_some());
        assert!(credentials.remove("gateway", Which::Old).is_err(), "it is gone");
        assert_eq!(credentials.remove("gateway", Which::All).expect("removed"), 1);
        assert!(accepted.check(new.expose()).is_none());
        assert!(credentials.remove("gateway", Which::All).is_err());
    }

    #[test]
    fn an_interrupted_addition_is_finished_by_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let credentials = CredentialFolder::at(folder.path());
        credentials.complete(&Ambient::system()).expect("made");
        let file = credentials.add("gateway", Role::Gateway, &Ambient::system()).expect("one more");
        let new = read_secret(&file).expect("a credential");
        // As if it had stopped before the files changed places.
        std::fs::rename(&file, file.with_extension("credential.new")).expect("a file");
        std::fs::rename(credentials.old_file("gateway"), &file).expect("a file");

        credentials.add("gateway", Role::Gateway, &Ambient::system()).expect("finished");

        assert_eq!(read_secret(&file).expect("a credential").expose(), new.expose());
        let third = credentials.add("gateway", Role::Gateway, &Ambient::system());
        assert!(third.is_err_and(|error| error.to_string().contains("two accepted")));
        assert_eq!(read_secret(&file).expect("a credential").expose(), new.expose(), "a refusal changes nothing");
    }

    #[test]
    fn two_first_starts_at_once_agree() {
        let folder = tempfile::tempdir().expect("a folder");
        let credentials = CredentialFolder::at(folder.path());

        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| credentials.complete(&Ambient::system()).expect("made"));
            }
        });

        let accepted = Accepted::open(&credentials.accepted_file(), &Ambient::system()).expect("a good file");
        for (instance, _) in SERVICES {
            let secret = read_secret(&credentials.credential_file(instance)).expect("a credential");
            assert!(accepted.check(secret.expose()).is_some());
        }
    }
}
