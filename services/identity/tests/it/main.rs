//! The identity service in process, over real connections, on SQLite and on PostgreSQL, with a stand-in for the token service.

#![cfg(test)]

mod support;

mod api_user;
mod audit;
mod bad_fields;
mod confirmation;
mod containment;
mod creation;
mod directory;
mod etag;
mod first_start;
mod grant;
mod group;
mod lists;
mod session;
mod sign_in_limits;
mod user;
