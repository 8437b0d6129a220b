//! The token service.
pub mod decision;
mod error;
mod key;
mod memory;
mod projection;
mod session;
mod store;
pub mod token;
