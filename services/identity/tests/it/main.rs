//! The identity service in process, over real connections, on SQLite and on PostgreSQL, with a stand-in for the token service.

#![cfg(test)]

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on must fail, in its helpers too"
)]

mod support;

mod api_user;
mod containment;
mod creation;
mod directory;
mod first_start;
mod grant;
mod group;
mod session;
mod user;
