//! Why the gateway does not connect.

use std::io;
use std::net::IpAddr;

use super::Forbidden;

/// Why an upstream is not connected to.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// An address that no setting allows.
    #[error("{address} is {}, which is never connected to", why.as_str())]
    Forbidden {
        /// The address.
        address: IpAddr,
        /// What it is.
        why: Forbidden,
    },
    /// A loopback or private address that is not among those configured.
    #[error(
        "{address} is a {kind} address, which is connected to only if the setting `allowed_upstreams` lists its network"
    )]
    NotAllowed {
        /// The address.
        address: IpAddr,
        /// `loopback` or `private`.
        kind: &'static str,
    },
    /// The name of a cloud's metadata service.
    #[error("{name} is the name of a cloud's metadata service, which is never connected to")]
    MetadataName {
        /// The name.
        name: Box<str>,
    },
    /// A name that means this machine, which the configuration does not allow.
    #[error(
        "{name} means this machine, which is connected to only if the setting `allowed_upstreams` lists 127.0.0.1 or ::1"
    )]
    LoopbackName {
        /// The name.
        name: Box<str>,
    },
    /// The gateway itself.
    #[error("{address} port {port} is this gateway itself")]
    OwnListener {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
    },
    /// A service of this installation that the gateway calls itself.
    #[error(
        "{host} port {port} is a service of this Passgate installation, which is called as the built-in API that it is"
    )]
    OwnService {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The URI names no host.
    #[error("the upstream's address names no host")]
    NoHost,
    /// The connection did not come about.
    #[error("no connection to {host}")]
    Connect {
        /// Host and port as they were asked for.
        host: String,
        /// What the system said.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The other end has no certificate for this name that is trusted, or does not speak TLS, or not the protocol asked for.
    #[error("no TLS with {host}")]
    Tls {
        /// Host and port as they were asked for.
        host: String,
        /// What was wrong.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection was gone before it could be looked at.
    #[error("the connection ended at once")]
    Gone(#[from] io::Error),
}

impl DialError {
    /// Whether a rule forbids it, as opposed to nobody answering.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Forbidden { .. }
            | Self::NotAllowed { .. }
            | Self::MetadataName { .. }
            | Self::LoopbackName { .. }
            | Self::OwnListener { .. }
            | Self::OwnService { .. }
            | Self::NoHost => true,
            // A refusal by the resolver comes wrapped in what the connector makes of it.
            Self::Connect { cause, .. } => is_refusal_below(cause.as_ref()),
            Self::Tls { .. } | Self::Gone(_) => false,
        }
    }
}

fn is_refusal_below(error: &(dyn std::error::Error + 'static)) -> bool {
    match error.downcast_ref::<DialError>() {
        Some(error) => error.is_refusal(),
        None => error.source().is_some_and(is_refusal_below),
    }
}
