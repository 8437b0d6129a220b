//! Which addresses the gateway connects to for others: the guard against being used to reach what callers cannot.
//!
//! An upstream is judged twice. At registration by what its URL says ([`DialRules::check_url`]), so that a mistake is told to
//! whoever makes it; and at every connection by the address that is *connected to* ([`Connector`]), so that a DNS name
//! which changes its mind after the first check gains nothing. [`classify()`] is the only judge.

mod allowed;
mod classify;
mod connector;
mod error;
mod rules;
mod service;
mod trust;

pub use allowed::{AllowedUpstreams, Network, NetworkError};
pub use classify::{Class, Forbidden, classify};
pub use connector::Connector;
pub use error::DialError;
pub use rules::{DialRules, OwnListeners};
pub use service::ServiceConnector;
pub use trust::UpstreamTrust;
