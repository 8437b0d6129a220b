//! What is refused, each for its own reason.

use std::time::Duration;

use http::Method;
use passgate_proto::identity::v1::{DisableUserRequest, EnableUserRequest, SignInRequest};
use passgate_proto::token::v1::{CreateTokenRequest, RevokeTokenRequest, create_token_request::Expiry};
use tonic::Code;

use super::super::step::{Body, Chapter, Expect, Rpc, Step};
use super::super::world::To;
use super::way_one::{CREATE_TOKEN, order};
use super::{http, keep_token, nothing, patterns, rpc, wait};

const ORDERS: &str = "/endpoints/sales-orders/2026/1";

pub(super) fn chapter() -> Chapter {
    let mut steps = vec![
        http("No token", Method::GET, ORDERS, None).refused(Expect::Status(401, "TOKEN_MISSING")),
        http("A forged token", Method::GET, ORDERS, Some("a forged token"))
            .refused(Expect::Status(401, "TOKEN_INVALID")),
        short_lived(),
        wait("Its second is over", Duration::from_secs(2)),
        http("An expired token", Method::GET, ORDERS, Some("a short-lived token"))
            .refused(Expect::Status(401, "TOKEN_EXPIRED")),
    ];
    steps.extend(without_the_right());
    steps.extend(disabled());
    steps.extend(revoked());
    Chapter { title: "What is refused", steps }
}

fn short_lived() -> Step {
    rpc(
        "alice makes a token that lives for one second",
        Rpc {
            to: To::Token,
            method: CREATE_TOKEN,
            token: Some("alice's session"),
            request: |_| {
                let ttl = Some(Expiry::Ttl(prost_types::Duration { seconds: 1, nanos: 0 }));
                let name = "moment".to_owned();
                let request = CreateTokenRequest { name, expiry: ttl, ..CreateTokenRequest::default() };
                Ok(Body::of(&request, "name: moment, ttl: 1s"))
            },
            read: |world, answer| keep_token(world, answer, "a short-lived token", "the moment's id"),
        },
    )
}

fn without_the_right() -> Vec<Step> {
    let no_scope = Expect::Status(403, "NO_SCOPE");
    let no_grant = Expect::Status(403, "NO_GRANT");
    vec![
        narrow(),
        http("Its scope covers this", Method::GET, ORDERS, Some("a narrow token")),
        http("But not this", Method::GET, "/endpoints/sales-returns/1", Some("a narrow token")).refused(no_scope),
        http("And it only reads", Method::POST, ORDERS, Some("a narrow token")).refused(no_scope),
        order("Nor does it cover the gRPC API", "shop.v1.Orders/Place", "a narrow token")
            .refused(Expect::Refused(Code::PermissionDenied, "NO_SCOPE")),
        http("Its owner's grants end here", Method::GET, "/endpoints/hr-salaries", Some("alice's laptop"))
            .refused(no_grant),
        http("mexico may read orders, not write them", Method::POST, ORDERS, Some("mexico's token")).refused(no_grant),
        machine_signs_in(),
    ]
}

fn narrow() -> Step {
    rpc(
        "alice makes a token that only reads orders",
        Rpc {
            to: To::Token,
            method: CREATE_TOKEN,
            token: Some("alice's session"),
            request: |_| {
                let scopes = Some(patterns(&["endpoints/sales-orders:read"]));
                let request = CreateTokenRequest { name: "reader".to_owned(), scopes, ..CreateTokenRequest::default() };
                Ok(Body::of(&request, "name: reader, scopes: endpoints/sales-orders:read"))
            },
            read: |world, answer| keep_token(world, answer, "a narrow token", "the reader's id"),
        },
    )
}

fn machine_signs_in() -> Step {
    rpc(
        "An API user tries to sign in",
        Rpc {
            to: To::Identity,
            method: "passgate.identity.v1.SessionService/SignIn",
            token: None,
            request: |world| {
                let email = format!("api-users/{}", world.kept("mexico's id")?);
                let shown = format!("email: {email}, password: …");
                let password = "no machine has one".to_owned();
                Ok(Body::of(&SignInRequest { email, password, new_password: None }, shown))
            },
            read: nothing,
        },
    )
    .refused(Expect::Refused(Code::FailedPrecondition, "API_USERS_DO_NOT_SIGN_IN"))
}

fn disabled() -> Vec<Step> {
    let disable = Rpc {
        to: To::Identity,
        method: "passgate.identity.v1.UserService/DisableUser",
        token: Some("the administrator's session"),
        request: |world| {
            let id = world.kept("alice's id")?.to_owned();
            let shown = format!("id: {id}");
            Ok(Body::of(&DisableUserRequest { id, confirm_within: None }, shown))
        },
        read: nothing,
    };
    let enable = Rpc {
        to: To::Identity,
        method: "passgate.identity.v1.UserService/EnableUser",
        token: Some("the administrator's session"),
        request: |world| {
            let id = world.kept("alice's id")?.to_owned();
            let shown = format!("id: {id}");
            Ok(Body::of(&EnableUserRequest { id }, shown))
        },
        read: nothing,
    };
    vec![
        rpc("The administrator disables alice", disable),
        http("Her token is refused at once", Method::GET, ORDERS, Some("alice's laptop"))
            .refused(Expect::Status(401, "OWNER_DISABLED")),
        rpc("And enables her again", enable),
        http("The same token works again", Method::GET, ORDERS, Some("alice's laptop")),
    ]
}

fn revoked() -> Vec<Step> {
    let revoke = Rpc {
        to: To::Token,
        method: "passgate.token.v1.TokenService/RevokeToken",
        token: Some("the administrator's session"),
        request: |world| {
            let id = world.kept("the laptop's id")?.to_owned();
            let shown = format!("id: {id}, revoke_reason: left in a train");
            Ok(Body::of(
                &RevokeTokenRequest { id, revoke_reason: "left in a train".to_owned(), confirm_within: None },
                shown,
            ))
        },
        read: nothing,
    };
    vec![
        rpc("The laptop is lost: its token is revoked", revoke),
        http("On the very next request it is refused", Method::GET, ORDERS, Some("alice's laptop"))
            .refused(Expect::Status(401, "TOKEN_REVOKED")),
        order("On the gRPC API too", "shop.v1.Orders/Get", "alice's laptop")
            .refused(Expect::Refused(Code::Unauthenticated, "TOKEN_REVOKED")),
    ]
}
