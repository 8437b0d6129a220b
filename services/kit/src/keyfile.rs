//! Files that hold a key or another secret: for this user's eyes only, or the service does not start.
//!
//! They are made with `O_EXCL` and mode 0600 whatever the umask says, and synced together with their folder before anything
//! that depends on them is written. They are read only if they are plain files that nobody else can read; otherwise the
//! error names the command that mends it.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgate_client::{Ambient, SecretString, looks_like_token};
use zeroize::Zeroizing;

/// More than any secret that we read.
const MAX_BYTES: u64 = 64 * 1024;

/// A key of 256 bits, in memory.
pub type Key = Zeroizing<[u8; 32]>;

/// Reads a key: 32 bytes in base64url without padding, on one line.
///
/// # Errors
/// If the file is missing, others can read it, or it holds something else.
pub fn read_key(path: &Path) -> Result<Key, KeyFileError> {
    let text = read_secret(path)?;
    let wrong = || KeyFileError::NotAKey { path: path.to_owned() };
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.expose()).map_err(|_| wrong())?);
    let key: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| wrong())?;
    Ok(Zeroizing::new(*key))
}

/// Reads a key, and makes a random one first if the file is missing.
///
/// # Errors
/// As [`read_key`], and if the file cannot be made.
pub fn read_or_create_key(path: &Path, ambient: &Ambient) -> Result<Key, KeyFileError> {
    match read_key(path) {
        Err(KeyFileError::Missing { .. }) => {}
        other => return other,
    }
    let mut key = Zeroizing::new([0; 32]);
    ambient.fill(&mut *key);
    let text = Zeroizing::new(format!("{}\n", URL_SAFE_NO_PAD.encode(*key)));
    match write_new_secret(path, &text) {
        Ok(()) => Ok(key),
        // Somebody else made it at the same time: theirs is the one.
        Err(KeyFileError::Exists { .. }) => read_key(path),
        Err(other) => Err(other),
    }
}

/// Reads a secret: the text of the file without the line break at its end.
///
/// # Errors
/// If the file is missing, empty, not text, or others can read it.
pub fn read_secret(path: &Path) -> Result<SecretString, KeyFileError> {
    let mut text = Zeroizing::new(String::new());
    open_private(path)?.take(MAX_BYTES).read_to_string(&mut text).map_err(|source| unreadable(path, source))?;
    let trimmed = text.trim_end_matches(['\r', '\n']);
    if trimmed.is_empty() {
        return Err(KeyFileError::Empty { path: path.to_owned() });
    }
    Ok(SecretString::new(trimmed.to_owned()))
}

/// Writes a secret into a file that must not exist yet, and syncs file and folder.
///
/// # Errors
/// If there is something already, or the disk refuses.
pub fn write_new_secret(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let not_written = |source| KeyFileError::NotWritten { path: path.to_owned(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|source| {
        if source.kind() == io::ErrorKind::AlreadyExists {
            KeyFileError::Exists { path: path.to_owned() }
        } else {
            not_written(source)
        }
    })?;
    let written = file.set_permissions(Permissions::from_mode(0o600)).and_then(|()| file.write_all(text.as_bytes()));
    let synced = written.and_then(|()| file.sync_all()).and_then(|()| sync_folder(path));
    if let Err(source) = synced {
        let _ = std::fs::remove_file(path); // half a secret is worse than none; the first error is the one to tell
        return Err(not_written(source));
    }
    Ok(())
}

/// Makes what was done to the folder of `path` (a file made, renamed, removed) outlive a crash.
///
/// # Errors
/// If the disk refuses.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Opens a plain file that nobody but this user can read. It is checked after it was opened: nobody can swap it in between.
fn open_private(path: &Path) -> Result<File, KeyFileError> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).map_err(|_| unreadable(path, io::ErrorKind::Unsupported.into()))?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            KeyFileError::Missing { path: path.to_owned() }
        } else if path.is_symlink() {
            KeyFileError::NotAFile { path: path.to_owned() }
        } else {
            unreadable(path, source)
        }
    })?;
    let facts = file.metadata().map_err(|source| unreadable(path, source))?;
    if !facts.is_file() {
        return Err(KeyFileError::NotAFile { path: path.to_owned() });
    }
    if facts.uid() != rustix::process::geteuid().as_raw() {
        return Err(KeyFileError::NotOurs { path: path.to_owned() });
    }
    if facts.mode() & 0o077 != 0 {
        return Err(KeyFileError::OpenToOthers { path: path.to_owned(), mode: facts.mode() & 0o777 });
    }
    Ok(file)
}

