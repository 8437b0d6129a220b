//! Wiring only: opens the database, loads the keys, starts what follows the two feeds, and serves the port.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt as _;
use passgate_kit::access::{AccessLayer, AccessParts};
use passgate_kit::audit::{Audit, AuditParts, Occurrences, occurrences};
use passgate_kit::client::{Ambient, MarkKey, Position};
use passgate_kit::credentials::{Accepted, CredentialsError};
use passgate_kit::feed::{Follower, head};
use passgate_kit::keyfile::{KeyFileError, read_key, read_secret};
use passgate_kit::mark::{FeedOf, Marks};
use passgate_kit::page::PageTokens;
use passgate_kit::server::{BindError, Lifecycle, LinkError, ServiceTasks, dial_link, listen, with_standard_services};
use passgate_kit::store::{OpenError, Store, StoreError};
use passgate_kit::tls::{Offers, ServerTls, TlsError};
use passgate_proto::token::v1::audit_service_server::AuditServiceServer;
use passgate_proto::token::v1::authorization_service_server::AuthorizationServiceServer;
use passgate_proto::token::v1::change_service_server::ChangeServiceServer;
use passgate_proto::token::v1::issuing_service_server::IssuingServiceServer;
use passgate_proto::token::v1::key_service_server::KeyServiceServer;
use passgate_proto::token::v1::token_service_server::TokenServiceServer;
use tokio::sync::watch;
use tonic::service::Routes;
use uuid::Uuid;

use crate::change::{Changes, Confirmer, DeciderList, Deciders, Doubt, Guests, StreamStats, Syncer, load};
use crate::config::{Config, ConfigError};
use crate::decision::{Callers, Decider, Freshness};
use crate::error::TokenError;
use crate::key::{KeyFailure, Keys, MasterKey, make_sure};
use crate::memory::{IdentityLease, Memory, MemoryFollower};
use crate::projection::{Applier, Directory, Watcher};
use crate::ready::Ready;
use crate::rpc::{AuditRpc, AuthorizationRpc, ChangeRpc, IssuingRpc, KeyRpc, TokenRpc, keys_message};
use crate::session::Sessions;
use crate::store::{Migrator, projection};
use crate::sweep::Sweeper;
use crate::token::{Examples, Tokens};

/// The name of the service, where one is needed.
pub const SERVICE: &str = "token";

