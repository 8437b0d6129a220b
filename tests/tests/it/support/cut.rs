//! A line between a service and its database that can be stopped: it takes connections and bytes, and passes nothing on.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The line. It is gone when this is dropped.
pub struct Line {
    address: SocketAddr,
    open: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Line {
    /// One to `target`, open.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (open, is_open) = watch::channel(true);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                lines.spawn(connect(near, target, is_open.clone()));
            }
        });
        Self { address, open, _tasks: tasks }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Holds every byte back from now on.
    pub fn stop(&self) {
        self.open.send_replace(false);
    }

    /// Lets them pass again.
    pub fn go_on(&self) {
        self.open.send_replace(true);
    }
}

async fn connect(near: TcpStream, target: SocketAddr, is_open: watch::Receiver<bool>) {
    let Ok(far) = TcpStream::connect(target).await else { return };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = pass(near_in, far_out, is_open.clone()) => {}
        () = pass(far_in, near_out, is_open) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_open: watch::Receiver<bool>) {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut piece).await else { return };
        if is_open.wait_for(|open| *open).await.is_err() || to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}
