//! A service that runs, and clients that call it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use passgate_identity::{Config, Runtime, Service};
use passgate_kit::client::clock::Moment;
use passgate_kit::client::{
    Ambient, Clock, Principal, Scopes, SecretString, SystemClock, SystemRandom, TokenId, UserId,
};
use passgate_kit::credentials::{accept, add, generate};
use passgate_kit::keyfile::{read_or_create_key, write_new_secret};
use passgate_kit::server::Lifecycle;
use passgate_kit::store::Dialect;
use passgate_kit::testing::TestDatabase;
use passgate_proto::access::Role;
use passgate_proto::identity::v1::{CreateUserRequest, User};
use passgate_proto::token::v1::authorization_service_server::AuthorizationServiceServer;
use passgate_proto::token::v1::issuing_service_server::IssuingServiceServer;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};

use super::client::{Client, With, sign_in};
use super::fake_token::{FakeToken, Held, State};

/// The first user's password, once it has chosen one.
pub const ADMIN_PASSWORD: &str = "the administrator's own words";

/// The real clock, moved ahead when a test says so.
#[derive(Debug, Default)]
pub struct Ahead(Mutex<Duration>);

impl Clock for Ahead {
    fn wall(&self) -> time::OffsetDateTime {
        SystemClock.wall() + *self.0.lock()
    }

    fn moment(&self) -> Moment {
        SystemClock.moment()
    }
}

/// A running service with its surroundings.
pub struct Harness {
    pub database: TestDatabase,
    pub dialect: Dialect,
    pub ambient: Ambient,
    pub config: Config,
    pub token: Arc<State>,
    pub clock: Arc<Ahead>,
    channel: Channel,
    credential: Arc<SecretString>,
    gateway: Arc<SecretString>,
    lifecycle: Lifecycle,
    pub admin: Client,
    pub admin_user: UserId,
}

impl Harness {
    /// Starts one on a new database, and signs the first user in.
    pub async fn start(dialect: Dialect) -> Self {
        let database = TestDatabase::new(dialect);
        let clock = Arc::new(Ahead::default());
        let ambient = Ambient::new(clock.clone(), Arc::new(SystemRandom));
        let folder = database.folder();
        let secret = |instance: &str, role| {
            let secret = generate(instance, &ambient).expect("a secret");
            add(&folder.join("accepted.toml"), accept(&secret, role).expect("a line")).expect("written");
            write_new_secret(&folder.join(format!("{instance}.credential")), secret.expose()).expect("written");
            Arc::new(secret)
        };
        secret("identity", Role::Identity);
        let credential = secret("token", Role::Token);
        let gateway = secret("gateway", Role::Gateway);
        read_or_create_key(&folder.join("mark.key"), &ambient).expect("a key");

        let fake = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let config = Config {
            listen: "127.0.0.1:0".parse().expect("an address"),
            token_url: format!("http://{}", fake.local_addr().expect("an address")),
            database: database.config().clone(),
            credential_file: folder.join("identity.credential"),
            accepted_file: folder.join("accepted.toml"),
            mark_key_file: folder.join("mark.key"),
            first_password_file: folder.join("first-password"),
            ..Config::default()
        };
        let lifecycle = Lifecycle::default();
        let runtime = Runtime { ambient: ambient.clone(), lifecycle: lifecycle.clone() };
        let running = Service::start(config.clone(), runtime).await.expect("the service starts");
        let (_, address) = running.addresses[0];
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy();

        let state = Arc::new(State::default());
        let token = FakeToken { state: state.clone(), identity: channel.clone(), credential: credential.clone() };
        let server = Server::builder()
            .add_service(AuthorizationServiceServer::new(token.clone()))
            .add_service(IssuingServiceServer::new(token));
        let stop = lifecycle.stopping();
        lifecycle.spawn("fake token service", async move {
            let _ = server.serve_with_incoming_shutdown(TcpListenerStream::new(fake), stop.cancelled_owned()).await;
        });

        let nobody = Client(channel.clone(), With::default());
        let first = std::fs::read_to_string(&config.first_password_file).expect("the first password");
        let signed_in =
            sign_in(&nobody, "admin@localhost", first.trim(), Some(ADMIN_PASSWORD)).await.expect("signed in");
        let admin = Client(channel.clone(), With { token: Some(signed_in.session_token), ..With::default() });
        let admin_user = UserId::parse_resource_name(&signed_in.principal).expect("a user");
        Self {
            database,
            dialect,
            ambient,
            config,
            token: state,
            clock,
            channel,
            credential,
            gateway,
            lifecycle,
            admin,
            admin_user,
        }
    }

