//! The administrator signs in and registers the two sample upstreams.

use passgate_proto::gateway::v1::{Api, CreateApiRequest, CreateEndpointRequest, Endpoint};
use passgate_proto::identity::v1::{SignInRequest, SignInResponse};
use prost::Message as _;

use super::super::step::{Body, Chapter, Rpc, Step, glimpse};
use super::super::world::To;
use super::{nothing, rpc};

/// The password that the demo's people choose.
pub(super) const PASSWORD: &str = "walk the long way round";

pub(super) fn chapter() -> Chapter {
    let endpoints = [
        endpoint("An endpoint in front of the HTTP upstream", |w| new_endpoint(w, "sales-orders")),
        endpoint("A second one", |w| new_endpoint(w, "sales-returns")),
        endpoint("And one that nobody here may call", |w| new_endpoint(w, "hr-salaries")),
    ];
    let mut steps = vec![sign_in()];
    steps.extend(endpoints);
    steps.push(api());
    Chapter { title: "The administrator sets things up", steps }
}

fn sign_in() -> Step {
    rpc(
        "The administrator signs in with the one-time password and chooses a new one",
        Rpc {
            to: To::Identity,
            method: "passgate.identity.v1.SessionService/SignIn",
            token: None,
            request: |world| {
                let email = world.kept("administrator")?.to_owned();
                let shown = format!("email: {email}, password: …, new_password: …");
                let password = world.kept("first password")?.to_owned();
                Ok(Body::of(&SignInRequest { email, password, new_password: Some(PASSWORD.to_owned()) }, shown))
            },
            read: |world, answer| {
                let answer = SignInResponse::decode(answer)?;
                let said = format!("{} has the session {}", answer.principal, glimpse(&answer.session_token));
                world.keep("the administrator's session", answer.session_token);
                Ok(said)
            },
        },
    )
}

type Make = fn(&super::World) -> anyhow::Result<Body>;

fn endpoint(title: &'static str, request: Make) -> Step {
    let method = "passgate.gateway.v1.EndpointService/CreateEndpoint";
    rpc(title, Rpc { to: To::Registry, method, token: Some("the administrator's session"), request, read: nothing })
}

fn new_endpoint(world: &super::World, name: &str) -> anyhow::Result<Body> {
    let upstream = format!("http://{}", world.addresses.http_upstream);
    let shown = format!("name: {name}, upstream: {upstream}");
    let endpoint = Endpoint { name: name.to_owned(), upstream, ..Endpoint::default() };
    Ok(Body::of(&CreateEndpointRequest { endpoint: Some(endpoint), ..CreateEndpointRequest::default() }, shown))
}

fn api() -> Step {
    rpc(
        "A gRPC API in front of the gRPC upstream; its method Get only reads",
        Rpc {
            to: To::Registry,
            method: "passgate.gateway.v1.ApiService/CreateApi",
            token: Some("the administrator's session"),
            request: |world| {
                let upstream = format!("http://{}", world.addresses.grpc_upstream);
                let shown = format!("name: shop.v1.Orders, upstream: {upstream}, read_methods: Get");
                let name = "shop.v1.Orders".to_owned();
                let api = Api { name, upstream, read_methods: vec!["Get".to_owned()], ..Api::default() };
                Ok(Body::of(&CreateApiRequest { api: Some(api), ..CreateApiRequest::default() }, shown))
            },
            read: nothing,
        },
    )
}
