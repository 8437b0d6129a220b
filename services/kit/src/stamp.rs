//! What shows that a file has changed, without reading it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The facts of a file that change with it; of a file that cannot be looked at, why. Two writes in place within one tick of
/// the file system's clock may leave them the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// It is there.
    There {
        /// Device and number: another file of the same name has others.
        inode: (u64, u64),
        /// When its contents changed, in seconds and nanoseconds since 1970.
        modified: (i64, i64),
        /// When its facts changed, likewise.
        changed: (i64, i64),
        /// Its length in bytes.
        length: u64,
    },
    /// It cannot be looked at.
    Not(io::ErrorKind),
}

impl Stamp {
    /// The facts of `file` now.
    pub(crate) fn of(file: &Path) -> Self {
        match fs::metadata(file) {
            Ok(facts) => Self::There {
                inode: (facts.dev(), facts.ino()),
                modified: (facts.mtime(), facts.mtime_nsec()),
                changed: (facts.ctime(), facts.ctime_nsec()),
                length: facts.len(),
            },
            Err(error) => Self::Not(error.kind()),
        }
    }
}
