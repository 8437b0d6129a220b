//! A gateway that runs, and who calls it.

use std::net::SocketAddr;
use std::time::Duration;

use passgate_gateway::dial::AllowedUpstreams;
use passgate_gateway::registry::RegistryReader;
use passgate_gateway::{Config, Running, Runtime, Service, StartError};
use passgate_kit::client::{Ambient, Position};
use passgate_kit::credentials::generate;
use passgate_kit::feed::{FeedRow, read_after};
use passgate_kit::keyfile::{read_or_create_key, write_new_secret};
use passgate_kit::server::Lifecycle;
use passgate_kit::store::{Dialect, Store};
use passgate_kit::testing::TestDatabase;
use passgate_proto::gateway::v1::api_service_client::ApiServiceClient;
use passgate_proto::gateway::v1::endpoint_service_client::EndpointServiceClient;
use tonic::transport::{Channel, Endpoint};

use super::token_service::Tokens;
use super::{ApiClient, Bearer, EndpointClient};

/// A gateway with a database of its own. It knows the tokens `admin`, whose owner holds `*`, and `holder`, whose owner holds
/// the gateway's administration and every endpoint.
pub struct Gateway {
    database: TestDatabase,
    config: Config,
    tokens: Tokens,
    lifecycle: Lifecycle,
    running: Running,
    channel: Channel,
    begin: Position,
}

impl Gateway {
    /// Starts one, and waits until it is ready.
    pub async fn start(dialect: Dialect) -> Self {
        let tokens = Tokens::default();
        tokens.add("admin", &["*"]);
        tokens.add("holder", &["apis/passgate.gateway.v1.*", "endpoints/*"]);
        let database = TestDatabase::new(dialect);
        let config = configure(&database, tokens.serve().await);
        let (running, lifecycle) = run(&config).await.expect("it starts");
        Self::around(database, config, tokens, running, lifecycle).await
    }

    async fn around(
        database: TestDatabase,
        config: Config,
        tokens: Tokens,
        mut running: Running,
        lifecycle: Lifecycle,
    ) -> Self {
        let waited = tokio::time::timeout(Duration::from_secs(20), running.ready.wait_for(|ready| *ready)).await;
        waited.expect("ready in time").expect("still running");
        let channel = connect(address(&running, "gateway-admin"));
        let begin = running.registry.current().expect("current").as_of();
        Self { database, config, tokens, lifecycle, running, channel, begin }
    }

    /// Stops it and starts it again, on what it left.
    pub async fn restart(self) -> Self {
        assert!(self.lifecycle.drain(Duration::from_secs(20)).await, "it ends when it is told to");
        let (running, lifecycle) = run(&self.config).await.expect("it starts again");
        Self::around(self.database, self.config, self.tokens, running, lifecycle).await
    }

    /// Another one on the same database. Only PostgreSQL is made for that.
    pub async fn replica(&self) -> Replica {
        let (mut running, lifecycle) = run(&self.config).await.expect("it starts");
        let waited = tokio::time::timeout(Duration::from_secs(20), running.ready.wait_for(|ready| *ready)).await;
        waited.expect("ready in time").expect("still running");
        Replica { running, _lifecycle: lifecycle }
    }

    /// Stops it, and waits until its ports and database are free.
    pub async fn stop(&self) {
        assert!(self.lifecycle.drain(Duration::from_secs(20)).await, "it ends when it is told to");
    }

    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Every line of its feed since it was started, read from the database.
    pub async fn feed(&self) -> Vec<FeedRow> {
        let store = Store::open(self.database.config(), "gateway", &Ambient::system()).await.expect("the database");
        let begin = self.begin;
        let page = store.read(move |conn| Box::pin(async move { read_after(conn, &begin, 1000).await })).await;
        page.expect("the feed").rows
    }

    pub fn registry(&self) -> &RegistryReader {
        &self.running.registry
    }

    pub fn admin_address(&self) -> SocketAddr {
        address(&self.running, "gateway-admin")
    }

    pub fn data_address(&self) -> SocketAddr {
        address(&self.running, "gateway")
    }

    pub fn endpoints(&self, token: &str) -> EndpointClient {
        EndpointServiceClient::with_interceptor(self.channel.clone(), Bearer(self.tokens.secret(token)))
    }

    pub fn apis(&self, token: &str) -> ApiClient {
        ApiServiceClient::with_interceptor(self.channel.clone(), Bearer(self.tokens.secret(token)))
    }
}

/// A second gateway on the same database.
pub struct Replica {
    pub running: Running,
    _lifecycle: Lifecycle,
}

/// Starts a gateway of this configuration.
pub async fn run(config: &Config) -> Result<(Running, Lifecycle), StartError> {
    let lifecycle = Lifecycle::default();
    let runtime = Runtime { ambient: Ambient::system(), lifecycle: lifecycle.clone() };
    Service::start(config.clone(), runtime).await.map(|running| (running, lifecycle))
}

fn configure(database: &TestDatabase, token_service: SocketAddr) -> Config {
    let ambient = Ambient::system();
    let file = |name: &str| database.folder().join(name);
    let secret = generate("gateway-1", &ambient).expect("a credential");
    write_new_secret(&file("gateway.credential"), secret.expose()).expect("a file");
    read_or_create_key(&file("mark.key"), &ambient).expect("a key");
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    Config {
        listen: anywhere,
        admin_listen: anywhere,
        token_urls: vec![format!("http://{token_service}")],
        identity_url: "http://127.0.0.1:9".to_owned(),
        database: database.config().clone(),
        credential_file: file("gateway.credential"),
        mark_key_file: file("mark.key"),
        allowed_upstreams: AllowedUpstreams::loopback(),
        ..Config::default()
    }
}

pub fn address(running: &Running, name: &str) -> SocketAddr {
    running.addresses.iter().find(|(known, _)| *known == name).expect("a listener of this name").1
}

fn connect(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).expect("a URL").connect_lazy()
}
