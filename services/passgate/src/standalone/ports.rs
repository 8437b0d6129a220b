//! The addresses of services that must know each other before any of them listens.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// An address that is settled. Where the system chose the port, it is bound here, not listened on, until this is dropped: so
/// nobody else is given it, and the service (which sets `SO_REUSEADDR`, as tokio's listeners do) may listen on it.
pub struct Settled {
    address: SocketAddr,
    _held: Option<TcpSocket>,
}

impl Settled {
    /// Settles `wanted`: a port of 0 becomes one that is free.
    ///
    /// # Errors
    /// If the system has none.
    pub fn settle(wanted: SocketAddr) -> io::Result<Self> {
        if wanted.port() != 0 {
            return Ok(Self { address: wanted, _held: None });
        }
        let socket = if wanted.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(wanted)?;
        Ok(Self { address: socket.local_addr()?, _held: Some(socket) })
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_settled_port_can_be_listened_on_while_it_is_held() {
        let settled = Settled::settle("127.0.0.1:0".parse().expect("an address")).expect("a free port");

        let listener = tokio::net::TcpListener::bind(settled.address()).await.expect("held for us");

        assert_eq!(listener.local_addr().expect("an address"), settled.address());
        assert_ne!(settled.address().port(), 0);
    }
}
