//! Power is contained, and each SELF method keeps to one's own things: walked over the contract's table.

use passgate_proto::access::{Level, RULES};
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::explain_decision_request::Subject;
use passgate_proto::r#type::v1::Action;
use tonic::{Code, Status};

use crate::support::calls::{list, named, refused, seconds, with_service, with_token};
use crate::support::{Harness, on_both, told};

/// The methods of the token service that give or restore power. A new one belongs here, and into `give`.
const GIVES_POWER: &[&str] = &[
    "/passgate.token.v1.IssuingService/PrepareToken",
    "/passgate.token.v1.TokenService/CreateToken",
    "/passgate.token.v1.TokenService/EnableToken",
];

/// Those that give none: they read, take away, narrow, or prove what was proven elsewhere.
const GIVES_NONE: &[&str] = &[
    "/passgate.token.v1.AuditService/ListAuditEvents",
    "/passgate.token.v1.AuditService/VerifyChain",
    "/passgate.token.v1.AuditService/WatchAuditEvents",
    "/passgate.token.v1.AuthorizationService/Authorize",
    "/passgate.token.v1.AuthorizationService/BatchAuthorize",
    "/passgate.token.v1.AuthorizationService/ExplainDecision",
    "/passgate.token.v1.AuthorizationService/FindLacking",
    "/passgate.token.v1.AuthorizationService/ListCallers",
    "/passgate.token.v1.ChangeService/ListDeciders",
    "/passgate.token.v1.ChangeService/WatchChanges",
    "/passgate.token.v1.IssuingService/AwaitApplied",
    "/passgate.token.v1.IssuingService/CountLiveTokens",
    "/passgate.token.v1.IssuingService/EndSession",
    "/passgate.token.v1.IssuingService/IssueSession",
    "/passgate.token.v1.KeyService/ListKeys",
    "/passgate.token.v1.TokenService/DisableToken",
    "/passgate.token.v1.TokenService/GetSelf",
    "/passgate.token.v1.TokenService/GetToken",
    "/passgate.token.v1.TokenService/ListTokens",
    "/passgate.token.v1.TokenService/RevokeAllTokens",
    "/passgate.token.v1.TokenService/RevokeToken",
    "/passgate.token.v1.TokenService/UpdateToken",
];

#[test]
fn every_method_is_known_to_give_power_or_none() {
    let mut known: Vec<&str> = GIVES_POWER.iter().chain(GIVES_NONE).copied().collect();
    known.sort_unstable();
    let methods: Vec<&str> =
        RULES.iter().map(|rule| rule.path).filter(|path| path.starts_with("/passgate.token.")).collect();
    assert_eq!(known, methods);
}

/// Has `by` give more than it holds by the method at `path`, on a robot's token `id` with the scopes `*`.
async fn give(service: &Harness, path: &str, by: &str, robot: &str, id: &str) -> Status {
    let mut tokens = service.replica.tokens();
    match path {
        "/passgate.token.v1.TokenService/CreateToken" => {
            let request =
                pb::CreateTokenRequest { owner: robot.to_owned(), scopes: list(&["endpoints/*"]), ..named("more") };
            tokens.create_token(with_token(by, request)).await.map(drop)
        }
        "/passgate.token.v1.TokenService/EnableToken" => {
            tokens.enable_token(with_token(by, pb::EnableTokenRequest { id: id.to_owned() })).await.map(drop)
        }
        "/passgate.token.v1.IssuingService/PrepareToken" => {
            let request = pb::PrepareTokenRequest {
                creation_id: "01900000-0000-7000-8000-00000000c0de".to_owned(),
                token_id: "01900000-0000-7000-8000-00000000cafe".to_owned(),
                owner: service.identity().future_api_user().resource_name(),
                name: "more".to_owned(),
                scopes: list(&["endpoints/*"]),
                ttl: Some(seconds(60)),
                caller_token: by.to_owned(),
                ..pb::PrepareTokenRequest::default()
            };
            let request = with_service(&service.installation.identity_credential, request);
            service.replica.issuing().prepare_token(request).await.map(drop)
        }
        other => panic!("{other} gives power and is not walked"),
    }
    .expect_err("refused")
}

