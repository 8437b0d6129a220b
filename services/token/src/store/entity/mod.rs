//! The tables as sea-orm sees them.

pub mod decider;
pub mod feed_doubt;
pub mod grants;
pub mod installation;
pub mod membership;
pub mod principal;
pub mod principal_group;
pub mod projection;
pub mod session;
pub mod signing_input;
pub mod signing_key;
pub mod token;
pub mod token_secret;
