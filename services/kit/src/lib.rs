//! What the three servers share.

pub mod access;
pub mod audit;
pub mod caller;
pub mod config;
pub mod credentials;
pub mod etag;
pub mod feed;
pub mod field_mask;
pub mod fields;
pub mod filter;
pub mod idempotency;
pub mod keyfile;
pub mod list;
pub mod mark;
pub mod page;
pub mod problem;
pub mod request;
pub mod server;
mod stamp;
pub mod store;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;

pub use passgate_client as client;
