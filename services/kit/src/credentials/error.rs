//! What can be wrong with service credentials.

use std::path::PathBuf;

use crate::keyfile::shown;

/// What can be wrong with service credentials. Each case says what to do, and none repeats what was found: a secret may
/// stand where a name or a digest belongs.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Not a name for an instance.
    #[error("an instance must be 1 to 63 lower-case letters, digits and `-`, and not begin with `-`")]
    Instance,
    /// Not a service secret.
    #[error("this is no service secret: make one with `passgate credentials add`")]
    NotASecret,
    /// More than two secrets.
    #[error("the instance {instance} has two accepted secrets already: remove the old one first")]
    TooMany {
        /// Whose.
        instance: String,
    },
    /// There is no file.
    #[error("the file of accepted service credentials {} is missing: make it with `passgate credentials init`", shown(.file))]
    Missing {
        /// Which.
        file: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the file of accepted service credentials {}: this user must be able to", shown(.file))]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be written. What was there before is still there.
    #[error("cannot write the file of accepted service credentials {}: its disk must have room, and this user must be able to write to its folder", shown(.file))]
    Unwritable {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{} is no file of accepted service credentials: mend what begins in line {line}", shown(.file))]
    Contents {
        /// Which.
        file: PathBuf,
        /// Where, from 1 on.
        line: usize,
    },
    /// One of the file's entries is wrong.
    #[error("{}: entry {entry} of `accepted` is wrong: {rule}", shown(.file))]
    Entry {
        /// Which file.
        file: PathBuf,
        /// Which entry, from 1 on.
        entry: usize,
        /// What it must be.
        rule: &'static str,
    },
}
