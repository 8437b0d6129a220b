//! The gateway: named HTTP endpoints and registered gRPC APIs behind the token service's decisions.
//!
//! It owns the **registry**: which endpoints and APIs there are, where they go, under which rules. Its two ports are two ways
//! through the crate:
//!
//! - *data port*: a request is read ([`proxy`]), its route is looked up in the [`registry`] snapshot, the token is judged,
//!   from memory where that can tell (passgate-client's `decider`), and the request is forwarded over a connection that the
//!   [`dial`] guard let through;
//! - *admin port*: kit's access layer authorizes the call, `rpc` reads it, `store` writes row and feed entry in one
//!   transaction, and the answer leaves once the follower has put the change into the snapshot.

pub mod dial;
pub mod error;
pub mod fresh;
pub mod proxy;
pub mod registry;

mod admin;
mod config;
mod links;
mod ready;
mod rpc;
mod secure;
mod service;
mod store;

pub use config::{Config, ConfigError};
pub use service::{Running, Runtime, Service, StartError};
