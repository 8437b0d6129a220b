//! TLS, by rustls with aws-lc-rs: on the ports that are listened on, and on the ways to other services and to upstreams.
//!
//! **What is configured as TLS never falls back to plaintext**, and a connection is only as good as the files are now: they
//! are looked at once a second, and what is opened later uses what they hold. Files that are wrong change nothing: what was
//! in force stays so, and the log says it once. Between services a certificate of the installation's own CA tells who
//! calls, by the one URI that it names ([`ServiceName`]).

mod client;
mod config;
mod error;
mod expiry;
mod files;
mod followed;
mod name;
mod only_services;
mod server;
mod stream;

pub use self::client::{ClientStream, ClientTls, Speaks};
pub use self::config::{CertificateFiles, LinkTls, ListenerTls};
pub use self::error::TlsError;
pub use self::name::ServiceName;
pub use self::server::{Offers, Room, ServerTls};
pub use self::stream::{ConnectionInfo, MaybeTls, ServerStream, Wire};
