//! Service credentials: how Passgate's services know each other.
//!
//! A secret is `pgs_{instance}_{43 characters of base62}`, 256 bits. Its holder keeps it in a 0600 file; whoever accepts it
//! keeps only its SHA-256, in a file of instances and roles. An instance may have two at a time, for rotation. A line that
//! is taken out of the file stops working at once: each use looks whether the file has changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;
use passgate_client::{Ambient, SecretString};
use passgate_proto::access::Role;
use serde::{Deserialize, Serialize};

use crate::caller::ServicePeer;

/// How many secrets an instance may have at a time.
pub const SECRETS_PER_INSTANCE: usize = 2;

/// A new secret for `instance`.
///
/// # Errors
/// If the instance's name is none.
pub fn generate(instance: &str, ambient: &Ambient) -> Result<SecretString, CredentialsError> {
    if !is_instance(instance) {
        return Err(CredentialsError::Instance { instance: instance.to_owned() });
    }
    Ok(SecretString::new(format!("pgs_{instance}_{}", ambient.secret_base62(256).expose())))
}

/// The line that accepts `secret`.
///
/// # Errors
/// If it is no service secret.
pub fn accept(secret: &SecretString, role: Role) -> Result<AcceptedLine, CredentialsError> {
    let instance = instance_of(secret.expose()).ok_or(CredentialsError::NotASecret)?;
    Ok(AcceptedLine { instance: instance.to_owned(), role: role.into(), sha256: hex(&sha256(secret.expose())) })
}

/// One credential that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedLine {
    /// Whose it is: `[a-z0-9][a-z0-9-]{0,62}`.
    pub instance: String,
    /// What it may do.
    pub role: RoleName,
    /// The SHA-256 of the secret, in hexadecimal.
    pub sha256: String,
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

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptedFile {
    #[serde(default)]
    accepted: Vec<AcceptedLine>,
}

/// The credentials that a service accepts, from its file.
#[derive(Debug)]
pub struct Accepted {
    file: PathBuf,
    current: ArcSwap<Loaded>,
    /// The state of the file that was found wrong, so that it is told once and not at every use.
    wrong: Mutex<Option<Stamp>>,
}

/// What shows that a file has changed: when it was written, and its length. `None` if there is no file.
type Stamp = Option<(SystemTime, u64)>;

#[derive(Debug)]
struct Loaded {
    stamp: Stamp,
    lines: Vec<([u8; 32], ServicePeer)>,
}

impl Accepted {
    /// Reads the file.
    ///
    /// # Errors
    /// If it is missing or wrong: a service without it could trust nobody.
    pub fn open(file: &Path) -> Result<Self, CredentialsError> {
        Ok(Self { file: file.to_owned(), current: ArcSwap::from_pointee(load(file)?), wrong: Mutex::new(None) })
    }

    /// Which service presents `secret`; `None` if it is none that is accepted by the file as it is now.
    #[must_use]
    pub fn check(&self, secret: &str) -> Option<ServicePeer> {
        self.follow_file();
        let presented = sha256(secret);
        let current = self.current.load();
        let mut found = None;
        for (digest, peer) in &current.lines {
            if verify_slices_are_equal(digest, &presented).is_ok() {
                found = Some(peer.clone());
            }
        }
        found
    }

    /// Reads the file again if it has changed. While it is wrong, what was accepted before stays in force: half an edit must
    /// not cut the services off from each other.
    fn follow_file(&self) {
        let now = stamp(&self.file);
        if now == self.current.load().stamp {
            return;
        }
        let mut wrong = self.wrong.lock();
        if *wrong == Some(now) {
            return;
        }
        match load(&self.file) {
            Ok(loaded) => {
                self.current.store(Arc::new(loaded));
                *wrong = None;
            }
            Err(error) => {
                tracing::error!(cause = ?std::error::Error::source(&error), "service credentials stay as they were: {error}");
                *wrong = Some(now);
            }
        }
    }
}

/// Adds a line to the file, making the file if it is missing.
///
/// # Errors
/// If the instance has two already, or the file cannot be written.
pub fn add(file: &Path, line: AcceptedLine) -> Result<(), CredentialsError> {
    let mut contents = if file.exists() { read(file)? } else { AcceptedFile::default() };
    if contents.accepted.iter().filter(|known| known.instance == line.instance).count() >= SECRETS_PER_INSTANCE {
        return Err(CredentialsError::TooMany { instance: line.instance });
    }
    contents.accepted.push(line);
    write(file, &contents)
}

/// Takes all lines of `instance` out of the file; gives how many they were.
///
/// # Errors
/// If the file cannot be read or written.
pub fn remove(file: &Path, instance: &str) -> Result<usize, CredentialsError> {
    let mut contents = read(file)?;
    let before = contents.accepted.len();
    contents.accepted.retain(|line| line.instance != instance);
    write(file, &contents)?;
    Ok(before - contents.accepted.len())
}

