//! What the three servers share.

pub mod etag;
pub mod feed;
pub mod fields;
pub mod idempotency;
pub mod keyfile;
pub mod page;
pub mod problem;
pub mod request;
pub mod store;

pub use passgate_client as client;
