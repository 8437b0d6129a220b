//! The identity service: who there is (users, API users, groups) and what each may do at most (grants), and who signs in.
//!
//! A call comes through kit's access layer into `rpc`, which reads the message and opens one transaction under the
//! principals lock (`acting`); the rules of `principal`, `password`, `sign_in` and `creation` are applied in it, and `store`
//! writes rows and the feed's line together. `directory` streams the feed to the token service.

mod acting;
mod config;
mod creation;
mod directory;
mod email;
mod error;
mod first_start;
mod issuing;
mod password;
mod principal;
mod rpc;
mod service;
mod sign_in;
mod store;
mod sweep;

pub use config::{Config, ConfigError, HasherConfig};
pub use service::{Running, Runtime, Service, StartError};
