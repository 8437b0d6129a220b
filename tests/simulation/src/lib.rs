//! The promise of the change feed, held by running the real services through faults that a seed decides.
//!
//! One thread runs everything: identity, two replicas of the token service and gateways' decision clients, each on a host
//! of its own with a clock, a runtime in virtual time, and a network in between ([`net`], [`host`], [`sim`]). Nothing
//! depends on real time or on another thread, so a seed is a run, and the same seed is the same run.
//!
//! **Real** are the services as they start in production (access layer, RPCs, store, feed, followers, leases), tonic and
//! HTTP/2 between them, SQLite with real files, and the gateways' decision client. **Not real** are the network, time,
//! randomness, the gateways' data plane, and PostgreSQL: replicas share a SQLite file and poll it.

pub mod admin;
pub mod batch;
pub mod bridge;
pub mod broken;
pub mod cast;
pub mod check;
pub mod faults;
pub mod gateway;
pub mod history;
pub mod host;
pub mod installation;
pub mod net;
pub mod operator;
pub mod rng;
pub mod run;
pub mod sim;
pub mod world;

use std::net::SocketAddr;

use net::HostId;

/// Where a host listens.
#[must_use]
pub fn address(host: HostId) -> SocketAddr {
    let last = u8::try_from(host.0).unwrap_or(u8::MAX - 1).saturating_add(1);
    SocketAddr::from(([127, 0, 1, last], 9000))
}
