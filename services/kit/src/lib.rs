//! What the three servers share.

pub mod etag;
pub mod fields;
pub mod keyfile;
pub mod page;
pub mod problem;
pub mod request;

pub use passgate_client as client;
