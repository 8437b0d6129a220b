//! What the three servers share.

pub use passgate_client as client;
