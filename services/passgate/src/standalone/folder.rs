//! The data folder of `standalone`: what is in it, made at the first start and never again.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

/// Only the owner may enter.
const FOLDER_MODE: u32 = 0o700;

/// A data folder that is this process's own until this is dropped.
pub struct DataFolder {
    root: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Opens the folder, making it if it is not there, and keeps every other process out of it.
    ///
    /// # Errors
    /// Says what is wrong with the folder and what mends it.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Unusable { folder: root.to_owned(), source };
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(root).map_err(failed)?;
        let root = root.canonicalize().map_err(failed)?;
        let mode = fs::metadata(&root).map_err(failed)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(FolderError::OpenToOthers { folder: root, mode });
        }
        let lock = root.join("lock");
        let lock = File::options().create(true).append(true).open(&lock).map_err(failed)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { root, _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(FolderError::InUse { folder: root }),
            Err(errno) => Err(failed(errno.into())),
        }
    }

    /// Where the folder is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// What can be wrong with a data folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made or written to.
    #[error("cannot use the data folder {}: it must be on a disk with room, and this user must be able to write to it", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others could read what is in it.
    #[error("others than its owner may enter the data folder {0} (mode {mode:04o}): run `chmod 0700 {0}`", folder.display())]
    OpenToOthers {
        /// The folder.
        folder: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Another process has it.
    #[error("another passgate is running on the data folder {}: stop it first, or choose another folder with --data", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_new_folder_is_its_owners_alone() {
        let parent = tempfile::tempdir().expect("a folder");

        let folder = DataFolder::open(&parent.path().join("a/b")).expect("a new folder");

        let mode = fs::metadata(folder.root()).expect("its metadata").mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");

        let error = DataFolder::open(folder.path()).err().expect("a refusal").to_string();

        assert!(error.contains("chmod 0700"), "{error}");
    }

    #[test]
    fn a_second_process_is_kept_out_until_the_first_is_done() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("data");
        let first = DataFolder::open(&folder).expect("the first");

        assert!(matches!(DataFolder::open(&folder), Err(FolderError::InUse { .. })));

        drop(first);
        DataFolder::open(&folder).expect("after it");
    }
}