fn load(file: &Path) -> Result<Loaded, CredentialsError> {
    let stamp = stamp(file);
    let contents = read(file)?;
    let mut per_instance = BTreeMap::new();
    let mut lines = Vec::new();
    for line in contents.accepted {
        let count = per_instance.entry(line.instance.clone()).or_insert(0_usize);
        *count += 1;
        if *count > SECRETS_PER_INSTANCE {
            return Err(CredentialsError::TooMany { instance: line.instance });
        }
        if !is_instance(&line.instance) {
            return Err(CredentialsError::Instance { instance: line.instance });
        }
        let digest = unhex(&line.sha256).ok_or_else(|| CredentialsError::Digest { instance: line.instance.clone() })?;
        lines.push((digest, ServicePeer { instance: line.instance, role: line.role.into() }));
    }
    Ok(Loaded { stamp, lines })
}

fn read(file: &Path) -> Result<AcceptedFile, CredentialsError> {
    let text = fs::read_to_string(file).map_err(|source| CredentialsError::File { file: file.to_owned(), source })?;
    toml::from_str(&text).map_err(|source| CredentialsError::Contents { file: file.to_owned(), source: source.into() })
}

/// Written beside and renamed, so that a reader sees the old file or the new one.
fn write(file: &Path, contents: &AcceptedFile) -> Result<(), CredentialsError> {
    let text = toml::to_string(contents)
        .map_err(|source| CredentialsError::Contents { file: file.to_owned(), source: source.into() })?;
    let failed = |source| CredentialsError::File { file: file.to_owned(), source };
    let beside = file.with_extension("new");
    fs::write(&beside, text).map_err(failed)?;
    fs::rename(&beside, file).map_err(failed)
}

fn stamp(file: &Path) -> Stamp {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn is_instance(text: &str) -> bool {
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    starts
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn instance_of(secret: &str) -> Option<&str> {
    let (instance, random) = secret.strip_prefix("pgs_")?.split_once('_')?;
    let is_random = random.len() == 43 && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_instance(instance) && is_random).then_some(instance)
}

fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// What can be wrong with service credentials. Each case says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Not a name for an instance.
    #[error("the instance {instance:?} must be 1 to 63 lower-case letters, digits and `-`, and not begin with `-`")]
    Instance {
        /// As it was given.
        instance: String,
    },
    /// Not a service secret.
    #[error("this is no service secret: make one with `passgate credentials add`")]
    NotASecret,
    /// More than two secrets.
    #[error("the instance {instance} has two accepted secrets already: remove the old one first")]
    TooMany {
        /// Whose.
        instance: String,
    },
    /// Not a SHA-256.
    #[error("the sha256 of the instance {instance} must be 64 hexadecimal digits")]
    Digest {
        /// Whose.
        instance: String,
    },
    /// The file cannot be read or written.
    #[error("cannot use the file of accepted service credentials {}: make it with `passgate credentials init`", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{} is no file of accepted service credentials: mend the line that the cause names", .file.display())]
    Contents {
        /// Which.
        file: PathBuf,
        /// What the parser said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(instance: &str) -> SecretString {
        generate(instance, &Ambient::system()).unwrap()
    }

    #[test]
    fn an_accepted_secret_names_its_instance_and_role_and_no_other_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accepted.toml");
        let gateway = secret("gateway-1");
        add(&file, accept(&gateway, Role::Gateway).unwrap()).unwrap();

        let accepted = Accepted::open(&file).unwrap();

        let peer = accepted.check(gateway.expose()).expect("accepted");
        assert_eq!(peer, ServicePeer { instance: "gateway-1".to_owned(), role: Role::Gateway });
        assert_eq!(accepted.check(secret("gateway-1").expose()), None);
        assert_eq!(accepted.check(""), None);
        assert!(!fs::read_to_string(&file).unwrap().contains(gateway.expose()), "only the digest is kept");
    }

    #[test]
    fn a_removed_line_stops_working_at_the_next_use() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accepted.toml");
        let (old, new) = (secret("token"), secret("token"));
        add(&file, accept(&old, Role::Token).unwrap()).unwrap();
        let accepted = Accepted::open(&file).unwrap();
        add(&file, accept(&new, Role::Token).unwrap()).unwrap();
        assert!(accepted.check(old.expose()).is_some() && accepted.check(new.expose()).is_some(), "two for rotation");
        assert!(matches!(
            add(&file, accept(&secret("token"), Role::Token).unwrap()),
            Err(CredentialsError::TooMany { .. })
        ));

        assert_eq!(remove(&file, "token").unwrap(), 2);

        assert_eq!(accepted.check(old.expose()), None);
        assert_eq!(accepted.check(new.expose()), None);
    }

    #[test]
    fn a_wrong_file_is_told_and_leaves_what_was_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accepted.toml");
        let good = secret("identity");
        add(&file, accept(&good, Role::Identity).unwrap()).unwrap();
        let accepted = Accepted::open(&file).unwrap();

        fs::write(&file, "[[accepted]]\ninstance = \"x\"\nrole = \"king\"\nsha256 = \"00\"").unwrap();

        assert!(accepted.check(good.expose()).is_some());
        assert!(matches!(Accepted::open(&file), Err(CredentialsError::Contents { .. })));

        fs::write(&file, "").unwrap();
        assert_eq!(accepted.check(good.expose()), None, "mended, and empty");
        assert!(Accepted::open(&folder.path().join("none")).is_err());
    }

    #[test]
    fn an_instance_is_a_plain_name() {
        for wrong in ["", "-a", "A", "a_b", "a b", &"a".repeat(64)] {
            assert!(generate(wrong, &Ambient::system()).is_err(), "{wrong:?}");
        }
    }
}
