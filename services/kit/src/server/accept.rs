//! Taking connections. A failure to take one, or to shake hands with who connected, ends nothing: not the listener, and not
//! the connections that are open.

use std::io;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::tls::{ServerStream, ServerTls};

/// How long to wait when the system has no room for another connection. Without the wait the loop would eat a core.
const NO_ROOM: Duration = Duration::from_millis(50);

/// The connections that `listener` takes, without end.
pub(super) fn connections(listener: TcpListener) -> impl Stream<Item = io::Result<ServerStream>> {
    unfold(listener, |listener| async move { Some((Ok(ServerStream::Plain(take(&listener).await)), listener)) })
}

/// Those of them that `tls` shook hands with. Who is slow about it holds nobody up.
pub(super) fn secured(listener: TcpListener, tls: ServerTls) -> impl Stream<Item = io::Result<ServerStream>> {
    unfold(Door { listener, tls, shaking: JoinSet::new() }, |mut door| async move {
        let stream = door.next().await;
        Some((Ok(stream), door))
    })
}

struct Door {
    listener: TcpListener,
    tls: ServerTls,
    /// The handshakes under way. They end with this.
    shaking: JoinSet<Option<ServerStream>>,
}

impl Door {
    async fn next(&mut self) -> ServerStream {
        let Self { listener, tls, shaking } = self;
        loop {
            // Losing any of the branches loses nothing: each can be waited for again.
            tokio::select! {
                Some(shaken) = shaking.join_next() => {
                    if let Ok(Some(stream)) = shaken {
                        return stream;
                    }
                }
                (room, stream) = async { (tls.room().await, take(listener).await) } => {
                    let tls = tls.clone();
                    shaking.spawn(async move {
                        let peer = stream.peer_addr().ok();
                        match tls.accept(room, stream).await {
                            Ok(stream) => Some(ServerStream::Tls(Box::new(stream))),
                            Err(error) => {
                                tracing::debug!(?peer, %error, "no TLS with who connected: {error}");
                                None
                            }
                        }
                    });
                }
                never = tls.watch() => match never {},
            }
        }
    }
}

/// Takes the next connection. Cancel safe.
async fn take(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                let _ = connection.set_nodelay(true); // only slower without it
                return connection;
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection now, trying again: {error}");
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
}

/// Whether the one who was calling has gone, which concerns nobody else.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
