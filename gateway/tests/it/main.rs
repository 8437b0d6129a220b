//! The gateway's integration tests: a real service over real connections, on both databases.

mod api;
mod audit;
mod containment;
mod dry_run;
mod endpoint;
mod lifecycle;
mod proxy;
mod support;
