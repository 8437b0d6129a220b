//! Taking connections. A failure to take one ends nothing: not the listener, and not the connections that are open.

use std::io;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::net::{TcpListener, TcpStream};

/// How long to wait when the system has no room for another connection. Without the wait the loop would eat a core.
const NO_ROOM: Duration = Duration::from_millis(50);

/// The connections that `listener` takes, without end.
pub(super) fn connections(listener: TcpListener) -> impl Stream<Item = io::Result<TcpStream>> {
    unfold(listener, |listener| async move {
        loop {
            match listener.accept().await {
                Ok((connection, _)) => {
                    let _ = connection.set_nodelay(true); // only slower without it
                    return Some((Ok(connection), listener));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection now, trying again: {error}");
                    tokio::time::sleep(NO_ROOM).await;
                }
            }
        }
    })
}

/// Whether the one who was calling has gone, which concerns nobody else.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
