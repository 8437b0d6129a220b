//! The identity service in process, over real connections, on SQLite and on PostgreSQL, with a stand-in for the token service.

#![cfg(test)]

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
