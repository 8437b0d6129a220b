//! Way 2: an API user with its token in one step, and one that gets its token later.

use anyhow::{Result, ensure};
use http::Method;
use passgate_proto::identity::v1::{CreateApiUserRequest, CreateApiUserResponse, GrantRequest, InitialToken};
use passgate_proto::token::v1::CreateTokenRequest;
use prost::Message as _;

use super::super::step::{Body, Chapter, Expect, Rpc, Step, glimpse};
use super::super::world::{To, World};
use super::way_one::CREATE_TOKEN;
use super::{http, keep_token, nothing, rpc};

const CREATE: &str = "passgate.identity.v1.ApiUserService/CreateApiUser";
const ORDERS: &str = "/endpoints/sales-orders/2026/1";

pub(super) fn chapter() -> Chapter {
    let denied = Expect::Status(403, "NO_GRANT");
    Chapter {
        title: "Way 2: a machine with its token in one step",
        steps: vec![
            both("An API user, its token and its grant in one call", |world, answer| {
                let answer = CreateApiUserResponse::decode(answer)?;
                world.keep("mexico's token", answer.secret.clone());
                world.keep("mexico's id", answer.api_user.clone().unwrap_or_default().id);
                Ok(said(&answer))
            }),
            http("The token works at once", Method::GET, ORDERS, Some("mexico's token")),
            both("The same call again, as after a lost answer: the same API user, the same secret", same_secret),
            later(),
            token_later(),
            http("Before it is granted anything it is refused", Method::GET, ORDERS, Some("the report's token"))
                .refused(denied),
            grant(),
            http("The same token works now", Method::GET, ORDERS, Some("the report's token")),
        ],
    }
}

fn both(title: &'static str, read: fn(&mut World, &[u8]) -> Result<String>) -> Step {
    let request = |_: &World| {
        let request = CreateApiUserRequest {
            name: "mexico widget".to_owned(),
            token: Some(InitialToken { name: "widget".to_owned(), ..InitialToken::default() }),
            grants: vec!["endpoints/sales-*:read".to_owned()],
            request_id: "demo-1".to_owned(),
            ..CreateApiUserRequest::default()
        };
        let shown = "name: mexico widget, token: { name: widget }, grants: endpoints/sales-*:read, request_id: demo-1";
        Ok(Body::of(&request, shown))
    };
    rpc(title, Rpc { to: To::Identity, method: CREATE, token: Some("the administrator's session"), request, read })
}

fn same_secret(world: &mut World, answer: &[u8]) -> Result<String> {
    let answer = CreateApiUserResponse::decode(answer)?;
    ensure!(answer.secret == world.kept("mexico's token")?, "the repeat gave another secret");
    ensure!(answer.api_user.clone().unwrap_or_default().id == world.kept("mexico's id")?, "the repeat made another");
    Ok(said(&answer))
}

fn said(answer: &CreateApiUserResponse) -> String {
    let id = answer.api_user.as_ref().map(|api_user| api_user.id.as_str()).unwrap_or_default();
    let may = answer.effective_patterns.join(", ");
    format!("api-users/{id}, secret {} (shown once), may call {may}", glimpse(&answer.secret))
}

fn later() -> Step {
    rpc(
        "Another API user, without a token",
        Rpc {
            to: To::Identity,
            method: CREATE,
            token: Some("the administrator's session"),
            request: |_| {
                let name = "nightly report".to_owned();
                Ok(Body::of(&CreateApiUserRequest { name, ..CreateApiUserRequest::default() }, "name: nightly report"))
            },
            read: |world, answer| {
                let api_user = CreateApiUserResponse::decode(answer)?.api_user.unwrap_or_default();
                let said = format!("api-users/{}", api_user.id);
                world.keep("the report", said.clone());
                Ok(said)
            },
        },
    )
}

fn token_later() -> Step {
    rpc(
        "Its token, added later",
        Rpc {
            to: To::Token,
            method: CREATE_TOKEN,
            token: Some("the administrator's session"),
            request: |world| {
                let owner = world.kept("the report")?.to_owned();
                let shown = format!("name: cron, owner: {owner}");
                let name = "cron".to_owned();
                Ok(Body::of(&CreateTokenRequest { name, owner, ..CreateTokenRequest::default() }, shown))
            },
            read: |world, answer| keep_token(world, answer, "the report's token", "the report's token id"),
        },
    )
}

fn grant() -> Step {
    rpc(
        "One grant",
        Rpc {
            to: To::Identity,
            method: "passgate.identity.v1.GrantService/Grant",
            token: Some("the administrator's session"),
            request: |world| {
                let holder = world.kept("the report")?.to_owned();
                let shown = format!("holder: {holder}, patterns: endpoints/sales-orders:read");
                let patterns = vec!["endpoints/sales-orders:read".to_owned()];
                Ok(Body::of(&GrantRequest { holder, patterns }, shown))
            },
            read: nothing,
        },
    )
}
