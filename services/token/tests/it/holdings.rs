//! What tokens cover, asked by who gives power away: `FindLacking`, and `ListCallers` for a whole service.

use passgate_proto::token::v1 as pb;
use passgate_proto::r#type::v1::Action;
use tonic::{Code, Status};

use crate::support::calls::{fields, list, named, refused, with_service, with_token};
use crate::support::{Harness, on_both, told};

on_both![
    what_a_token_lacks_is_told_pattern_by_pattern_and_action_by_action,
    only_a_pattern_that_ends_before_the_method_covers_a_whole_api,
    a_token_that_is_not_good_lacks_everything,
    what_lacks_is_told_to_a_role_or_the_grant_only,
    what_lacks_is_told_by_nothing_older_than_the_mark,
    wrong_fields_of_what_is_asked_about_are_named,
    who_can_call_any_method_of_a_service_is_found_by_every_pattern_that_shares_something_with_it,
];

fn asked(token: &str, patterns: &[&str]) -> pb::FindLackingRequest {
    let patterns = patterns.iter().map(ToString::to_string).collect();
    pb::FindLackingRequest { token: token.to_owned(), patterns, at_least: String::new() }
}

async fn ask(service: &Harness, request: pb::FindLackingRequest) -> Result<pb::FindLackingResponse, Status> {
    let request = with_service(&service.installation.gateway, request);
    Ok(service.replica.authorization().find_lacking(request).await?.into_inner())
}

async fn lacking(service: &Harness, token: &str, patterns: &[&str]) -> Vec<String> {
    ask(service, asked(token, patterns)).await.expect("an answer").lacking
}

async fn what_a_token_lacks_is_told_pattern_by_pattern_and_action_by_action(service: Harness) {
    let (alice, session) = service.user(&["endpoints/sales-*:read", "apis/*"]).await;
    service.identity().group(&["endpoints/sales-orders:write"], &[alice]);
    service.until(&session, "endpoints/sales-orders", Ok(())).await;
    service.caught_up(&session).await;
    let request = pb::CreateTokenRequest { scopes: list(&["endpoints/sales-*:read", "apis/a.B/*"]), ..named("narrow") };
    let narrow = service.create(&session, request).await.expect("a token").secret;

    let wanted = ["endpoints/sales-orders", "endpoints/sales-*", "apis/a.B/*", "*"];
    assert_eq!(lacking(&service, &session, &wanted).await, ["*", "endpoints/sales-*:write"]);
    assert_eq!(
        lacking(&service, &narrow, &wanted).await,
        ["*", "endpoints/sales-*:write", "endpoints/sales-orders:write"],
        "its scopes bound it"
    );
    assert_eq!(lacking(&service, &narrow, &["apis/a.C/*:read"]).await, ["apis/a.C/*:read"], "its scopes end before");

    let answer = ask(&service, asked(&session, &["apis/a.B/C"])).await.expect("an answer");
    let as_of = answer.as_of.expect("positions");
    assert!(as_of.identity.is_some() && as_of.token.is_some() && answer.evidence_age.is_some());
    assert_eq!((answer.lacking.len(), answer.reason.as_str()), (0, ""));
}

async fn only_a_pattern_that_ends_before_the_method_covers_a_whole_api(service: Harness) {
    let letters: Vec<String> = ('a'..='z').chain('A'..='Z').chain(['_']).map(|c| format!("apis/a.B/{c}*")).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    let (_, every_letter) = service.user(&letters).await;
    let (_, whole) = service.user(&["apis/a.B/*"]).await;
    service.caught_up(&whole).await;

    assert_eq!(
        lacking(&service, &every_letter, &["apis/a.B/*"]).await,
        ["apis/a.B/*"],
        "one pattern contains it or none"
    );
    assert!(lacking(&service, &whole, &["apis/a.B/*"]).await.is_empty());
}

async fn a_token_that_is_not_good_lacks_everything(service: Harness) {
    let (alice, session) = service.user(&["*"]).await;
    let (id, revoked) = service.token(&session, "laptop").await;
    let (_, alive) = service.token(&session, "phone").await;
    service.revoke(&session, &id).await.expect("revoked");

    for (token, reason) in [(revoked.as_str(), "TOKEN_REVOKED"), ("x.y.z", "TOKEN_INVALID"), ("?", "TOKEN_INVALID")] {
        let answer = ask(&service, asked(token, &["endpoints/a"])).await.expect("an answer");
        assert_eq!((answer.lacking, answer.reason.as_str()), (vec!["endpoints/a".to_owned()], reason));
    }
    assert!(lacking(&service, &alive, &["*"]).await.is_empty());

    service.identity().set_enabled(alice, false);
    service.until(&alive, "endpoints/a", crate::support::calls::denied("OWNER_DISABLED")).await;
    let answer = ask(&service, asked(&alive, &["endpoints/a"])).await.expect("an answer");
    assert_eq!((answer.lacking.len(), answer.reason.as_str()), (1, "OWNER_DISABLED"));
}

