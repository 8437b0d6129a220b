//! The token service over real connections, on both databases.

#![cfg(test)]

mod audit;
mod authorization;
mod confirmation;
mod containment;
mod creation;
mod evidence;
mod holdings;
mod issuing;
mod keys;
mod replicas;
mod restore;
mod stream;
mod support;
mod tokens;
