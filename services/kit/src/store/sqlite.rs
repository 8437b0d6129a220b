//! Opens a SQLite file: one connection that writes, where writers queue in order, and a few that can only read.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::error::{OpenError, StoreError};
use super::{ACQUIRE_TIMEOUT, Pools};

/// Readers work side by side in WAL mode; more than this do not make two cores faster.
const READERS: u32 = 4;
/// How long to wait for another *process* that writes, such as `passgate migrate`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn open(file: &Path) -> Result<Pools, OpenError> {
    prepare_folder(file)?;
    prepare_file(file)?;
    let writer = connect(file, 1, false).await?;
    let readers = connect(file, READERS, true).await?;
    Ok(Pools { writer, readers })
}

fn prepare_folder(file: &Path) -> Result<(), OpenError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let cannot = |source| OpenError::Folder { folder: folder.to_owned(), source };
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(cannot)?;
    }
    let facts = std::fs::metadata(folder).map_err(cannot)?;
    if !facts.is_dir() {
        return Err(cannot(std::io::ErrorKind::NotADirectory.into()));
    }
    if facts.mode() & 0o022 != 0 {
        return Err(OpenError::FolderOpen { folder: folder.to_owned() });
    }
    Ok(())
}

/// Makes the file before SQLite would, which asks for 0644. SQLite gives its two companions the mode of the file.
fn prepare_file(file: &Path) -> Result<(), OpenError> {
    let cannot = |source| OpenError::NoFile { file: file.to_owned(), source };
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file);
    let facts = open.and_then(|open| open.metadata()).map_err(cannot)?;
    if facts.mode() & 0o077 != 0 {
        return Err(OpenError::FileOpen { file: file.to_owned() });
    }
    Ok(())
}

async fn connect(file: &Path, connections: u32, read_only: bool) -> Result<DatabaseConnection, OpenError> {
    let path = file.to_owned();
    let mut options = ConnectOptions::new("sqlite::memory:"); // replaced below: a path in a URL would need escaping
    options
        .min_connections(1)
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_sqlite_opts(move |_| {
            let options = SqliteConnectOptions::new()
                .filename(&path)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
                .synchronous(SqliteSynchronous::Full)
                .read_only(read_only);
            let options = if read_only { options } else { options.journal_mode(SqliteJournalMode::Wal) };
            sqlx::ConnectOptions::disable_statement_logging(options)
        });
    Database::connect(options)
        .await
        .map_err(|error| OpenError::File { file: file.to_owned(), source: StoreError::from(error) })
}
