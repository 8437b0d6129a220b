//! Way 1: a token for a user, made by herself and by an administrator.

use http::Method;
use passgate_proto::identity::v1::{CreateUserRequest, CreateUserResponse, SignInRequest, SignInResponse};
use passgate_proto::token::v1::{CreateTokenRequest, ListTokensRequest, ListTokensResponse};
use prost::Message as _;

use super::super::step::{Body, Chapter, Rpc, Step, glimpse};
use super::super::upstream::{OrderReply, OrderRequest};
use super::super::world::To;
use super::setup::PASSWORD;
use super::{http, keep_token, rpc};

pub(super) const CREATE_TOKEN: &str = "passgate.token.v1.TokenService/CreateToken";
const EMAIL: &str = "alice@example.com";

pub(super) fn chapter() -> Chapter {
    Chapter {
        title: "Way 1: a token for a user",
        steps: vec![
            create_alice(),
            sign_in(),
            list(),
            create(),
            http(
                "She uses it on a named endpoint",
                Method::GET,
                "/endpoints/sales-orders/2026/1",
                Some("alice's laptop"),
            ),
            order("And on a method of the gRPC API", "shop.v1.Orders/Get", "alice's laptop"),
            create_for_her(),
            http("It works as well", Method::GET, "/endpoints/sales-orders/2026/1", Some("alice's badge")),
        ],
    }
}

fn create_alice() -> Step {
    rpc(
        "The administrator makes the user alice",
        Rpc {
            to: To::Identity,
            method: "passgate.identity.v1.UserService/CreateUser",
            token: Some("the administrator's session"),
            request: |_| {
                let grants = vec!["endpoints/sales-*".to_owned(), "apis/shop.v1.Orders/*".to_owned()];
                let shown = format!("email: {EMAIL}, grants: {}", grants.join(", "));
                let email = EMAIL.to_owned();
                Ok(Body::of(&CreateUserRequest { email, grants, ..CreateUserRequest::default() }, shown))
            },
            read: |world, answer| {
                let answer = CreateUserResponse::decode(answer)?;
                let user = answer.user.unwrap_or_default();
                world.keep("alice's one-time password", answer.one_time_password);
                world.keep("alice's id", user.id.clone());
                Ok(format!("users/{} and a one-time password (shown once)", user.id))
            },
        },
    )
}

fn sign_in() -> Step {
    rpc(
        "alice signs in and chooses a password of her own",
        Rpc {
            to: To::Identity,
            method: "passgate.identity.v1.SessionService/SignIn",
            token: None,
            request: |world| {
                let password = world.kept("alice's one-time password")?.to_owned();
                let shown = format!("email: {EMAIL}, password: …, new_password: …");
                let new_password = Some(format!("{PASSWORD} again"));
                Ok(Body::of(&SignInRequest { email: EMAIL.to_owned(), password, new_password }, shown))
            },
            read: |world, answer| {
                let session = SignInResponse::decode(answer)?.session_token;
                let said = format!("session {}", glimpse(&session));
                world.keep("alice's session", session);
                Ok(said)
            },
        },
    )
}

fn list() -> Step {
    rpc(
        "She opens her tokens: none yet",
        Rpc {
            to: To::Token,
            method: "passgate.token.v1.TokenService/ListTokens",
            token: Some("alice's session"),
            request: |_| Ok(Body::of(&ListTokensRequest::default(), "")),
            read: |_, answer| {
                let tokens = ListTokensResponse::decode(answer)?.tokens;
                anyhow::ensure!(tokens.is_empty(), "a new user has {} tokens", tokens.len());
                Ok("no tokens".to_owned())
            },
        },
    )
}

fn create() -> Step {
    rpc(
        "She adds a token; a name is enough",
        Rpc {
            to: To::Token,
            method: CREATE_TOKEN,
            token: Some("alice's session"),
            request: |_| {
                let name = "laptop".to_owned();
                Ok(Body::of(&CreateTokenRequest { name, ..CreateTokenRequest::default() }, "name: laptop"))
            },
            read: |world, answer| {
                let said = keep_token(world, answer, "alice's laptop", "the laptop's id")?;
                let forged = forged(world.kept("alice's laptop")?);
                world.keep("a forged token", forged);
                Ok(said)
            },
        },
    )
}

/// The same claims under another signature.
fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    format!("{signed}.{}", signature.chars().rev().collect::<String>())
}

fn create_for_her() -> Step {
    rpc(
        "The administrator adds one for her; the answer carries the secret once",
        Rpc {
            to: To::Token,
            method: CREATE_TOKEN,
            token: Some("the administrator's session"),
            request: |world| {
                let owner = format!("users/{}", world.kept("alice's id")?);
                let shown = format!("name: badge, owner: {owner}");
                let name = "badge".to_owned();
                Ok(Body::of(&CreateTokenRequest { name, owner, ..CreateTokenRequest::default() }, shown))
            },
            read: |world, answer| keep_token(world, answer, "alice's badge", "the badge's id"),
        },
    )
}

/// A call of the sample gRPC API through the gateway.
pub(super) fn order(title: &'static str, method: &'static str, token: &'static str) -> Step {
    rpc(
        title,
        Rpc {
            to: To::Gateway,
            method,
            token: Some(token),
            request: |_| Ok(Body::of(&OrderRequest { number: "2026-1".to_owned() }, "number: 2026-1")),
            read: |_, answer| {
                let order = OrderReply::decode(answer)?;
                Ok(format!("order {} is {}; the upstream saw {}", order.number, order.state, order.principal))
            },
        },
    )
}
