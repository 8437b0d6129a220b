//! Listening addresses: taking them, and telling where they are.

use std::io;
use std::net::SocketAddr;

use passgate_client::Ambient;
use passgate_client::world::Incoming;
use tokio::net::TcpListener;

use crate::tls::ServerTls;

/// Takes an address to listen on. Port 0 is one that the system chooses.
///
/// # Errors
/// Says which address, and what to do.
pub async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { what, address, source })
}

/// Takes an address to listen on, in the world that `ambient` is of.
///
/// # Errors
/// Says which address, and what to do.
pub async fn listen(ambient: &Ambient, what: &'static str, address: SocketAddr) -> Result<Listener, BindError> {
    match ambient.world() {
        None => bind(what, address).await.map(Listener::Tcp),
        Some(world) => match world.listen(address) {
            Ok(incoming) => Ok(Listener::Simulated(incoming, address)),
            Err(source) => Err(BindError { what, address, source }),
        },
    }
}

/// An address that is listened on.
#[derive(Debug)]
pub enum Listener {
    /// The operating system's.
    Tcp(TcpListener),
    /// The operating system's, with TLS.
    Tls(TcpListener, ServerTls),
    /// A simulation's.
    Simulated(Box<dyn Incoming>, SocketAddr),
}

impl Listener {
    /// The same, which speaks TLS only if `tls` says how. A simulation has none.
    #[must_use]
    pub fn secured(self, tls: Option<ServerTls>) -> Self {
        match (self, tls) {
            (Self::Tcp(listener), Some(tls)) => Self::Tls(listener, tls),
            (listener, _) => listener,
        }
    }

    /// Where it is.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener) | Self::Tls(listener, _) => listener.local_addr(),
            Self::Simulated(_, address) => Ok(*address),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for {what}: {}", remedy(.source))]
pub struct BindError {
    what: &'static str,
    address: SocketAddr,
    source: io::Error,
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another process has this port; stop it, or choose another port (0 lets the system choose)"
        }
        io::ErrorKind::PermissionDenied => "this user may not take this port; choose one from 1024 on",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address; choose one that it has",
        _ => "the cause says what the system refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_told_with_the_port_and_what_to_do() {
        let first = bind("the admin port", SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = first.local_addr().unwrap();

        let error = bind("the admin port", address).await.expect_err("it is taken").to_string();

        assert!(error.contains(&address.to_string()) && error.contains("choose another port"), "{error}");
    }
}
