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
use serde::{Deserialize, Serialize};
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

/// What is beside the databases: a file in the folder.
const FACTS: &str = "facts.json";
/// The databases of an installation.
const DATABASES: [&str; 2] = ["identity.db", "token.db"];

/// A token that is followed: its owner holds the grant that it needs, and nobody else has anything to do with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
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

/// What a run has to know of an installation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    /// The administrator's session.
    pub admin_token: String,
    /// The tokens that are followed.
    pub subjects: Vec<Subject>,
}

/// An installation, in a folder.
pub struct Installation {
    folder: PathBuf,
    /// What is in it.
    pub facts: Facts,
}

/// A run's own databases; they go with it.
pub struct Copy {
    own: TempDir,
}

impl Installation {
    /// Makes one in `folder`. It is the same each time.
    ///
    /// # Errors
    /// If a service does not do what it should, or the disk is full.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        write_secrets(folder)?;
        let files = Files { shared: folder, own: folder };
        let mut sim = Sim::new(0, &HOSTS);
        let lifecycles = [Lifecycle::default(), Lifecycle::default()];
        let [for_identity, for_token] = &lifecycles;
        let identity = start_identity(&mut sim, files, for_identity)?;
        let token = start_token(&mut sim, TOKENS[0], files, for_token)?;
        if !sim.run_until(ticks(PATIENCE), |_| identity.is_ready() && token.is_ready()) {
            bail!("the installation does not become ready: {:?} {:?}", identity.failure(), token.failure());
        }
        let password = fs::read_to_string(folder.join("first-password")).context("the first password")?;
        let facts = furnish(&mut sim, password.trim())?;
        end(&mut sim, &lifecycles)?;
        check_databases(folder)?;
        fs::write(folder.join(FACTS), serde_json::to_vec(&facts)?).context(FACTS)?;
        Self::open(folder)
    }

    /// The one that was made in `folder`.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let facts = fs::read(folder.join(FACTS)).context(FACTS)?;
        Ok(Self { folder: folder.to_owned(), facts: serde_json::from_slice(&facts).context(FACTS)? })
    }

    /// Databases for one run.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn copy(&self) -> anyhow::Result<Copy> {
        let own = folder()?;
        for name in DATABASES {
            fs::copy(self.folder.join(name), own.path().join(name)).with_context(|| name.to_owned())?; // mode and all
        }
        Ok(Copy { own })
    }

    /// Where a run's files are.
    #[must_use]
    pub fn files<'a>(&'a self, copy: &'a Copy) -> Files<'a> {
        Files { shared: &self.folder, own: copy.own.path() }
    }

    /// What change marks are read with.
    ///
    /// # Errors
    /// If the key's file cannot be read.
    pub fn mark_key(&self) -> anyhow::Result<MarkKey> {
        Ok(MarkKey::new(*read_key(&self.folder.join("mark.key"))?))
    }
}

/// A folder in memory, if there is one: SQLite waits for the disk at each commit.
///
/// # Errors
/// If none can be made.
pub fn folder() -> anyhow::Result<TempDir> {
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

/// Signs in and makes the users and tokens that runs are about.
fn furnish(sim: &mut Sim, password: &str) -> anyhow::Result<Facts> {
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

async fn make_subjects(ambient: &Ambient, password: &str) -> anyhow::Result<Facts> {
    let admin = Admin::sign_in(ambient, password).await?;
    let mut subjects = Vec::new();
    for number in 1..=SUBJECTS {
        let resource = format!("endpoints/sim-{number}");
        let user_id = admin.create_user(&format!("user-{number}@example.com"), std::slice::from_ref(&resource)).await?;
        let (token_id, secret) = admin.create_token(&format!("token {number}"), &format!("users/{user_id}")).await?;
        subjects.push(Subject { token_id, secret, user_id, resource });
    }
    Ok(Facts { admin_token: admin.token().to_owned(), subjects })
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

fn check_databases(folder: &Path) -> anyhow::Result<()> {
    for name in DATABASES {
        let log = folder.join(format!("{name}-wal"));
        if log.exists() {
            bail!("{} is left: the database was not closed in order", log.display());
        }
    }
    Ok(())
}
