//! An installation to begin with: made once, by the real services in a world without faults, and copied for every run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use parking_lot::Mutex;
use passgate_client::{Ambient, ManualClock, MarkKey, SeededRandom};
use passgate_kit::credentials::{accept, add, generate};
use passgate_kit::keyfile::{read_key, read_or_create_key, write_new_secret};
use passgate_kit::server::Lifecycle;
use passgate_proto::access::Role;
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::admin::Admin;
use crate::cast::{Files, HOSTS, IDENTITY, OPERATOR, TOKENS, start_identity, start_token};
use crate::host::ticks;
use crate::sim::Sim;

/// How many tokens are followed.
pub const SUBJECTS: usize = 4;
/// How long an installation may take to be made.
const PATIENCE: Duration = Duration::from_secs(120);

/// A token that is followed: its owner holds the grant that it needs, and nobody else has anything to do with it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its id.
    pub token_id: String,
    /// What is presented.
    pub secret: String,
    /// Its owner's id.
    pub user_id: String,
    /// What it is presented for, and what its owner is granted.
    pub resource: String,
}

/// An installation.
pub struct Installation {
    folder: TempDir,
    databases: Vec<(String, Vec<u8>)>,
    /// The administrator's session.
    pub admin_token: String,
    /// The tokens that are followed.
    pub subjects: Vec<Subject>,
}

/// A run's own databases; they go with it.
pub struct Copy {
    own: TempDir,
}

impl Installation {
    /// Makes one. It is the same each time.
    ///
    /// # Errors
    /// If a service does not do what it should, or the disk is full.
    pub fn make() -> anyhow::Result<Self> {
        let folder = folder()?;
        write_secrets(folder.path())?;
        let files = Files { shared: folder.path(), own: folder.path() };
        let mut sim = Sim::new(0, &HOSTS);
        let lifecycles = [Lifecycle::default(), Lifecycle::default()];
        let [for_identity, for_token] = &lifecycles;
        let reports =
            [start_identity(&mut sim, files, for_identity)?, start_token(&mut sim, TOKENS[0], files, for_token)?];
        let is_ready = |_: &mut Sim| reports.iter().all(super::cast::Report::is_ready);
        if !sim.run_until(ticks(PATIENCE), is_ready) {
            let failures: Vec<String> = reports.iter().filter_map(super::cast::Report::failure).collect();
            bail!("the installation does not become ready: {failures:?}");
        }
        let password = fs::read_to_string(folder.path().join("first-password")).context("the first password")?;
        let (admin_token, subjects) = furnish(&mut sim, password.trim())?;
        end(&mut sim, &lifecycles)?;
        let databases = read_databases(folder.path())?;
        Ok(Self { folder, databases, admin_token, subjects })
    }

    /// Databases for one run.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn copy(&self) -> anyhow::Result<Copy> {
        let own = folder()?;
        for (name, content) in &self.databases {
            let file = own.path().join(name);
            fs::write(&file, content).with_context(|| file.display().to_string())?;
            private(&file)?;
        }
        Ok(Copy { own })
    }

    /// Where a run's files are.
    #[must_use]
    pub fn files<'a>(&'a self, copy: &'a Copy) -> Files<'a> {
        Files { shared: self.folder.path(), own: copy.own.path() }
    }

    /// What change marks are read with.
    ///
    /// # Errors
    /// If the key's file cannot be read.
    pub fn mark_key(&self) -> anyhow::Result<MarkKey> {
        Ok(MarkKey::new(*read_key(&self.folder.path().join("mark.key"))?))
    }
}

/// A folder in memory, if there is one: SQLite waits for the disk at each commit.
fn folder() -> anyhow::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.context("a folder for the databases")
}

fn write_secrets(folder: &Path) -> anyhow::Result<()> {
    let clock = Arc::new(ManualClock::new(OffsetDateTime::UNIX_EPOCH));
    let ambient = Ambient::new(clock, Arc::new(SeededRandom::new(0)));
    let services = [
        ("identity", Role::Identity),
        ("token", Role::Token),
        ("gateway-1", Role::Gateway),
        ("gateway-2", Role::Gateway),
    ];
    for (instance, role) in services {
        let secret = generate(instance, &ambient)?;
        add(&folder.join("accepted.toml"), accept(&secret, role)?)?;
        write_new_secret(&folder.join(format!("{instance}.credential")), secret.expose())?;
    }
    for key in ["mark.key", "master.key"] {
        read_or_create_key(&folder.join(key), &ambient)?;
    }
    Ok(())
}

type Furnished = (String, Vec<Subject>);

/// Signs in and makes the users and tokens that runs are about.
fn furnish(sim: &mut Sim, password: &str) -> anyhow::Result<Furnished> {
    let (done, password) = (Arc::new(Mutex::new(None)), password.to_owned());
    let result = done.clone();
    let host = sim.host(OPERATOR)?;
    let ambient = host.ambient();
    host.start(async move {
        let furnished = make_subjects(&ambient, &password).await;
        *result.lock() = Some(furnished);
    })?;
    sim.run_until(ticks(PATIENCE), |_| done.lock().is_some());
    let furnished = done.lock().take();
    furnished.unwrap_or_else(|| bail!("the users and tokens are not made in time"))
}

async fn make_subjects(ambient: &Ambient, password: &str) -> anyhow::Result<Furnished> {
    let admin = Admin::sign_in(ambient, password).await?;
    let mut subjects = Vec::new();
    for number in 1..=SUBJECTS {
        let resource = format!("endpoints/sim-{number}");
        let user_id = admin.create_user(&format!("user-{number}@example.com"), std::slice::from_ref(&resource)).await?;
        let (token_id, secret) = admin.create_token(&format!("token {number}"), &format!("users/{user_id}")).await?;
        subjects.push(Subject { token_id, secret, user_id, resource });
    }
    Ok((admin.token().to_owned(), subjects))
}

/// Ends both services in order, so that their databases are whole.
fn end(sim: &mut Sim, lifecycles: &[Lifecycle]) -> anyhow::Result<()> {
    let ended = Arc::new(Mutex::new(0));
    for (host, lifecycle) in [IDENTITY, TOKENS[0]].into_iter().zip(lifecycles) {
        let (lifecycle, ended) = (lifecycle.clone(), ended.clone());
        sim.host(host)?.spawn(async move {
            if lifecycle.drain(Duration::from_secs(30)).await {
                *ended.lock() += 1;
            }
        });
    }
    if sim.run_until(ticks(PATIENCE), |_| *ended.lock() == lifecycles.len()) {
        Ok(())
    } else {
        bail!("the services do not end in order")
    }
}

fn read_databases(folder: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut databases = Vec::new();
    for name in ["identity.db", "token.db"] {
        let log: PathBuf = folder.join(format!("{name}-wal"));
        if log.exists() {
            bail!("{} is left: the database was not closed in order", log.display());
        }
        databases.push((name.to_owned(), fs::read(folder.join(name)).with_context(|| name.to_owned())?));
    }
    Ok(databases)
}

fn private(file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).with_context(|| file.display().to_string())
}
