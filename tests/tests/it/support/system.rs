//! The whole system, as three processes or as one, with what the tests do with it as an administrator.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::configuration::Ports;
use super::grpcurl::{self, Call};
use super::postgres;
use super::program::{Program, run};
use super::upstream::Upstream;

/// The e-mail of the first administrator.
pub const ADMINISTRATOR: &str = "admin@localhost";
/// The password that everybody chooses.
pub const PASSWORD: &str = "walk the long way round";

/// Where three processes keep their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    /// Where the database of `service` is.
    fn url(self, service: &str, folder: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite:{}", folder.join(format!("{service}.db")).display()),
            Self::Postgres => postgres::database(),
        }
    }
}

/// A running system whose administrator has signed in.
pub struct System {
    pub gateway: SocketAddr,
    pub registry: SocketAddr,
    pub identity: SocketAddr,
    pub token: SocketAddr,
    pub session: String,
    pub upstream: Upstream,
    programs: BTreeMap<&'static str, Program>,
    folder: TempDir,
    _ports: Ports,
}

/// A user who has signed in.
pub struct User {
    pub id: String,
    pub session: String,
}

impl User {
    /// `users/{id}`.
    pub fn name(&self) -> String {
        format!("users/{}", self.id)
    }
}

impl System {
    /// Three processes, started in an order in which each misses the ones after it.
    pub async fn processes(database: Database) -> Self {
        Self::in_order(database, ["gateway", "identity", "token"]).await
    }

