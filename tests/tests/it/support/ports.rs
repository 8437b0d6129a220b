//! Ports that the system chose and that nobody else gets before our process takes them.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A port that is bound, not listened on: the system gives it to nobody, yet a server (which sets `SO_REUSEADDR`, as
/// tokio's does) may listen on it. So processes that name each other can start in any order.
pub struct Reserved {
    address: SocketAddr,
    _held: TcpSocket,
}

impl Reserved {
    /// Reserves a loopback port.
    pub fn loopback() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("SO_REUSEADDR");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        Self { address: socket.local_addr().expect("its address"), _held: socket }
    }

    /// The address to listen on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
