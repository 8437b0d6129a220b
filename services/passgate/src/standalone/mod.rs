//! `passgate standalone`: the three services in one process over real loopback gRPC, on a data folder that is filled at the
//! first start.

mod folder;
mod ports;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use passgate_gateway::dial::{AllowedUpstreams, Network};
use passgate_kit::keyfile::{read_key, read_or_create_key};
use passgate_kit::store::DatabaseConfig;

pub use self::folder::DataFolder;
use self::ports::Settled;
use crate::cli::StandaloneArgs;
use crate::credentials::CredentialFolder;
use crate::launch::{self, Launched, Surroundings};

/// The e-mail of the first administrator.
pub const ADMINISTRATOR: &str = "admin@localhost";

/// Where the listeners are to be.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    gateway: SocketAddr,
    gateway_admin: SocketAddr,
    identity: SocketAddr,
    token: SocketAddr,
}

impl Addresses {
    /// Loopback, on ports that the system chooses.
    #[must_use]
    pub fn free() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { gateway: free, gateway_admin: free, identity: free, token: free }
    }

    /// Those of the command line.
    ///
    /// # Errors
    /// If one is off loopback: there is no TLS to protect it.
    pub fn of(args: &StandaloneArgs) -> Result<Self> {
        if args.free_ports {
            return Ok(Self::free());
        }
        let StandaloneArgs { gateway, gateway_admin, identity, token, .. } = *args;
        for address in [gateway, gateway_admin, identity, token] {
            ensure!(
                address.ip().is_loopback(),
                "standalone listens on loopback only, not on {address}: put a TLS proxy in front of it, or run the services one by one"
            );
        }
        Ok(Self { gateway, gateway_admin, identity, token })
    }
}

/// A running standalone.
pub struct Standalone {
    /// Its services.
    pub launched: Launched,
    /// Where the administrator's one-time password was written at the first start.
    pub first_password_file: PathBuf,
    /// Keeps the data folder and the ports this process's own until it is dropped.
    pub held: Held,
}

/// What is this process's own.
pub struct Held {
    _folder: DataFolder,
    _ports: [Settled; 2],
}

/// Starts the three services on the data folder `data`.
///
/// # Errors
/// Why one of them does not start; nothing goes on running then.
pub async fn start(data: &Path, addresses: Addresses, surroundings: &Surroundings) -> Result<Standalone> {
    let folder = DataFolder::open(data)?;
    let no_port = "the system has no free port";
    let identity = Settled::settle(addresses.identity).context(no_port)?;
    let token = Settled::settle(addresses.token).context(no_port)?;
    let place = Place::fill(&folder, identity.address(), token.address(), surroundings)?;

    // Any order works; in this one nobody has to try twice.
    let mut launched = launch::identity(place.identity(), surroundings).await?;
    launched.join(launch::token(place.token(), surroundings).await?);
    launched.join(launch::gateway(place.gateway(addresses), surroundings).await?);
    let held = Held { _folder: folder, _ports: [identity, token] };
    Ok(Standalone { launched, first_password_file: place.first_password_file(), held })
}

/// What the services' configurations name.
struct Place {
    root: PathBuf,
    credentials: CredentialFolder,
    identity: SocketAddr,
    token: SocketAddr,
}

impl Place {
    /// Makes what is missing in the data folder.
    fn fill(folder: &DataFolder, identity: SocketAddr, token: SocketAddr, surroundings: &Surroundings) -> Result<Self> {
        let root = folder.root().to_owned();
        let credentials = root.join("credentials");
        fs::create_dir_all(&credentials)
            .with_context(|| format!("cannot make {}: its disk must have room", credentials.display()))?;
        let credentials = CredentialFolder::at(&credentials);
        credentials.complete(&surroundings.ambient)?;
        let master = root.join("master.key");
        if root.join("token.db").exists() {
            read_key(&master)?; // a new one would open nothing of what is there
        } else {
            read_or_create_key(&master, &surroundings.ambient)?;
        }
        Ok(Self { root, credentials, identity, token })
    }

    fn first_password_file(&self) -> PathBuf {
        self.root.join("first-password")
    }

    fn identity(&self) -> passgate_identity::Config {
        passgate_identity::Config {
            listen: self.identity,
            token_url: url(self.token),
            database: DatabaseConfig::sqlite(&self.root.join("identity.db")),
            credential_file: self.credentials.credential_file("identity"),
            accepted_file: self.credentials.accepted_file(),
            mark_key_file: self.credentials.mark_key_file(),
            first_user_email: ADMINISTRATOR.to_owned(),
            first_password_file: self.first_password_file(),
            ..passgate_identity::Config::default()
        }
    }

    fn token(&self) -> passgate_token::Config {
        passgate_token::Config {
            listen: self.token,
            identity_url: url(self.identity),
            database: DatabaseConfig::sqlite(&self.root.join("token.db")),
            credential_file: self.credentials.credential_file("token"),
            accepted_file: self.credentials.accepted_file(),
            mark_key_file: self.credentials.mark_key_file(),
            master_key_file: self.root.join("master.key"),
            ..passgate_token::Config::default()
        }
    }

    fn gateway(&self, addresses: Addresses) -> passgate_gateway::Config {
        passgate_gateway::Config {
            listen: addresses.gateway,
            admin_listen: addresses.gateway_admin,
            token_urls: vec![url(self.token)],
            identity_url: url(self.identity),
            database: DatabaseConfig::sqlite(&self.root.join("gateway.db")),
            credential_file: self.credentials.credential_file("gateway"),
            mark_key_file: self.credentials.mark_key_file(),
            allowed_upstreams: own_networks(),
            ..passgate_gateway::Config::default()
        }
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Where upstreams may be: in this machine, and in private networks.
fn own_networks() -> AllowedUpstreams {
    const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
    let mut networks = AllowedUpstreams::loopback();
    networks.0.extend(PRIVATE.iter().filter_map(|network| Network::parse(network).ok()));
    networks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_may_be_on_this_machine_and_in_private_networks_and_nowhere_else_that_is_special() {
        let networks = own_networks();
        let contains = |address: &str| networks.contains(address.parse().expect("an address"));

        for inside in ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "fd00::1"] {
            assert!(contains(inside), "{inside}");
        }
        for outside in ["169.254.169.254", "172.32.0.1", "fe80::1"] {
            assert!(!contains(outside), "{outside}");
        }
    }

    #[test]
    fn an_address_off_loopback_is_refused() {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let args = StandaloneArgs {
            data: PathBuf::new(),
            gateway: SocketAddr::from(([0, 0, 0, 0], 8080)),
            gateway_admin: loopback,
            identity: loopback,
            token: loopback,
            free_ports: false,
            serving: crate::cli::Serving::default(),
        };

        let error = Addresses::of(&args).expect_err("a refusal").to_string();

        assert!(error.contains("0.0.0.0:8080"), "{error}");
    }
}
