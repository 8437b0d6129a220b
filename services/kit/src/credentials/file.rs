//! The file of accepted credentials: its form, and how it is changed.
//!
//! A change is made under a lock on the file's folder, written beside the file, synced and renamed over it: two changes at
//! once both hold, and a reader, or whoever comes after a crash, sees the old file or the new one and never a part.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use passgate_client::SecretString;
use passgate_proto::access::Role;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::CredentialsError;
use super::secret::{fingerprint, instance_of, is_instance};
use crate::caller::ServicePeer;
use crate::keyfile::{folder_of, sync_folder};
use crate::tls::ServiceName;

/// How many secrets an instance may have at a time.
pub const SECRETS_PER_INSTANCE: usize = 2;
/// What a new file's mode is: it holds no secret, and services may run as other users than who adds a line.
const NEW_FILE_MODE: u32 = 0o644;

/// One credential that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedLine {
    /// Whose it is: `[a-z0-9][a-z0-9-]{0,62}`.
    pub instance: String,
    /// What it may do.
    pub role: RoleName,
    /// The SHA-256 of the secret, in hexadecimal. Left out: the instance has none, and is known by its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A role as files write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleName {
    /// The endpoint gateway.
    Gateway,
    /// The identity service.
    Identity,
    /// The token service.
    Token,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Gateway => Self::Gateway,
            Role::Identity => Self::Identity,
            Role::Token => Self::Token,
        }
    }
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Gateway => Self::Gateway,
            RoleName::Identity => Self::Identity,
            RoleName::Token => Self::Token,
        }
    }
}

/// The line that accepts `secret`.
///
/// # Errors
/// If it is no service secret.
pub fn accept(secret: &SecretString, role: Role) -> Result<AcceptedLine, CredentialsError> {
    let instance = instance_of(secret.expose()).ok_or(CredentialsError::NotASecret)?;
    let sha256 = Some(hex::encode(fingerprint(secret.expose())));
    Ok(AcceptedLine { instance: instance.to_owned(), role: role.into(), sha256 })
}

/// Adds a line to the file, making the file if it is missing.
///
/// # Errors
/// As [`Edit::add`] and [`Edit::save`].
pub fn add(file: &Path, line: AcceptedLine) -> Result<(), CredentialsError> {
    let mut edit = Edit::begin(file)?;
    edit.add(line)?;
    edit.save()
}

/// Takes all lines of `instance` out of the file; gives how many they were.
///
/// # Errors
/// If the file cannot be read or written.
pub fn remove(file: &Path, instance: &str) -> Result<usize, CredentialsError> {
    let mut edit = Edit::begin(file)?;
    let removed = edit.remove(|line| line.instance == instance);
    edit.save()?;
    Ok(removed)
}

/// A change to the file. Until this is dropped no other process changes the file, or what else such changes keep in its
/// folder.
#[derive(Debug)]
pub struct Edit {
    file: PathBuf,
    contents: AcceptedFile,
    _lock: File,
}