async fn what_lacks_is_told_to_a_role_or_the_grant_only(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let (_, granted) = service.user(&["apis/passgate.token.v1.AuthorizationService/*"]).await;
    service.caught_up(&granted).await;
    let mut client = service.replica.authorization();
    let question = asked(&session, &["endpoints/a"]);

    let refusal = client.find_lacking(with_token(&session, question.clone())).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::PermissionDenied, "NO_GRANT"));
    let refusal = client.find_lacking(question.clone()).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::Unauthenticated, "TOKEN_MISSING"));
    client.find_lacking(with_token(&granted, question)).await.expect("an answer");
}

async fn what_lacks_is_told_by_nothing_older_than_the_mark(service: Harness) {
    let (alice, session) = service.user(&["endpoints/a"]).await;
    service.caught_up(&session).await;
    service.identity().set_held(true);
    service.identity().set(alice, |record| record.patterns.clear());
    let at_least = service.identity_mark(service.identity().head());
    let marked = pb::FindLackingRequest { at_least, ..asked(&session, &["endpoints/a"]) };

    let refusal = ask(&service, marked.clone()).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::Unavailable, "UNDECIDABLE"));

    service.identity().set_held(false);
    assert_eq!(ask(&service, marked).await.expect("an answer").lacking, ["endpoints/a"]);
}

async fn wrong_fields_of_what_is_asked_about_are_named(service: Harness) {
    let wrong = pb::FindLackingRequest {
        token: String::new(),
        patterns: vec!["endpoints/a".to_owned(), "**".to_owned(), "x".to_owned()],
        at_least: "no mark".to_owned(),
    };
    let refusal = ask(&service, wrong).await.expect_err("refused");
    assert_eq!(fields(&refusal), ["token", "patterns[1]", "patterns[2]", "at_least"]);

    for count in [0, 201] {
        let patterns = vec!["*".to_owned(); count];
        let refusal =
            ask(&service, pb::FindLackingRequest { patterns, ..asked("x.y.z", &[]) }).await.expect_err("refused");
        assert_eq!(fields(&refusal), ["patterns"], "{count}");
    }
}

async fn who_can_call_any_method_of_a_service_is_found_by_every_pattern_that_shares_something_with_it(
    service: Harness,
) {
    let (_, admin) = service.user(&["apis/passgate.*"]).await;
    let (whole, session) = service.user(&["apis/shop_v1.Orders/*:read", "endpoints/x"]).await;
    let (one, _) = service.user(&["apis/shop_v1.Orders/Get"]).await;
    let robot = service.identity().api_user(&[]);
    service.identity().group(&["apis/shop_v1.*"], &[robot]);
    service.user(&["apis/shopXv1.Orders/Get", "apis/shop_v1.OrdersToo/*", "endpoints/*"]).await;
    service.caught_up(&session).await;
    let scoped = |scope: &str, name: &str| pb::CreateTokenRequest { scopes: list(&[scope]), ..named(name) };
    let can = service.create(&session, scoped("apis/shop_v1.Orders/G*:read", "can")).await.expect("made");
    service.create(&session, scoped("apis/shop_v1.Orders/*:read", "can too")).await.expect("made");
    service.create(&session, scoped("endpoints/x", "cannot")).await.expect("made");
    let find = |action: Action| pb::ListCallersRequest {
        resource: "apis/shop_v1.Orders/*".to_owned(),
        action: action.into(),
        ..pb::ListCallersRequest::default()
    };
    let mut client = service.replica.authorization();

    let readers =
        client.list_callers(with_token(&admin, find(Action::Read))).await.expect("callers").into_inner().callers;
    let writers =
        client.list_callers(with_token(&admin, find(Action::Write))).await.expect("callers").into_inner().callers;

    let names = |callers: &[pb::list_callers_response::Caller]| {
        let mut names: Vec<String> = callers.iter().map(|caller| caller.principal.clone()).collect();
        names.sort();
        names
    };
    let sorted = |principals: &[passgate_kit::client::Principal]| {
        let mut names: Vec<String> = principals.iter().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&readers), sorted(&[whole, one, robot]));
    assert_eq!(names(&writers), sorted(&[one, robot]));
    let reader = readers.iter().find(|caller| caller.principal == whole.to_string()).expect("the reader");
    assert_eq!(reader.tokens.len(), 2);
    assert!(reader.tokens.iter().any(|token| token.id == can.token.as_ref().expect("a token").id));
}
