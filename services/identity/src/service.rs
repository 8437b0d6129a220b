//! Wiring: opens the database, founds the installation if it is new, adds the services, spawns the tasks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use passgate_kit::access::{AccessLayer, AccessParts};
use passgate_kit::audit::{Audit, AuditParts, Occurrences, occurrences};
use passgate_kit::client::Ambient;
use passgate_kit::client::client::DecisionClient;
use passgate_kit::client::mark::MarkKey;
use passgate_kit::credentials::{Accepted, CredentialsError};
use passgate_kit::feed::{Adopted, head};
use passgate_kit::keyfile::{KeyFileError, read_key, read_secret};
use passgate_kit::mark::{FeedOf, Marks};
use passgate_kit::server::{
    BindError, Lifecycle, LinkError, Readiness, ServiceTasks, dial_link, listen, with_standard_services,
};
use passgate_kit::store::{DatabaseConfig, OpenError, Store, StoreError};
use passgate_kit::tls::{Offers, ServerTls, TlsError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError};
use crate::creation::Creations;
use crate::directory::Directory;
use crate::error::IdentityError;
use crate::first_start::{FirstStart, FirstStartError, first_start};
use crate::issuing::Issuing;
use crate::password::Hasher;
use crate::rpc::Rooms;
use crate::sign_in::{BackOff, SignIn};
use crate::store::Migrator;
use crate::sweep;

/// Its name in logs and on its database.
const SERVICE: &str = "identity";
/// How often it is looked whether the database answers.
const READY_EVERY: Duration = Duration::from_secs(1);