impl Edit {
    /// Waits for changes by others to end, and reads the file. A missing one is empty.
    ///
    /// # Errors
    /// If it cannot be read, or is wrong.
    pub fn begin(file: &Path) -> Result<Self, CredentialsError> {
        let unusable = |source| CredentialsError::Unwritable { file: file.to_owned(), source };
        let lock = File::open(folder_of(file)).map_err(unusable)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|errno| unusable(errno.into()))?;
        let contents = match read(file) {
            Err(CredentialsError::Missing { .. }) => AcceptedFile::default(),
            other => other?,
        };
        peers(file, &contents)?; // what is wrong already is not written again
        Ok(Self { file: file.to_owned(), contents, _lock: lock })
    }

    /// The lines, as they will be written.
    #[must_use]
    pub fn lines(&self) -> &[AcceptedLine] {
        &self.contents.accepted
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If its instance has two already.
    pub fn add(&mut self, line: AcceptedLine) -> Result<(), CredentialsError> {
        let known = self.lines().iter().filter(|known| known.instance == line.instance).count();
        if known >= SECRETS_PER_INSTANCE {
            return Err(CredentialsError::TooMany { instance: line.instance });
        }
        self.contents.accepted.push(line);
        Ok(())
    }

    /// Takes out each line that `gone` names; gives how many they were.
    pub fn remove(&mut self, gone: impl Fn(&AcceptedLine) -> bool) -> usize {
        let before = self.lines().len();
        self.contents.accepted.retain(|line| !gone(line));
        before - self.lines().len()
    }

    /// Writes the lines down. When this returns they outlive a crash.
    ///
    /// # Errors
    /// If the disk refuses; the file is then as it was.
    pub fn save(&self) -> Result<(), CredentialsError> {
        let failed = |source| CredentialsError::Unwritable { file: self.file.clone(), source };
        let text = toml::to_string(&self.contents).map_err(|error| failed(io::Error::other(error)))?;
        replace(&self.file, &text).map_err(failed)
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptedFile {
    #[serde(default)]
    accepted: Vec<AcceptedLine>,
}

/// Who is accepted by the file as it is.
pub(super) fn load(file: &Path) -> Result<Vec<ServicePeer>, CredentialsError> {
    peers(file, &read(file)?)
}

fn read(file: &Path) -> Result<AcceptedFile, CredentialsError> {
    let text = fs::read_to_string(file).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => CredentialsError::Missing { file: file.to_owned() },
        _ => CredentialsError::Unreadable { file: file.to_owned(), source },
    })?;
    // The parser's own message would repeat the line.
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        CredentialsError::Contents { file: file.to_owned(), line: before.matches('\n').count() + 1 }
    })
}

fn peers(file: &Path, contents: &AcceptedFile) -> Result<Vec<ServicePeer>, CredentialsError> {
    let mut per_instance = BTreeMap::new();
    let mut peers = Vec::new();
    for (index, line) in contents.accepted.iter().enumerate() {
        let wrong = |rule| CredentialsError::Entry { file: file.to_owned(), entry: index + 1, rule };
        if !is_instance(&line.instance) {
            return Err(wrong("`instance` must be 1 to 63 lower-case letters, digits and `-`, and not begin with `-`"));
        }
        let role = line.role.into();
        let mut sha256 = without_secret(&ServiceName { role, instance: line.instance.clone() });
        if let Some(digits) = &line.sha256 {
            hex::decode_to_slice(digits, &mut sha256)
                .map_err(|_| wrong("`sha256` must be 64 hexadecimal digits, the SHA-256 of a secret"))?;
        }
        let count = per_instance.entry(line.instance.as_str()).or_insert(0_usize);
        *count += 1;
        if *count > SECRETS_PER_INSTANCE {
            return Err(wrong("it is the third of its `instance`, which may have two"));
        }
        peers.push(ServicePeer { instance: line.instance.clone(), role, sha256 });
    }
    Ok(peers)
}

/// What stands for the SHA-256 of an instance that has no secret: of the name in its certificate, which is no secret's form.
pub(super) fn without_secret(name: &ServiceName) -> [u8; 32] {
    fingerprint(&name.to_string())
}

/// Puts `text` in the place of the file, whole. Mode and owner stay: who reads the file may be another user than who
/// changes it.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let beside = beside(file);
    let written = write_beside(file, &beside, text).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        let _ = fs::remove_file(&beside); // the first error is the one to tell
    }
    written?;
    sync_folder(file)
}

fn write_beside(file: &Path, beside: &Path, text: &str) -> io::Result<()> {
    let before = fs::metadata(file).ok();
    let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(beside)?;
    if let Some(before) = &before
        && (before.uid(), before.gid()) != (new.metadata()?.uid(), new.metadata()?.gid())
    {
        fchown(&new, Some(before.uid()), Some(before.gid()))?;
    }
    let mode = before.map_or(NEW_FILE_MODE, |before| before.mode() & 0o7777);
    new.set_permissions(Permissions::from_mode(mode))?;
    new.write_all(text.as_bytes())?;
    new.sync_all()
}

/// `accepted.toml.new` for `accepted.toml`. Only who holds the lock writes there; what a crash left is written over.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    name.into()
}
