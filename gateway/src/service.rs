//! Wiring only: opens the database, builds the registry and its RPCs, starts what follows, and serves both ports.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use passgate_kit::audit::{Audit, AuditParts, occurrences};
use passgate_kit::client::{Ambient, CachedDecisions};
use passgate_kit::feed::{Adopted, Applied};
use passgate_kit::idempotency::forget_old;
use passgate_kit::keyfile::KeyFileError;
use passgate_kit::server::{BindError, Lifecycle, LinkError, Listener, ServiceTasks, bind, with_standard_services};
use passgate_kit::store::{DatabaseConfig, OpenError, Store, StoreError};
use passgate_kit::tls::TlsError;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::Layer as _;
use tower::util::BoxCloneSyncService;

use crate::admin::AdminParts;
use crate::config::{Checked, Config, ConfigError};
use crate::dial::{Connector, DialRules, OwnListeners};
use crate::fresh::fresh;
use crate::links::Links;
use crate::proxy::{Limits, OwnService, Proxy, ProxyParts};
use crate::ready::Ready;
use crate::registry::{Apis, Endpoints, RegistryFollower, RegistryReader, Served};
use crate::secure::Secure;
use crate::store::Migrator;

/// The name of the service, where one is needed.
const SERVICE: &str = "gateway";
/// How often old repeats are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A value of the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file with a secret.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The database, at its first use.
    #[error("the registry cannot be read")]
    Registry(#[from] StoreError),
    /// An address to listen on.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// A listener that does not say where it is.
    #[error("the system does not say where a listener is")]
    Address(#[source] std::io::Error),
    /// The token service's address.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The contracts, which are part of the program.
    #[error("the contracts in this program cannot be read")]
    Contracts(#[from] tonic_reflection::server::Error),
}

/// What the gateway takes from whoever runs it.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Time and randomness.
    pub ambient: Ambient,
    /// Owns the gateway's tasks, and ends them.
    pub lifecycle: Lifecycle,
}

/// A gateway that runs.
#[derive(Clone, Debug)]
pub struct Running {
    /// Where it listens: `gateway` is for callers, `gateway-admin` for administration.
    pub addresses: Vec<(&'static str, SocketAddr)>,
    /// Whether it has what it needs: a current registry, and a lease for what it decides from memory.
    pub ready: watch::Receiver<bool>,
    /// What it routes by.
    pub registry: RegistryReader,
    /// What it decides by. Its `stats()` say how it does: lease, memory, asks, streams.
    pub decisions: CachedDecisions,
}

/// The gateway.
#[derive(Debug)]
pub struct Service;

impl Service {
    /// Brings the gateway's database up to date.
    ///
    /// # Errors
    /// If it cannot be opened, or was written by a newer version.
    pub async fn migrate(config: &Config, ambient: &Ambient) -> Result<(), StartError> {
        let store = Store::open(&config.database, SERVICE, ambient).await?;
        store.migrate::<Migrator>().await?;
        store.close().await;
        Ok(())
    }

    /// Adopts the gateway's database, which was restored or lost commits: its feed gets a new identity. No gateway may run
    /// on it meanwhile.
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

    /// Starts the gateway. It listens when this returns, and is ready once the token service's stream
    /// gave it a lease.
    ///
    /// # Errors
    /// Why it does not start.
    pub async fn start(config: Config, runtime: Runtime) -> Result<Running, StartError> {
        let ambient = &runtime.ambient;
        let checked = config.check()?;
        let (links, watching) = Links::new(&config, ambient)?;
        let secure = Secure::open(&config, ambient)?;
        let store = Store::open(&config.database, SERVICE, ambient).await?;
        store.migrate::<Migrator>().await?;
        let ports = Ports::bind(&config, &checked).await?;
        let rules = DialRules::new(config.allowed_upstreams.clone(), ports.own.clone());
        let (writer, registry) = fresh(config.registry_max_age.0, ambient);
        let registry_follower = RegistryFollower::start(store.clone(), writer).await?;

        let tasks = ServiceTasks::new(runtime.lifecycle);
        let (occurrences, writer) = occurrences(&store);
        let routes = admin_routes(&store, &links, registry_follower.applied(), rules.clone(), &tasks).await?;
        let (routes, health) = with_standard_services(routes).await?;
        let access = links.access_layer(ports.loopback_only()).noting(occurrences.clone());
        let own = BoxCloneSyncService::new(access.layer(routes.clone()));
        let decisions = links.decisions.clone();
        let connector = secure.connector(rules, &config);
        let proxy = data_plane(&config, checked, links, connector, own, registry.clone(), ambient).noting(occurrences);

        let (told, ready) = watch::channel(false);
        let addresses = ports.addresses;
        let stop = tasks.stopping();
        let readiness = Ready { registry: registry.clone(), decisions: decisions.clone() };
        tasks.spawn("gateway feed", registry_follower.run(stop.clone()).map(drop));
        tasks.spawn("gateway decisions", watching.run(stop.clone()));
        tasks.spawn("gateway readiness", readiness.watch(told, health, tasks.lifecycle().clone()));
        tasks.spawn("gateway occurrences", writer.run(stop.clone()));
        tasks.spawn("gateway repeats", forget_repeats(store.clone(), stop.clone()));
        let proxy = Arc::new(proxy);
        let data = proxy.serve_secured(ports.data, secure.data, Limits::default(), stop.clone());
        tasks.spawn("gateway data port", data);
        tasks.serve("gateway admin port", Listener::from(ports.admin).secured(secure.admin), access, routes);
        tasks.close_after_all("gateway database", store);
        Ok(Running { addresses, ready, registry, decisions })
    }
}

/// What answers on the data port.
fn data_plane(
    config: &Config,
    checked: Checked,
    links: Links,
    connector: Connector,
    own: OwnService,
    registry: RegistryReader,
    ambient: &Ambient,
) -> Proxy {
    Proxy::new(ProxyParts {
        registry,
        decisions: links.decisions,
        connector,
        identity: checked.identity,
        tokens: checked.tokens,
        own,
        credential: links.credential,
        public: checked.public,
        longest_call: config.longest_call.map(|span| span.0),
        ambient: ambient.clone(),
    })
}

/// Forgets the repeats of creates that nobody can ask for any more, until `stop`.
async fn forget_repeats(store: Store, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let forgotten = store.write(|tx| Box::pin(async move { forget_old(tx).await })).await;
        if let Err(error) = forgotten {
            tracing::warn!("old request ids are not forgotten yet: {error}");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(FORGET_EVERY) => {}
        }
    }
}

/// The services of the admin port.
async fn admin_routes(
    store: &Store,
    links: &Links,
    applied: Applied,
    rules: DialRules,
    tasks: &ServiceTasks,
) -> Result<Routes, StartError> {
    let (ambient, pages) = (store.ambient(), store.page_tokens().await?);
    let audit = Audit::new(AuditParts {
        store: store.clone(),
        pages: pages.clone(),
        decisions: Arc::new(links.decisions.clone()),
        marks: links.marks.clone(),
        tasks: tasks.tracker(),
        stop: tasks.stopping(),
    });
    let served = Served::new(applied);
    let power = links.power.clone();
    let parts = AdminParts {
        endpoints: Endpoints::new(store.clone(), power.clone(), served.clone(), ambient.clone()),
        apis: Apis::new(store.clone(), power, served, ambient.clone()),
        callers: links.callers.clone(),
        rules,
        pages,
        marks: links.marks.clone(),
        audit,
    };
    Ok(parts.routes())
}

/// Both listeners, bound.
struct Ports {
    data: TcpListener,
    admin: TcpListener,
    addresses: Vec<(&'static str, SocketAddr)>,
    own: OwnListeners,
}

impl Ports {
    async fn bind(config: &Config, checked: &Checked) -> Result<Self, StartError> {
        let data = bind("callers", config.listen).await?;
        let admin = bind("administration", config.admin_listen).await?;
        let (data_at, admin_at) =
            (data.local_addr().map_err(StartError::Address)?, admin.local_addr().map_err(StartError::Address)?);
        let own = OwnListeners::beside(checked.tokens.iter().chain([&checked.identity]).cloned());
        own.set(vec![data_at, admin_at]);
        Ok(Self { data, admin, addresses: vec![("gateway", data_at), ("gateway-admin", admin_at)], own })
    }

    /// Whether nobody on another machine can reach either.
    fn loopback_only(&self) -> bool {
        self.addresses.iter().all(|(_, address)| address.ip().is_loopback())
    }
}