/// Why the token service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Values of the configuration.
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
    #[error("the token service's database cannot be read")]
    Store(#[from] StoreError),
    /// The signing keys.
    #[error("the signing keys cannot be used")]
    Keys(#[from] KeyFailure),
    /// Adopting the database.
    #[error("the database was not adopted, and nothing was changed")]
    Adopt(#[source] TokenError),
    /// An address to listen on.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// A listener that does not say where it is.
    #[error("the system does not say where a listener is")]
    Address(#[source] std::io::Error),
    /// The identity service's address.
    #[error("`identity_url`")]
    Link(#[from] LinkError),
    /// The certificate of the port.
    #[error("`tls`: {0}")]
    Tls(#[from] TlsError),
    /// The contracts, which are part of the program.
    #[error("the contracts in this program cannot be read")]
    Contracts(#[from] tonic_reflection::server::Error),
}

/// What the token service takes from whoever runs it.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Time and randomness.
    pub ambient: Ambient,
    /// Owns its tasks, and ends them.
    pub lifecycle: Lifecycle,
}

/// A token service that runs.
#[derive(Clone, Debug)]
pub struct Running {
    /// Where it listens, as `token`.
    pub addresses: Vec<(&'static str, SocketAddr)>,
    /// Whether it can decide: both feeds are known, and that is fresh.
    pub ready: watch::Receiver<bool>,
    /// The streams to those who keep decisions.
    pub streams: Streams,
}

/// Tells how the streams to those who keep decisions stand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Streams(Changes);

impl Streams {
    /// How they stand now.
    #[must_use]
    pub fn stats(&self) -> StreamStats {
        self.0.stats()
    }
}

/// The token service.
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

    /// Starts it. It listens when this returns, and is ready once it has heard from the identity service.
    ///
    /// # Errors
    /// Why it does not start.
    pub async fn start(config: Config, runtime: Runtime) -> Result<Running, StartError> {
        config.check()?;
        let Runtime { ambient, lifecycle } = runtime;
        let tls = config.tls.as_ref().map(|tls| ServerTls::open(tls, Offers::Http2, &ambient)).transpose()?;
        let secrets = Secrets::read(&config, &ambient)?;
        let directory = Directory::new(
            dial_link(&ambient, &config.identity_url, &config.link_tls)?,
            Arc::new(read_secret(&config.credential_file)?),
        );
        let store = Store::open(&config.database, SERVICE, &ambient).await?;
        store.migrate::<Migrator>().await?;
        let listener = listen(&ambient, "the token service", config.listen).await?.secured(tls);
        let address = listener.local_addr().map_err(StartError::Address)?;

        let installation = make_sure(&store, &secrets.master).await?;
        let (head, copied) = standing(&store).await?; // before anything is loaded: what changes later is followed
        let log = load(&store, head, copied, config.kept_changes).await?;
        let keys = secrets.load_keys(&store, &config, installation).await?;
        let lease = IdentityLease::new(copied);
        let memory = Memory::new(store.clone(), directory.clone(), lease.clone(), head.number);
        let follower =
            Follower::new(store.clone(), head, MemoryFollower::new(memory.clone(), keys.clone(), log.clone()))
                .poll_every(config.poll_interval.0);
        let (bound, doubt) = (config.max_staleness.0, Doubt::default());
        let freshness = Freshness::new(follower.applied(), lease.clone(), doubt.clone(), ambient.clone(), bound);
        let decider =
            Decider::new(memory.clone(), keys.clone(), freshness.clone(), secrets.marks.clone(), ambient.clone());

        let tasks = ServiceTasks::new(lifecycle);
        let stop = tasks.stopping();
        let deciders = Deciders::new(ambient.clone(), bound);
        let syncer = Syncer::new(store.clone(), deciders.clone(), log.clone(), doubt.clone(), bound);
        let changes = Changes {
            log,
            freshness: freshness.clone(),
            doubt,
            deciders,
            guests: Guests::new(Arc::clone(&secrets.accepted), decider.clone(), tasks.tracker()),
            keys: keys.clone(),
            keys_message,
            ambient: ambient.clone(),
            bound,
            counters: Arc::default(),
            stop: stop.clone(),
            tasks: tasks.tracker(),
        };
        let (occurrences, writer) = occurrences(&store);
        let parts = RpcParts {
            config: &config,
            store: &store,
            keys,
            memory,
            changes: changes.clone(),
            occurrences: occurrences.clone(),
        };
        let routes = parts.routes(&decider, store.page_tokens().await?, &secrets.marks, &ambient);
        let (routes, health) = with_standard_services(routes).await?;
        let access = secrets.access_layer(decider, address.ip().is_loopback()).noting(occurrences);

        let (told, ready) = watch::channel(false);
        let watcher = Watcher::new(directory.clone(), Applier::new(store.clone()), lease, ambient);
        let sweeper = Sweeper::new(store.clone(), directory, config.sweep_interval.0);
        tasks.spawn("token feed", follower.run(stop.clone()).map(drop));
        tasks.spawn("token projection", watcher.run(stop.clone()));
        tasks.spawn("token deciders", syncer.run(stop.clone()));
        tasks.spawn("token occurrences", writer.run(stop.clone()));
        tasks.spawn("token sweep", sweeper.run(stop.clone()));
        tasks.spawn("token readiness", Ready(freshness).watch(told, health, tasks.lifecycle().clone()));
        tasks.serve("token port", listener, access, routes);
        tasks.close_after_all("token database", store);
        Ok(Running { addresses: vec![("token", address)], ready, streams: Streams(changes) })
    }
}

/// Where the feed stands, and how far the copy of identity's goes that it contains.
async fn standing(store: &Store) -> Result<(Position, Option<Position>), StoreError> {
    store.snapshot(|db| Box::pin(async move { Ok((head(db).await?, projection::position(db).await?)) })).await
}

/// What is read from files.
struct Secrets {
    master: Arc<MasterKey>,
    marks: Marks,
    accepted: Arc<Accepted>,
}

impl Secrets {
    fn read(config: &Config, ambient: &Ambient) -> Result<Self, StartError> {
        let master = MasterKey::new(&read_key(&config.master_key_file)?).map_err(KeyFailure::from)?;
        let marks = Marks::new(Arc::new(MarkKey::new(*read_key(&config.mark_key_file)?)), FeedOf::Token);
        let accepted = Arc::new(Accepted::open(&config.accepted_file, ambient)?);
        Ok(Self { master: Arc::new(master), marks, accepted })
    }

    async fn load_keys(&self, store: &Store, config: &Config, installation: Uuid) -> Result<Keys, KeyFailure> {
        let issuer = config.issuer.clone().unwrap_or_else(|| format!("urn:passgate:{installation}"));
        Keys::load(store.clone(), Arc::clone(&self.master), issuer).await
    }

    /// The guard in front of the port. The service judges its own callers, in process.
    fn access_layer(&self, decider: Decider, open_reflection: bool) -> AccessLayer {
        let accepted = Arc::clone(&self.accepted);
        AccessLayer::new(AccessParts {
            decisions: Arc::new(decider),
            services: Arc::new(move |secret| accepted.check(secret)),
            marks: self.marks.clone(),
            open_reflection,
        })
        .knowing_certificates(Arc::clone(&self.accepted))
    }
}

/// What the RPCs are made of.
struct RpcParts<'a> {
    config: &'a Config,
    store: &'a Store,
    keys: Keys,
    memory: Memory,
    changes: Changes,
    occurrences: Occurrences,
}

impl RpcParts<'_> {
    /// The services, not guarded yet.
    fn routes(self, decider: &Decider, pages: PageTokens, marks: &Marks, ambient: &Ambient) -> Routes {
        let Self { config, store, keys, memory, changes, occurrences } = self;
        let audit = Audit::new(AuditParts {
            store: store.clone(),
            pages: pages.clone(),
            decisions: Arc::new(decider.clone()),
            marks: marks.clone(),
            tasks: changes.tasks.clone(),
            stop: changes.stop.clone(),
        });
        let Changes { log, freshness, deciders, bound, .. } = changes.clone();
        let confirmer = Confirmer::new(deciders.clone(), store.clone(), log.clone(), ambient.clone(), bound);
        let list = DeciderList::new(deciders, store.clone(), log.clone(), ambient.clone(), bound);
        let tokens = Tokens::new(store.clone(), keys.clone(), decider.clone(), config.lifetimes(), ambient.clone());
        let lifetime = time::Duration::try_from(config.session_lifetime.0).unwrap_or(time::Duration::hours(8));
        let sessions = Sessions::new(store.clone(), keys.clone(), freshness.clone(), lifetime, ambient.clone());
        let callers = Callers::new(store.clone(), memory);
        let examples = Examples::new(&config.public_url);
        let token = TokenRpc::new(
            tokens.clone(),
            decider.clone(),
            examples,
            pages.clone(),
            marks.clone(),
            confirmer.clone(),
            occurrences.clone(),
        );
        let authorization =
            AuthorizationRpc::new(decider.clone(), callers, pages.clone(), marks.clone(), log, occurrences.clone());
        let issuing = IssuingRpc::new(tokens, sessions, marks.clone(), confirmer, freshness, occurrences);
        Routes::new(TokenServiceServer::new(token))
            .add_service(AuthorizationServiceServer::new(authorization))
            .add_service(IssuingServiceServer::new(issuing))
            .add_service(KeyServiceServer::new(KeyRpc::new(keys)))
            .add_service(AuditServiceServer::new(AuditRpc::new(audit)))
            .add_service(ChangeServiceServer::new(ChangeRpc::new(changes, list, pages)))
    }
}
