//! What the three servers share.

pub mod access;
pub mod caller;
pub mod etag;
pub mod feed;
pub mod fields;
pub mod idempotency;
pub mod keyfile;
pub mod mark;
pub mod page;
pub mod problem;
pub mod request;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use passgate_client as client;
