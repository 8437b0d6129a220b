//! What can go wrong with a database, told without the driver's words.

use std::path::PathBuf;
use std::time::Duration;

use passgate_client::Reason;
use sea_orm::{DbErr, SqlErr};
use tonic::{Code, Status};

use super::config::PlaceError;
use crate::problem::{Problem, to_status};

/// When a database that was away is worth another try.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A statement or transaction that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did not answer, or not in time.
    #[error("the database did not answer; try again")]
    Unavailable(#[source] DbErr),
    /// Another transaction won.
    #[error("another change came first; try again")]
    Conflict(#[source] DbErr),
    /// A row with this key is there already. Operations that expect it say so in words of their own.
    #[error("this exists already")]
    Exists(#[source] DbErr),
    /// The disk that the database is on has no space left, or may not be written.
    #[error("the database cannot be written: its disk is full or read-only; nothing was changed")]
    NotWritable(#[source] DbErr),
    /// A stored value that this program cannot read.
    #[error("the database holds something that this version cannot read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Anything else.
    #[error("the database refused the operation; the log says why")]
    Failed(#[source] DbErr),
    /// COMMIT got no answer: nobody knows.
    #[error(
        "the database did not confirm the change: it may have been made or not; look, or repeat it with the same request_id"
    )]
    OutcomeUnknown(#[source] DbErr),
    /// The task that made the call ended without an answer.
    #[error("the operation broke off inside Passgate; the log says why")]
    BrokenOff(#[source] tokio::task::JoinError),
    /// The process is shutting down.
    #[error("the service is shutting down; try again")]
    ShuttingDown,
}

impl StoreError {
    /// True if a unique row was there already.
    #[must_use]
    pub const fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Exists(_))
    }

    /// What a failed COMMIT means. Only the database's own word says that nothing was changed (rule 8 of the feed's protocol).
    pub(crate) fn of_commit(error: DbErr) -> Self {
        let full = code(&error).as_deref() == Some("13");
        match Self::from(error) {
            refused @ (Self::Conflict(_) | Self::Exists(_)) => refused,
            Self::NotWritable(error) if full => Self::NotWritable(error),
            Self::Unavailable(error) | Self::NotWritable(error) | Self::Failed(error) => Self::OutcomeUnknown(error),
            other => other,
        }
    }

    /// A stored value that cannot be read back.
    pub fn unreadable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unreadable(cause.into())
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(_)) = error.sql_err() {
            return Self::Exists(error);
        }
        match (code(&error).as_deref(), &error) {
            // PostgreSQL: serialization failure, deadlock, lock timeout. SQLite: BUSY, LOCKED, BUSY_SNAPSHOT.
            (Some("40001" | "40P01" | "55P03" | "5" | "6" | "517"), _) => Self::Conflict(error),
            // SQLite: FULL, READONLY and its kin, IOERR, CANTOPEN. PostgreSQL: disk full, read-only transaction.
            (Some("13" | "8" | "10" | "14" | "778" | "1032" | "1544" | "53100" | "25006"), _) => {
                Self::NotWritable(error)
            }
            // PostgreSQL: shutting down, starting up, too many connections, out of memory, transaction left idle.
            (Some("57P01" | "57P02" | "57P03" | "53300" | "53200" | "25P03"), _) => Self::Unavailable(error),
            (_, DbErr::Conn(_) | DbErr::ConnectionAcquire(_)) => Self::Unavailable(error),
            _ if matches!(
                sqlx_error(&error),
                Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_))
            ) =>
            {
                Self::Unavailable(error)
            }
            _ => Self::Failed(error),
        }
    }
}

/// The database's own code for the error, if the error is its own.
fn code(error: &DbErr) -> Option<String> {
    let cause = sqlx_error(error).and_then(sqlx::Error::as_database_error)?;
    cause.code().map(std::borrow::Cow::into_owned)
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(sea_orm::RuntimeErr::SqlxError(cause))
        | DbErr::Exec(sea_orm::RuntimeErr::SqlxError(cause))
        | DbErr::Query(sea_orm::RuntimeErr::SqlxError(cause)) => Some(cause),
        _ => None,
    }
}