    /// Three processes, started in this order.
    pub async fn in_order(database: Database, order: [&'static str; 3]) -> Self {
        Self::at(|service, folder| database.url(service, folder), order).await
    }

    /// Three processes on the databases that `url` names.
    pub async fn on(url: impl Fn(&str) -> String) -> Self {
        Self::at(|service, _| url(service), ["gateway", "identity", "token"]).await
    }

    async fn at(url: impl Fn(&str, &Path) -> String, order: [&'static str; 3]) -> Self {
        let folder = private_folder();
        let ports = Ports::reserve();
        let made = run(&["credentials", "init", "--folder", &text(&folder.path().join("credentials"))]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for service in order {
            fs::write(
                folder.path().join(format!("{service}.toml")),
                ports.configuration(service, folder.path(), &url(service, folder.path())),
            )
            .expect("a configuration");
        }
        let mut programs: BTreeMap<&'static str, Program> =
            order.iter().map(|service| (*service, start(service, folder.path()))).collect();
        for program in programs.values_mut() {
            program.until_ready();
        }
        let address = |program: &str, listener: &str| programs.get(program).expect("a program").address(listener);
        let (gateway, registry) = (address("gateway", "gateway"), address("gateway", "gateway-admin"));
        let (identity, token) = (address("identity", "identity"), address("token", "token"));
        let session = first_sign_in(identity, &folder.path().join("first-password"));
        let upstream = Upstream::start().await;
        Self { gateway, registry, identity, token, session, upstream, programs, folder, _ports: ports }
    }

    /// The folder with everything: databases, keys, logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Takes one of its processes out, to see it end.
    pub fn take(&mut self, service: &str) -> Program {
        self.programs.remove(service).expect("a running process")
    }

    /// Kills one process.
    pub fn kill(&mut self, service: &str) {
        self.programs.remove(service).expect("a running process").kill();
    }

    /// Starts one process again.
    pub fn start_again(&mut self, service: &'static str) {
        let mut program = start(service, self.folder.path());
        program.until_ready();
        self.programs.insert(service, program);
    }

    /// A call to the identity service as the administrator.
    pub fn identity(&self, method: &str) -> Call {
        grpcurl::call(self.identity, &format!("passgate.identity.v1.{method}")).token(&self.session)
    }

    /// A call to the token service as the administrator.
    pub fn token(&self, method: &str) -> Call {
        self.token_as(&self.session, method)
    }

    /// A call to the token service with this token.
    pub fn token_as(&self, token: &str, method: &str) -> Call {
        grpcurl::call(self.token, &format!("passgate.token.v1.{method}")).token(token)
    }

    /// A call to the gateway's registry as the administrator.
    pub fn registry(&self, method: &str) -> Call {
        grpcurl::call(self.registry, &format!("passgate.gateway.v1.{method}")).token(&self.session)
    }

    /// Puts an endpoint in front of the upstream.
    pub fn endpoint(&self, name: &str) {
        let endpoint = json!({"name": name, "upstream": self.upstream.url()});
        self.registry("EndpointService/CreateEndpoint").body(json!({"endpoint": endpoint})).answered();
    }

    /// Makes a user with these grants, who signs in.
    pub fn user(&self, email: &str, grants: &[&str]) -> User {
        let made = self.identity("UserService/CreateUser").body(json!({"email": email, "grants": grants})).answered();
        let id = made["user"]["id"].as_str().expect("an id").to_owned();
        let password = made["oneTimePassword"].as_str().expect("a one-time password");
        User { id, session: sign_in(self.identity, email, password) }
    }

    /// Makes an API user with these grants, and answers its name, `api-users/{id}`.
    pub fn api_user(&self, name: &str, grants: &[&str]) -> String {
        let made =
            self.identity("ApiUserService/CreateApiUser").body(json!({"name": name, "grants": grants})).answered();
        format!("api-users/{}", made["apiUser"]["id"].as_str().expect("an id"))
    }

    /// Makes a token as the administrator.
    pub fn create_token(&self, body: Value) -> Value {
        self.token("TokenService/CreateToken").body(body).answered()
    }

    /// Makes a token as the user, and answers its secret.
    pub fn own_token(&self, user: &User, body: Value) -> String {
        let made = self.token_as(&user.session, "TokenService/CreateToken").body(body).answered();
        made["secret"].as_str().expect("the secret").to_owned()
    }
}

/// The whole system in one process on a data folder.
pub struct Standalone {
    pub gateway: SocketAddr,
    pub registry: SocketAddr,
    pub identity: SocketAddr,
    pub token: SocketAddr,
    folder: TempDir,
    program: Program,
}

impl Standalone {
    /// Starts it on a new data folder.
    pub async fn start() -> Self {
        Self::start_again(private_folder()).await
    }

    /// Starts it on the data folder of one that was stopped.
    pub async fn start_again(folder: TempDir) -> Self {
        let data = text(&folder.path().join("data"));
        let log = folder.path().join("standalone.log");
        let mut program = Program::start(&["standalone", "--free-ports", "--data", &data], &log);
        program.until_ready();
        let [gateway, registry, identity, token] =
            ["gateway", "gateway-admin", "identity", "token"].map(|name| program.address(name));
        Self { gateway, registry, identity, token, folder, program }
    }

    /// Signs the first administrator in with the one-time password.
    pub fn first_sign_in(&self) -> String {
        first_sign_in(self.identity, &self.folder.path().join("data/first-password"))
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Stops it and gives the folder back.
    pub fn stop(self) -> TempDir {
        let status = self.program.stop();
        assert!(status.success(), "{status}");
        self.folder
    }
}

/// Starts one service on its configuration in the folder.
fn start(service: &str, folder: &Path) -> Program {
    let config = text(&folder.join(format!("{service}.toml")));
    Program::start(&[service, "--config", &config], &folder.join(format!("{service}.log")))
}

fn first_sign_in(identity: SocketAddr, file: &Path) -> String {
    let password = fs::read_to_string(file).expect("the first password's file");
    sign_in(identity, ADMINISTRATOR, password.trim())
}

/// Signs in, choosing [`PASSWORD`], and answers the session token.
pub fn sign_in(identity: SocketAddr, email: &str, password: &str) -> String {
    let body = json!({"email": email, "password": password, "newPassword": PASSWORD});
    let answer = grpcurl::call(identity, "passgate.identity.v1.SessionService/SignIn").body(body).answered();
    answer["sessionToken"].as_str().expect("a session").to_owned()
}

/// A folder that only this user may enter.
pub fn private_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("a mode");
    folder
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path of plain characters").to_owned()
}
