//! The two sample upstreams that the demo puts behind the gateway.

mod grpc;
mod http;

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use grpc::{OrderReply, OrderRequest};

/// Starts both upstreams on loopback, on ports that the system chooses: the HTTP one's address, then the gRPC one's.
///
/// They end when `stop` is cancelled.
///
/// # Errors
/// Fails if no loopback port can be had.
pub async fn start(tasks: &TaskTracker, stop: &CancellationToken) -> Result<(SocketAddr, SocketAddr)> {
    let http = TcpListener::bind("127.0.0.1:0").await.context("a port for the sample HTTP upstream")?;
    let grpc = TcpListener::bind("127.0.0.1:0").await.context("a port for the sample gRPC upstream")?;
    let addresses = (http.local_addr()?, grpc.local_addr()?);
    tasks.spawn(http::serve(http, stop.clone()));
    tasks.spawn(grpc::serve(grpc, stop.clone()));
    Ok(addresses)
}
