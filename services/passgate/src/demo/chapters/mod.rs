//! What the demo shows, in order.

mod passgate_api;
mod refusals;
mod setup;
mod way_one;
mod way_two;

use std::time::Duration;

use anyhow::Result;
use http::Method;
use passgate_proto::token::v1::CreateTokenResponse;
use passgate_proto::r#type::v1::PatternList;
use prost::Message as _;

use super::step::{Call, Chapter, Expect, Http, Rpc, Step, glimpse};
use super::world::World;

/// All chapters.
#[must_use]
pub fn all() -> Vec<Chapter> {
    vec![setup::chapter(), way_one::chapter(), way_two::chapter(), refusals::chapter(), passgate_api::chapter()]
}

/// A gRPC step that must be answered.
fn rpc(title: &'static str, rpc: Rpc) -> Step {
    Step { title, call: Call::Rpc(rpc), expect: Expect::Good }
}

/// An HTTP step that must be answered.
fn http(title: &'static str, method: Method, path: &'static str, token: Option<&'static str>) -> Step {
    Step { title, call: Call::Http(Http { method, path, token }), expect: Expect::Good }
}

/// A step that lets time pass.
fn wait(title: &'static str, time: Duration) -> Step {
    Step { title, call: Call::Wait(time), expect: Expect::Good }
}

impl Step {
    /// The same step, with another right answer.
    fn refused(self, expect: Expect) -> Self {
        Self { expect, ..self }
    }
}

/// A list of patterns as requests carry it.
fn patterns(list: &[&str]) -> PatternList {
    PatternList { patterns: list.iter().map(|&pattern| pattern.to_owned()).collect() }
}

/// Reads what CreateToken answers, and keeps the secret as `secret` and the id as `id`.
fn keep_token(world: &mut World, answer: &[u8], secret: &'static str, id: &'static str) -> Result<String> {
    let answer = CreateTokenResponse::decode(answer)?;
    let token = answer.token.unwrap_or_default();
    let said = format!(
        "token {} of {}, secret {} (shown once), may call {}",
        token.name,
        token.owner,
        glimpse(&answer.secret),
        answer.effective_patterns.join(", ")
    );
    world.keep(secret, answer.secret);
    world.keep(id, token.id);
    Ok(said)
}

/// An answer without anything to show.
fn nothing(_: &mut World, _: &[u8]) -> Result<String> {
    Ok(String::new())
}