    /// Calls without a token.
    pub fn nobody(&self) -> Client {
        Client(self.channel.clone(), With::default())
    }

    /// Calls as the token service.
    pub fn as_token_service(&self) -> Client {
        Client(self.channel.clone(), With { credential: Some(self.credential.clone()), ..With::default() })
    }

    /// Calls without a token, which the gateway passes on from this address.
    pub fn calls_from(&self, peer: &str) -> Client {
        self.calls_at(&self.channel, peer)
    }

    fn calls_at(&self, channel: &Channel, peer: &str) -> Client {
        let with = With { token: None, credential: Some(self.gateway.clone()), peer: Some(peer.to_owned()) };
        Client(channel.clone(), with)
    }

    /// Starts another replica on the same database, and calls it from this address as the gateway does. Its configuration
    /// may differ.
    pub async fn replica(&self, peer: &str, change: impl FnOnce(&mut Config)) -> Client {
        let mut config = self.config.clone();
        change(&mut config);
        let runtime = Runtime { ambient: self.ambient.clone(), lifecycle: self.lifecycle.clone() };
        let running = Service::start(config, runtime).await.expect("the replica starts");
        let (_, address) = running.addresses[0];
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy();
        self.calls_at(&channel, peer)
    }

    /// Calls another service, without a token.
    pub fn at(&self, address: std::net::SocketAddr) -> Client {
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy();
        Client(channel, With::default())
    }

    /// Calls with a token.
    pub fn with(&self, token: &str) -> Client {
        Client(self.channel.clone(), With { token: Some(token.to_owned()), ..With::default() })
    }

    /// Calls with a named token of a principal.
    pub fn named(&self, principal: Principal, scopes: &[&str]) -> Client {
        let scopes =
            (!scopes.is_empty()).then(|| passgate_kit::client::Patterns::parse_list(scopes).expect("patterns")).into();
        self.token_of(principal, scopes, false)
    }

    /// Calls with a session of a user, just signed in.
    pub fn session(&self, user: UserId) -> Client {
        self.token_of(Principal::User(user), Scopes::Unrestricted, true)
    }

    fn token_of(&self, principal: Principal, scopes: Scopes, session: bool) -> Client {
        let token_id = TokenId::new(Ambient::system().uuid_v7());
        let held = Held {
            principal,
            scopes,
            session: session.then_some(u64::MAX),
            auth_time: session.then(|| self.clock.wall()),
            token_id,
        };
        self.with(&self.token.add(held))
    }

    /// A user with these grants, and its id.
    pub async fn user(&self, email: &str, grants: &[&str]) -> UserId {
        let request = CreateUserRequest {
            email: email.to_owned(),
            grants: grants.iter().map(ToString::to_string).collect(),
            ..CreateUserRequest::default()
        };
        let made = self.admin.users().create_user(request).await.expect("created").into_inner();
        UserId::parse(&made.user.expect("a user").id).expect("an id")
    }

    /// A user as the administrator sees it.
    pub async fn get_user(&self, id: UserId) -> User {
        let request = passgate_proto::identity::v1::GetUserRequest { id: id.to_string() };
        self.admin.users().get_user(request).await.expect("found").into_inner().user.expect("a user")
    }

    /// Lets time go by, for what is stored with a time of day.
    pub fn advance(&self, time: Duration) {
        *self.clock.0.lock() += time;
    }

    /// How many changes the feed has.
    pub async fn changes(&self) -> u64 {
        let request = passgate_proto::identity::v1::GetPrincipalRequest {
            principal: Principal::User(self.admin_user).to_string(),
        };
        let answer = self.as_token_service().directory().get_principal(request).await.expect("answered").into_inner();
        answer.as_of.expect("a position").number
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}