fn unreadable(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Unreadable { path: path.to_owned(), source }
}

/// A path for people, unless a secret was given in its place.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let bare = !text.contains(['/', '.']);
    let is_key =
        bare && text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+=".contains(&byte));
    if is_key || looks_like_token(&text) {
        "what the setting names (a secret, it seems, where the path of a file belongs)".to_owned()
    } else {
        text.into_owned()
    }
}

/// Why a secret's file is not used. Each case says what to do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "`path` is the file in each case, `source` what the system said")]
pub enum KeyFileError {
    /// There is no such file.
    #[error("{} is missing", shown(.path))]
    Missing { path: PathBuf },
    /// There is one already, and it is never overwritten.
    #[error("{} exists already and is not overwritten: remove it first if it is not needed any more", shown(.path))]
    Exists { path: PathBuf },
    /// A symbolic link, a folder, a device.
    #[error("{} is not a plain file: put the secret itself there, not a link to it", shown(.path))]
    NotAFile { path: PathBuf },
    /// Somebody else owns it.
    #[error("{0} belongs to another user: chown \"$(id -u)\" {0}", shown(.path))]
    NotOurs { path: PathBuf },
    /// Others may read it.
    #[error("{0} can be read by others (mode {mode:04o}): chmod 600 {0}", shown(.path))]
    OpenToOthers { path: PathBuf, mode: u32 },
    /// Nothing is in it.
    #[error("{} is empty: write the secret into it", shown(.path))]
    Empty { path: PathBuf },
    /// Not 32 bytes.
    #[error("{} does not hold a key of 32 bytes in base64url: put the right file back, or make a new one with `head -c 32 /dev/urandom | basenc --base64url | tr -d =`", shown(.path))]
    NotAKey { path: PathBuf },
    /// The system refused to read it.
    #[error("cannot read {}: {source}", shown(.path))]
    Unreadable { path: PathBuf, source: io::Error },
    /// The system refused to write it.
    #[error("cannot write {}: {source}", shown(.path))]
    NotWritten { path: PathBuf, source: io::Error },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_this_user_alone_and_then_read_back() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("master.key");

        let made = read_or_create_key(&path, &Ambient::system()).expect("made");
        let read = read_or_create_key(&path, &Ambient::system()).expect("read");

        assert_eq!(made, read);
        assert_eq!(std::fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("master.key");
        write_new_secret(&path, "secret").expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("opened");

        let error = read_secret(&path).expect_err("refused");

        assert_eq!(error.to_string(), format!("{0} can be read by others (mode 0640): chmod 600 {0}", path.display()));
    }

    #[test]
    fn a_link_a_folder_an_empty_file_and_a_short_key_are_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        write_new_secret(&at("short"), "AAAA").expect("written");
        write_new_secret(&at("empty"), "\n").expect("written");
        std::os::unix::fs::symlink(at("short"), at("link")).expect("linked");

        assert!(matches!(read_key(&at("link")), Err(KeyFileError::NotAFile { .. })));
        assert!(matches!(read_key(folder.path()), Err(KeyFileError::NotAFile { .. })));
        assert!(matches!(read_key(&at("empty")), Err(KeyFileError::Empty { .. })));
        assert!(matches!(read_key(&at("short")), Err(KeyFileError::NotAKey { .. })));
        assert!(matches!(read_key(&at("none")), Err(KeyFileError::Missing { .. })));
    }

    #[test]
    fn a_secret_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("password");
        write_new_secret(&path, "first\n").expect("written");

        assert!(matches!(write_new_secret(&path, "second\n"), Err(KeyFileError::Exists { .. })));

        assert_eq!(read_secret(&path).expect("read").expose(), "first");
    }
}
