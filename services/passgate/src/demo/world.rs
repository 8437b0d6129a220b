//! What the demo remembers between its steps: ids, secrets, and the change mark of the last write.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};

/// Where the demo's calls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The gateway's data port.
    Gateway,
    /// The gateway's admin port: endpoints and APIs.
    Registry,
    /// The identity service.
    Identity,
    /// The token service.
    Token,
}

/// The addresses of what the demo started.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The gateway's data port.
    pub gateway: SocketAddr,
    /// The gateway's admin port.
    pub registry: SocketAddr,
    /// The identity service.
    pub identity: SocketAddr,
    /// The token service.
    pub token: SocketAddr,
    /// The sample HTTP upstream.
    pub http_upstream: SocketAddr,
    /// The sample gRPC upstream.
    pub grpc_upstream: SocketAddr,
}

/// The demo's memory. Secrets in it are spoken to Passgate only; the screen shows their first characters.
pub struct World {
    /// Where everything is.
    pub addresses: Addresses,
    kept: BTreeMap<&'static str, String>,
    mark: Option<String>,
}

impl World {
    /// A memory that holds the addresses and the administrator's first password.
    #[must_use]
    pub fn new(addresses: Addresses, administrator: String, first_password: String) -> Self {
        let kept = BTreeMap::from([("administrator", administrator), ("first password", first_password)]);
        Self { addresses, kept, mark: None }
    }

    /// Remembers `value` as `name`.
    pub fn keep(&mut self, name: &'static str, value: impl Into<String>) {
        self.kept.insert(name, value.into());
    }

    /// What an earlier step kept as `name`.
    ///
    /// # Errors
    /// Fails if no step did.
    pub fn kept(&self, name: &str) -> Result<&str> {
        self.kept.get(name).map(String::as_str).with_context(|| format!("no step has kept \"{name}\""))
    }

    /// The change mark of the last write, which every later call carries: it is decided on nothing older.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// Remembers a write's change mark.
    pub fn note_mark(&mut self, mark: String) {
        self.mark = Some(mark);
    }

    /// The address of `to`.
    #[must_use]
    pub const fn address(&self, to: To) -> SocketAddr {
        match to {
            To::Gateway => self.addresses.gateway,
            To::Registry => self.addresses.registry,
            To::Identity => self.addresses.identity,
            To::Token => self.addresses.token,
        }
    }
}