impl Problem for StoreError {
    fn told_as(&self) -> (Code, Reason) {
        match self {
            Self::Unavailable(_) | Self::NotWritable(_) | Self::OutcomeUnknown(_) | Self::ShuttingDown => {
                (Code::Unavailable, Reason::NotNow)
            }
            Self::Conflict(_) => (Code::Aborted, Reason::Conflict),
            Self::Exists(_) => (Code::AlreadyExists, Reason::NameTaken),
            Self::Unreadable(_) | Self::Failed(_) | Self::BrokenOff(_) => (Code::Internal, Reason::Internal),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        (self.told_as().0 == Code::Unavailable).then_some(RETRY_AFTER)
    }

    fn is_orderly(&self) -> bool {
        matches!(self, Self::ShuttingDown)
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        to_status(&error)
    }
}

/// Why a database could not be opened. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration is wrong.
    #[error("the database's `url` is wrong: {0}")]
    Place(#[from] PlaceError),
    /// The folder cannot be made or used.
    #[error("cannot keep a database in {}: make the folder writable for this user, or name another", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others could put a database of theirs there.
    #[error("others can write into {0}, where the database is: chmod 700 {0}", .folder.display())]
    FolderOpen {
        /// The folder.
        folder: PathBuf,
    },
    /// Others can read the database.
    #[error("the database {0} can be read by others: chmod 600 {0}", .file.display())]
    FileOpen {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be made.
    #[error("cannot make or open the database {}: make it and its folder writable for this user, on a disk with space left", .file.display())]
    NoFile {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be opened or written.
    #[error("cannot open the database {}: it must be writable for this user, on a disk with space left, and a SQLite database", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the driver said.
        source: StoreError,
    },
    /// The server did not answer, or refused.
    #[error(
        "cannot reach the PostgreSQL database: check that the server runs and that `url` names host, user, password and database rightly"
    )]
    Server(#[source] StoreError),
    /// The database was written by a newer version.
    #[error(
        "the database was written by a newer version of Passgate (it has {unknown}, which this version does not know): run that version, or restore a backup made by this one"
    )]
    Newer {
        /// A migration that this version does not have.
        unknown: String,
    },
    /// The database was written by an older version.
    #[error(
        "the database was written by an older version of Passgate: run `passgate migrate` first (it lacks {missing})"
    )]
    Older {
        /// A migration that the database does not have.
        missing: String,
    },
    /// The migration failed; nothing was changed.
    #[error(
        "the database's schema could not be made, and nothing was changed: check that this user may create tables (and the schema), and that the disk has space left"
    )]
    Migration(#[source] StoreError),
    /// The database could not be asked about its schema.
    #[error("the database's schema could not be read: check that this user may read all of its tables")]
    Schema(#[source] StoreError),
}

#[cfg(test)]
mod tests {
    use sea_orm::RuntimeErr;

    use super::*;

    fn lost() -> DbErr {
        DbErr::Exec(RuntimeErr::SqlxError(std::sync::Arc::new(sqlx::Error::Io(
            std::io::ErrorKind::ConnectionReset.into(),
        ))))
    }

    #[test]
    fn a_connection_that_is_lost_in_commit_leaves_the_outcome_unknown() {
        let before = StoreError::from(lost());
        let during = StoreError::of_commit(lost());

        assert!(matches!(before, StoreError::Unavailable(_)));
        assert!(matches!(during, StoreError::OutcomeUnknown(_)));
        for error in [before, during] {
            assert_eq!(error.told_as(), (Code::Unavailable, Reason::NotNow));
            assert_eq!(error.retry_after(), Some(RETRY_AFTER));
            assert!(!error.to_string().contains("reset"), "no words of the driver: {error}");
        }
    }
}
