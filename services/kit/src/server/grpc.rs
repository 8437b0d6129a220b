//! A gRPC server the way all of Passgate's are set up, and channels to them.

use std::time::Duration;

use passgate_client::Ambient;
use passgate_proto::PUBLIC_DESCRIPTOR_SET;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::Builder as Reflection;

use super::accept::{connections, secured};
use super::listen::Listener;
use super::simulated;
use crate::access::AccessLayer;

/// How long a connection may be silent before it is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long it may take to answer that.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How many calls of one connection are worked on at once.
const CALLS_PER_CONNECTION: usize = 256;
/// How much metadata a call may have, in bytes.
const METADATA_BYTES: u32 = 32 * 1024;

/// Whether a service is ready, as `grpc.health.v1` tells it. Cheap to clone.
#[derive(Clone)]
pub struct Readiness(HealthReporter);

impl std::fmt::Debug for Readiness {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Readiness(..)")
    }
}

impl Readiness {
    /// Tells whether the service is ready from now on.
    pub async fn set(&self, ready: bool) {
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.0.set_service_status("", status).await;
    }
}

/// `routes` with health and reflection (v1, and v1alpha for older grpcurl) beside them. Not ready until it is said.
///
/// Reflection knows the public services only; the internal ones are in none of its answers.
///
/// # Errors
/// If the contracts' descriptor set cannot be read, which a build does not let happen.
pub async fn with_standard_services(routes: Routes) -> Result<(Routes, Readiness), tonic_reflection::server::Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let readiness = Readiness(reporter);
    readiness.set(false).await;
    let reflection = || {
        Reflection::configure()
            .register_encoded_file_descriptor_set(PUBLIC_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    let routes =
        routes.add_service(health).add_service(reflection().build_v1()?).add_service(reflection().build_v1alpha()?);
    Ok((routes, readiness))
}

/// Serves `routes` behind the access layer until `stop`, then finishes the calls under way.
///
/// # Errors
/// If the listener fails for good; a connection that fails ends alone.
pub async fn serve(
    listener: impl Into<Listener>,
    access: AccessLayer,
    routes: Routes,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
        .http2_max_header_list_size(METADATA_BYTES)
        .concurrency_limit_per_connection(CALLS_PER_CONNECTION)
        .layer(access)
        .add_routes(routes);
    let stop = stop.cancelled_owned();
    match listener.into() {
        Listener::Tcp(listener) => server.serve_with_incoming_shutdown(connections(listener), stop).await,
        Listener::Tls(listener, tls) => server.serve_with_incoming_shutdown(secured(listener, tls), stop).await,
        Listener::Simulated(incoming, _) => {
            server.serve_with_incoming_shutdown(simulated::connections(incoming), stop).await
        }
    }
}

/// A channel to the service at `url`. It connects when it is first used, and again whenever it must.
///
/// # Errors
/// If `url` is none.
pub fn channel(url: &str) -> Result<Channel, UrlError> {
    endpoint(url).map(|endpoint| endpoint.connect_lazy())
}

/// A channel to the service at `url`, like [`channel`], in the world that `ambient` is of.
///
/// # Errors
/// If `url` is none.
pub fn dial(ambient: &Ambient, url: &str) -> Result<Channel, UrlError> {
    match ambient.world() {
        None => channel(url),
        Some(world) => endpoint(url).map(|endpoint| simulated::channel(&endpoint, world.clone())),
    }
}

fn endpoint(url: &str) -> Result<Endpoint, UrlError> {
    if !url.starts_with("http://") || url.contains('@') {
        return Err(UrlError);
    }
    Endpoint::from_shared(url.to_owned()).map(with_bounds).map_err(|_| UrlError)
}

/// The bounds of every way to another service.
pub(super) fn with_bounds(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(Duration::from_secs(2))
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true)
}

/// Not the address of a service. What was given is not repeated: it may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no address of a service: it must be like http://127.0.0.1:9082, without a name or password")]
pub struct UrlError;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_address_of_a_service_is_a_url() {
        assert!(channel("http://127.0.0.1:9082").is_ok());
        for wrong in ["", "127.0.0.1:9082", "ftp://a", "http://", "http://a b", "http://me:word@a"] {
            assert!(channel(wrong).is_err(), "{wrong:?}");
        }
    }
}
