//! `passgate identity`, `passgate token` and `passgate gateway`: one service each.

use std::path::Path;

use anyhow::Result;
use passgate_kit::config;
use serde::de::DeserializeOwned;

use crate::launch::{self, Surroundings};
use crate::ready::Announcer;

/// Runs the identity service until told to end.
///
/// # Errors
/// Why it does not start, or ended.
pub async fn identity(file: Option<&Path>, announcer: &mut Announcer) -> Result<()> {
    let surroundings = Surroundings::system();
    let launched = launch::identity(load(file, IDENTITY)?, &surroundings).await?;
    launch::serve(launched, &surroundings, announcer).await
}

/// Runs the token service until told to end.
///
/// # Errors
/// Why it does not start, or ended.
pub async fn token(file: Option<&Path>, announcer: &mut Announcer) -> Result<()> {
    let surroundings = Surroundings::system();
    let launched = launch::token(load(file, TOKEN)?, &surroundings).await?;
    launch::serve(launched, &surroundings, announcer).await
}

/// Runs the gateway until told to end.
///
/// # Errors
/// Why it does not start, or ended.
pub async fn gateway(file: Option<&Path>, announcer: &mut Announcer) -> Result<()> {
    let surroundings = Surroundings::system();
    let launched = launch::gateway(load(file, GATEWAY)?, &surroundings).await?;
    launch::serve(launched, &surroundings, announcer).await
}

/// What the names of a service's variables begin with.
pub const IDENTITY: &str = "PASSGATE_IDENTITY_";
/// See [`IDENTITY`].
pub const TOKEN: &str = "PASSGATE_TOKEN_";
/// See [`IDENTITY`].
pub const GATEWAY: &str = "PASSGATE_GATEWAY_";

/// A service's configuration: its defaults, then the file, then its variables.
///
/// # Errors
/// Every problem in it.
pub fn load<T: DeserializeOwned>(file: Option<&Path>, environment: &str) -> Result<T> {
    Ok(config::load(file, environment, serde_json::json!({}))?)
}
