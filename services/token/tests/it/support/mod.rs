//! The real token service in this process, over real gRPC connections, beside an identity service of the test's own.

pub mod calls;
pub mod identity;
pub mod watching;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use passgate_kit::client::{Ambient, ChangeMark, ManualClock, MarkKey, Position, Principal, SystemRandom, Vector};
use passgate_kit::config::Span;
use passgate_kit::credentials::{accept, add, generate};
use passgate_kit::keyfile::{read_or_create_key, write_new_secret};
use passgate_kit::server::Lifecycle;
use passgate_kit::store::Dialect;
use passgate_kit::testing::TestDatabase;
use passgate_proto::access::Role;
use passgate_token::{Config, Running, Runtime, Service};
use time::OffsetDateTime;
use time::macros::datetime;
use tonic::transport::{Channel, Endpoint};

pub use calls::{Refusal, told};
pub use identity::Identity;

/// When all tests begin.
pub const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00 UTC);

/// One installation: a database, an identity service, and what the services share.
pub struct Installation {
    pub database: TestDatabase,
    pub identity: Identity,
    pub clock: Arc<ManualClock>,
    pub gateway: String,
    pub identity_credential: String,
    pub ambient: Ambient,
    identity_address: SocketAddr,
}

impl Installation {
    pub async fn new(dialect: Dialect) -> Self {
        let database = TestDatabase::new(dialect);
        let clock = Arc::new(ManualClock::new(NOW));
        let ambient = Ambient::new(Arc::<ManualClock>::clone(&clock), Arc::new(SystemRandom));
        let folder = database.folder();
        for key in ["master.key", "mark.key"] {
            read_or_create_key(&folder.join(key), &ambient).expect("a key");
        }
        let mut secrets = Vec::new();
        for (instance, role) in [("gateway", Role::Gateway), ("identity", Role::Identity), ("token", Role::Token)] {
            let secret = generate(instance, &ambient).expect("a secret");
            add(&folder.join("accepted.toml"), accept(&secret, role).expect("a line")).expect("the file");
            secrets.push(secret.expose().to_owned());
        }
        write_new_secret(&folder.join("token.credential"), &secrets[2]).expect("the file");
        let identity = Identity::default();
        let identity_address = identity.serve().await;
        let [gateway, identity_credential, _] = <[String; 3]>::try_from(secrets).expect("three");
        Self { database, identity, clock, gateway, identity_credential, ambient, identity_address }
    }

    pub fn config(&self) -> Config {
        let file = |name: &str| self.database.folder().join(name);
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            identity_url: format!("http://{}", self.identity_address),
            database: self.database.config().clone(),
            master_key_file: file("master.key"),
            mark_key_file: file("mark.key"),
            credential_file: file("token.credential"),
            accepted_file: file("accepted.toml"),
            sweep_interval: Span(Duration::from_millis(50)),
            ..Config::default()
        }
    }

    /// A replica of the token service that runs and is ready.
    pub async fn replica(&self) -> Replica {
        let mut replica = self.start(self.config()).await;
        replica.until_ready().await;
        replica
    }

    /// A replica that runs.
    pub async fn start(&self, config: Config) -> Replica {
        let lifecycle = Lifecycle::default();
        let runtime = Runtime { ambient: self.ambient.clone(), lifecycle: lifecycle.clone() };
        let running = Service::start(config, runtime).await.expect("the token service starts");
        let address = running.addresses[0].1;
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("a URL").connect_lazy();
        Replica { running, lifecycle, channel }
    }
}

/// One running token service.
pub struct Replica {
    pub running: Running,
    pub channel: Channel,
    lifecycle: Lifecycle,
}

impl Replica {
    pub async fn until_ready(&mut self) {
        self.running.ready.wait_for(|ready| *ready).await.expect("it runs");
    }

    pub async fn until_not_ready(&mut self) {
        self.running.ready.wait_for(|ready| !*ready).await.expect("it runs");
    }

    /// Ends it and waits until it has.
    pub async fn stop(self) {
        assert!(self.lifecycle.drain(Duration::from_secs(10)).await, "it ends in time");
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

/// An installation with one replica: what most tests need.
pub struct Harness {
    pub installation: Installation,
    pub replica: Replica,
}

impl Harness {
    pub async fn start(dialect: Dialect) -> Self {
        let installation = Installation::new(dialect).await;
        let replica = installation.replica().await;
        Self { installation, replica }
    }

    pub fn identity(&self) -> &Identity {
        &self.installation.identity
    }

    /// The mark of change `number` of the identity service.
    pub fn identity_mark(&self, number: u64) -> String {
        let key = read_or_create_key(&self.installation.database.folder().join("mark.key"), &self.installation.ambient);
        let position = Position::try_from(&identity::position(usize::try_from(number).unwrap())).expect("a position");
        let vector = Vector { identity: Some(position), ..Vector::default() };
        ChangeMark::encode(&vector, &MarkKey::new(*key.expect("the key")))
    }

    /// A user who holds `grants`, with a session.
    pub async fn user(&self, grants: &[&str]) -> (Principal, String) {
        let user = self.identity().user(grants);
        (user, self.session(user).await)
    }
}

/// Runs each test on SQLite and on PostgreSQL. One that is not listed is never used, which is a warning.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::Harness::start(passgate_kit::store::Dialect::Sqlite).await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::Harness::start(passgate_kit::store::Dialect::Postgres).await).await;
            })+
        }
    };
}
pub(crate) use on_both;