/// Why the identity service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A value of the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file with a secret.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The file of accepted credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The database, at its first use.
    #[error("the identity service's database cannot be read")]
    Store(#[from] StoreError),
    /// The first user and the built-in groups.
    #[error("the first user cannot be made: {0}")]
    FirstStart(#[from] FirstStartError),
    /// Hashing passwords.
    #[error(transparent)]
    Hashing(#[from] IdentityError),
    /// An address to listen on.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// A listener that does not say where it is.
    #[error("the system does not say where a listener is")]
    Address(#[source] std::io::Error),
    /// The token service's address.
    #[error("`token_url`: {0}")]
    Link(#[from] LinkError),
    /// The certificate of the port.
    #[error("`tls`: {0}")]
    Tls(#[from] TlsError),
    /// The contracts, which are part of the program.
    #[error("the contracts in this program cannot be read")]
    Contracts(#[from] tonic_reflection::server::Error),
}

/// What the identity service takes from whoever runs it.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Time and randomness.
    pub ambient: Ambient,
    /// Owns its tasks, and ends them.
    pub lifecycle: Lifecycle,
}

/// An identity service that runs.
#[derive(Clone, Debug)]
pub struct Running {
    /// Where it listens, as `identity`.
    pub addresses: Vec<(&'static str, SocketAddr)>,
    /// Whether it has what it needs: its database.
    pub ready: watch::Receiver<bool>,
}

/// The identity service.
#[derive(Debug)]
pub struct Service;

impl Service {
    /// Brings its database up to date.
    ///
    /// # Errors
    /// If it cannot be opened, or was written by a newer version.
    pub async fn migrate(config: &Config, ambient: &Ambient) -> Result<(), StartError> {
        let store = Store::open(&config.database, SERVICE, ambient).await?;
        store.migrate::<Migrator>().await?;
        store.close().await;
        Ok(())
    }

    /// Adopts its database, which was restored or lost commits: its feed gets a new identity. No identity service may run on
    /// it meanwhile.
    ///
    /// # Errors
    /// If it cannot be opened, or does not answer. Nothing was changed then.
    pub async fn adopt(database: &DatabaseConfig, ambient: &Ambient) -> Result<Adopted, StartError> {
        let store = Store::open(database, SERVICE, ambient).await?;
        store.migrate::<Migrator>().await?;
        let adopted = store.adopt_feed().await;
        store.close().await;
        Ok(adopted?)
    }

    /// Starts it. It listens when this returns. It waits for no other service: while the token service is away nobody
    /// administers anything and nobody signs in.
    ///
    /// # Errors
    /// Why it does not start.
    pub async fn start(config: Config, runtime: Runtime) -> Result<Running, StartError> {
        config.check()?;
        let Runtime { ambient, lifecycle } = runtime;
        let tls = config.tls.as_ref().map(|tls| ServerTls::open(tls, Offers::Http2, &ambient)).transpose()?;
        let links = Links::new(&config, &ambient)?;
        let store = Store::open(&config.database, SERVICE, &ambient).await?;
        store.migrate::<Migrator>().await?;
        let listener = listen(&ambient, "the identity service", config.listen).await?.secured(tls);
        let address = listener.local_addr().map_err(StartError::Address)?;
        let hasher = Hasher::start(&config.passwords, &ambient).await?;
        if first_start(&store, &hasher, &config).await? == FirstStart::Done {
            let (email, file) = (&config.first_user_email, config.first_password_file.display());
            tracing::info!("{email} can sign in with the one-time password in {file}");
        }

        let tasks = ServiceTasks::new(lifecycle);
        let stop = tasks.stopping();
        let (occurrences, writer) = occurrences(&store);
        let rooms = links.rooms(&store, hasher, &tasks, store.page_tokens().await?, occurrences.clone());
        let (creations, backoff) = (rooms.creations.clone(), rooms.sign_in.backoff.clone());
        let (routes, health) = with_standard_services(rooms.routes()).await?;
        let access = links.access_layer(address.ip().is_loopback()).noting(occurrences);

        let (told, ready) = watch::channel(false);
        tasks.spawn("identity readiness", watch_ready(store.clone(), told, health, tasks.lifecycle().clone()));
        tasks.spawn("identity creations", sweep::give_up(creations.clone(), stop.clone()));
        tasks.spawn("identity sweep", sweep::prune(creations, backoff, store.clone(), stop.clone()));
        tasks.spawn("identity occurrences", writer.run(stop.clone()));
        tasks.serve("identity port", listener, access, routes);
        tasks.close_after_all("identity database", store);
        Ok(Running { addresses: vec![("identity", address)], ready })
    }
}

/// The ways to the token service, and what proves who is who.
struct Links {
    token: tonic::transport::Channel,
    credential: Arc<passgate_kit::client::SecretString>,
    decisions: Arc<DecisionClient>,
    accepted: Arc<Accepted>,
    marks: Marks,
}

impl Links {
    fn new(config: &Config, ambient: &Ambient) -> Result<Self, StartError> {
        let token = dial_link(ambient, &config.token_url, &config.link_tls)?;
        let credential = Arc::new(read_secret(&config.credential_file)?);
        let staleness = config.max_staleness.0;
        let decisions = DecisionClient::new(token.clone(), Arc::clone(&credential), ambient.clone(), staleness);
        Ok(Self {
            token,
            credential,
            decisions: Arc::new(decisions),
            accepted: Arc::new(Accepted::open(&config.accepted_file, ambient)?),
            marks: Marks::new(Arc::new(MarkKey::new(*read_key(&config.mark_key_file)?)), FeedOf::Identity),
        })
    }

    fn rooms(
        &self,
        store: &Store,
        hasher: Hasher,
        tasks: &ServiceTasks,
        pages: passgate_kit::page::PageTokens,
        occurrences: Occurrences,
    ) -> Rooms {
        let issuing = Issuing::new(self.token.clone(), Arc::clone(&self.credential));
        let sign_in = SignIn {
            store: store.clone(),
            hasher: hasher.clone(),
            backoff: BackOff::new(store),
            issuing: issuing.clone(),
            occurrences: occurrences.clone(),
        };
        let audit = Audit::new(AuditParts {
            store: store.clone(),
            pages: pages.clone(),
            decisions: self.decisions.clone(),
            marks: self.marks.clone(),
            tasks: tasks.tracker(),
            stop: tasks.stopping(),
        });
        let directory = Directory {
            store: store.clone(),
            accepted: Arc::clone(&self.accepted),
            stop: tasks.stopping(),
            streams: tasks.tracker(),
        };
        Rooms {
            store: store.clone(),
            creations: Creations::new(store.clone(), issuing.clone()),
            issuing,
            hasher,
            sign_in,
            directory,
            marks: self.marks.clone(),
            pages,
            audit,
            occurrences,
        }
    }

    /// The guard in front of the port: each call's token is judged by the token service, now.
    fn access_layer(&self, open_reflection: bool) -> AccessLayer {
        let accepted = Arc::clone(&self.accepted);
        AccessLayer::new(AccessParts {
            decisions: self.decisions.clone(),
            services: Arc::new(move |secret| accepted.check(secret)),
            marks: self.marks.clone(),
            open_reflection,
        })
        .knowing_certificates(Arc::clone(&self.accepted))
    }
}

/// Tells whether the database answers and every task is alive, until the service is stopped: then it is not ready.
async fn watch_ready(store: Store, told: watch::Sender<bool>, health: Readiness, lifecycle: Lifecycle) {
    let (died, stop) = (lifecycle.died(), lifecycle.stopping());
    while !stop.is_cancelled() {
        let answers = store.read(|conn| Box::pin(async move { head(conn).await })).await;
        let ready = answers.is_ok() && died.borrow().is_none();
        if told.send_if_modified(|before| std::mem::replace(before, ready) != ready) {
            health.set(ready).await;
            match answers {
                Ok(_) => tracing::info!(ready, "the identity service is {}ready", if ready { "" } else { "not " }),
                Err(error) => tracing::warn!("the identity service is not ready: {error}"),
            }
        }
        pause(&stop, READY_EVERY).await;
    }
    told.send_replace(false);
    health.set(false).await;
}

async fn pause(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
