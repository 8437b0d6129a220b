//! Passgate's own API through the gateway, guarded by the same rule as everything else.

use passgate_proto::identity::v1::{GetPrincipalRequest, ListUsersRequest, ListUsersResponse};
use passgate_proto::token::v1::{GetSelfRequest, GetSelfResponse};
use prost::Message as _;
use tonic::Code;

use super::super::step::{Body, Chapter, Expect, Rpc, Step};
use super::super::world::To;
use super::{nothing, rpc};

pub(super) fn chapter() -> Chapter {
    let list = "passgate.identity.v1.UserService/ListUsers";
    Chapter {
        title: "Passgate's own API through the gateway",
        steps: vec![
            get_self(),
            users("Listing all users is not alice's to do", list, "alice's badge")
                .refused(Expect::Refused(Code::PermissionDenied, "NO_GRANT")),
            users("It is the administrator's", list, "the administrator's session"),
            internal(),
        ],
    }
}

fn get_self() -> Step {
    rpc(
        "What can this token do? Every token may ask",
        Rpc {
            to: To::Gateway,
            method: "passgate.token.v1.TokenService/GetSelf",
            token: Some("alice's badge"),
            request: |_| Ok(Body::of(&GetSelfRequest {}, "")),
            read: |_, answer| {
                let answer = GetSelfResponse::decode(answer)?;
                let token = answer.token.unwrap_or_default();
                Ok(format!("{} of {} may call {}", token.name, token.owner, answer.effective_patterns.join(", ")))
            },
        },
    )
}

fn users(title: &'static str, method: &'static str, token: &'static str) -> Step {
    rpc(
        title,
        Rpc {
            to: To::Gateway,
            method,
            token: Some(token),
            request: |_| Ok(Body::of(&ListUsersRequest::default(), "")),
            read: |_, answer| {
                let users = ListUsersResponse::decode(answer)?.users;
                Ok(users.into_iter().map(|user| user.email).collect::<Vec<_>>().join(", "))
            },
        },
    )
}

fn internal() -> Step {
    rpc(
        "What Passgate's services say to each other is no route of the gateway, whoever asks",
        Rpc {
            to: To::Gateway,
            method: "passgate.identity.v1.DirectoryService/GetPrincipal",
            token: Some("the administrator's session"),
            request: |_| Ok(Body::of(&GetPrincipalRequest::default(), "")),
            read: nothing,
        },
    )
    .refused(Expect::Refused(Code::Unimplemented, "UNIMPLEMENTED"))
}
