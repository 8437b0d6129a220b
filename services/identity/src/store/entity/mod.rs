//! The rows as sea-orm maps them.

pub mod creation;
pub mod failure;
pub mod grant;
pub mod group;
pub mod installation;
pub mod membership;
pub mod principal;