/// Calls the SELF method at `path` on somebody else's token and principal.
async fn reach(service: &Harness, path: &str, by: &str, owner: &str, id: &str) -> Result<(), Status> {
    let (mut tokens, id) = (service.replica.tokens(), id.to_owned());
    match path.rsplit('/').next().expect("a method") {
        "CreateToken" => {
            let request =
                pb::CreateTokenRequest { owner: owner.to_owned(), scopes: list(&["endpoints/a"]), ..named("x") };
            tokens.create_token(with_token(by, request)).await.map(drop)
        }
        "GetToken" => tokens.get_token(with_token(by, pb::GetTokenRequest { id })).await.map(drop),
        "GetSelf" => Err(Status::not_found("it has no target")),
        "ListTokens" => {
            let request = pb::ListTokensRequest { owner: owner.to_owned(), ..pb::ListTokensRequest::default() };
            tokens.list_tokens(with_token(by, request)).await.map(drop)
        }
        "UpdateToken" => {
            let token = Some(pb::Token { id, name: "x".to_owned(), ..pb::Token::default() });
            let update_mask = Some(prost_types::FieldMask { paths: vec!["name".to_owned()] });
            tokens.update_token(with_token(by, pb::UpdateTokenRequest { token, update_mask })).await.map(drop)
        }
        "DisableToken" => {
            tokens.disable_token(with_token(by, pb::DisableTokenRequest { id, confirm_within: None })).await.map(drop)
        }
        "EnableToken" => tokens.enable_token(with_token(by, pb::EnableTokenRequest { id })).await.map(drop),
        "RevokeToken" => tokens
            .revoke_token(with_token(
                by,
                pb::RevokeTokenRequest { id, revoke_reason: String::new(), confirm_within: None },
            ))
            .await
            .map(drop),
        "RevokeAllTokens" => {
            let request = pb::RevokeAllTokensRequest {
                principal: owner.to_owned(),
                revoke_reason: String::new(),
                confirm_within: None,
            };
            tokens.revoke_all_tokens(with_token(by, request)).await.map(drop)
        }
        "ExplainDecision" => {
            let request = pb::ExplainDecisionRequest {
                resource: "endpoints/a".to_owned(),
                action: Action::Read.into(),
                subject: Some(Subject::TokenId(id)),
            };
            service.replica.authorization().explain_decision(with_token(by, request)).await.map(drop)
        }
        other => panic!("{other} is a SELF method and is not walked"),
    }
}

on_both![
    nobody_gives_or_restores_more_than_he_holds,
    a_repeat_is_contained_anew,
    a_self_method_answers_for_anothers_thing_as_for_an_unknown_one,
];

async fn nobody_gives_or_restores_more_than_he_holds(service: Harness) {
    let (_, admin) = service.user(&["*"]).await;
    let robot = service.identity().api_user(&["endpoints/*"]);
    let made = service.create(&admin, pb::CreateTokenRequest { owner: robot.to_string(), ..named("widget") }).await;
    let id = made.expect("a token").token.expect("a token").id;
    service.disable(&admin, &id).await.expect("disabled");
    let (_, by_grant) = service.user(&["endpoints/a", "apis/passgate.*"]).await;
    let scoped = pb::CreateTokenRequest { scopes: list(&["endpoints/a", "apis/passgate.*"]), ..named("narrow") };
    let by_scope = service.create(&admin, scoped).await.expect("a token").secret;

    for path in GIVES_POWER {
        for by in [&by_grant, &by_scope] {
            let refusal = give(&service, path, by, &robot.to_string(), &id).await;
            assert_eq!(told(&refusal), refused(Code::PermissionDenied, "SCOPE_NOT_HELD"), "{path}");
        }
    }
    let token = service.get(&admin, &id).await.expect("a token");
    assert!(token.disable_time.is_some(), "nothing changed");
}

async fn a_repeat_is_contained_anew(service: Harness) {
    let (admin, session) = service.user(&["*"]).await;
    let robot = service.identity().api_user(&[]);
    let request = pb::CreateTokenRequest {
        owner: robot.to_string(),
        scopes: list(&["endpoints/*"]),
        request_id: "once".to_owned(),
        ..named("widget")
    };
    service.create(&session, request.clone()).await.expect("a token");

    service
        .identity()
        .set(admin, |record| record.patterns = vec!["apis/passgate.*".to_owned(), "endpoints/a".to_owned()]);
    service.until(&session, "endpoints/b", crate::support::calls::denied("NO_GRANT")).await;

    let refusal = service.create(&session, request).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::PermissionDenied, "SCOPE_NOT_HELD"));
}

async fn a_self_method_answers_for_anothers_thing_as_for_an_unknown_one(service: Harness) {
    let (alice, session) = service.user(&["endpoints/a"]).await;
    let (id, _) = service.token(&session, "laptop").await;
    let before = service.get(&session, &id).await.expect("a token");
    let (_, other) = service.user(&["endpoints/a"]).await;
    let unknown = "01900000-0000-7000-8000-00000000dead";
    let nobody = format!("users/{unknown}");

    let own =
        RULES.iter().filter(|rule| rule.level == Level::OwnOrGranted && rule.service.starts_with("passgate.token."));
    for rule in own {
        let anothers = reach(&service, rule.path, &other, &alice.to_string(), &id).await.expect_err("refused");
        let unknown = reach(&service, rule.path, &other, &nobody, unknown).await.expect_err("refused");
        assert_eq!((anothers.code(), unknown.code()), (Code::NotFound, Code::NotFound), "{}", rule.path);
    }
    assert_eq!(service.get(&session, &id).await.expect("a token"), before, "nothing changed");
}
