//! `AuthorizationService`.

use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::explain_decision_request::Subject;
use passgate_proto::r#type::v1::Action;
use tonic::Code;

use crate::support::calls::{denied, fields, list, mark, named, question, refused, with_service, with_token};
use crate::support::{Harness, on_both, told};

async fn ask(service: &Harness, request: pb::AuthorizeRequest) -> Result<pb::AuthorizeResponse, tonic::Status> {
    let request = with_service(&service.installation.gateway, request);
    Ok(service.replica.authorization().authorize(request).await?.into_inner())
}

on_both![
    a_decision_says_what_it_rests_on_and_who_holds_the_token,
    every_reason_has_its_turn,
    a_grant_counts_as_soon_as_it_is_there_and_a_group_is_one_change,
    wrong_fields_of_a_question_are_named,
    a_batch_is_answered_in_its_order,
    authorize_needs_a_role_or_the_grant,
    a_change_mark_is_waited_for_and_one_that_never_comes_is_undecidable,
    an_explanation_shows_the_steps_up_to_the_one_that_refuses,
    an_explanation_is_for_ones_own_tokens_unless_it_is_granted,
    who_can_call_this_names_principals_grants_and_live_tokens,
    a_principal_that_the_projection_has_not_seen_is_looked_up,
];

async fn a_decision_says_what_it_rests_on_and_who_holds_the_token(service: Harness) {
    let (alice, session) = service.user(&[]).await;
    let group = service.identity().group(&["endpoints/sales-*"], &[alice]);
    let request = pb::CreateTokenRequest { scopes: list(&["endpoints/sales-orders"]), ..named("laptop") };
    service.until(&session, "endpoints/sales-orders", Ok(())).await;
    let made = service.create(&session, request).await.expect("a token");
    let id = made.token.expect("a token").id;

    let answer = ask(&service, question(&made.secret, "endpoints/sales-orders")).await.expect("an answer");

    let decision = answer.decision.expect("a decision");
    assert!(decision.allowed && decision.reason.is_empty());
    let rests_on = decision.rests_on.expect("what it rests on");
    assert_eq!((rests_on.token_id, rests_on.principal), (id.clone(), alice.to_string()));
    assert_eq!(rests_on.group_ids, [group.to_string()]);
    assert_eq!(rests_on.resource, "endpoints/sales-orders");
    let holder = decision.holder.expect("who holds it");
    assert_eq!((holder.token_id, holder.session, holder.scopes), (id, false, list(&["endpoints/sales-orders"])));
    let as_of = decision.as_of.expect("positions");
    assert!(as_of.identity.is_some() && as_of.token.is_some());
    assert!(answer.evidence_age.is_some());
}

async fn every_reason_has_its_turn(service: Harness) {
    let (alice, session) = service.user(&["endpoints/a"]).await;
    let request = pb::CreateTokenRequest { scopes: list(&["endpoints/a:read"]), ..named("laptop") };
    let secret = service.create(&session, request).await.expect("a token").secret;
    let mut forged = secret.clone();
    forged.replace_range(
        forged.len() - 6..forged.len() - 5,
        if secret.as_bytes()[secret.len() - 6] == b'A' { "B" } else { "A" },
    );

    assert_eq!(service.authorize(&forged, "endpoints/a").await, denied("TOKEN_INVALID"));
    assert_eq!(service.authorize("nonsense!", "endpoints/a").await, denied("TOKEN_INVALID"));
    assert_eq!(service.authorize(&secret, "endpoints/b").await, denied("NO_SCOPE"));
    let write = pb::AuthorizeRequest { action: Action::Write.into(), ..question(&secret, "endpoints/a") };
    assert_eq!(ask(&service, write).await.expect("an answer").decision.expect("one").reason, "NO_SCOPE");

    service.identity().set(alice, |record| record.patterns.clear());
    service.until(&secret, "endpoints/a", denied("NO_GRANT")).await;
    service.identity().set_enabled(alice, false);
    service.until(&secret, "endpoints/a", denied("OWNER_DISABLED")).await;
    service.identity().set(alice, |record| record.deleted = true);
    service.until(&secret, "endpoints/a", denied("OWNER_DELETED")).await;
}

async fn a_grant_counts_as_soon_as_it_is_there_and_a_group_is_one_change(service: Harness) {
    let (alice, session) = service.user(&[]).await;
    let (bob, bobs) = service.user(&[]).await;
    let group = service.identity().group(&[], &[alice, bob]);
    assert_eq!(service.authorize(&session, "endpoints/a").await, denied("NO_GRANT"));

    service.identity().set_group(group, |group| group.patterns = vec!["endpoints/a".to_owned()]);

    service.until(&session, "endpoints/a", Ok(())).await;
    service.until(&bobs, "endpoints/a", Ok(())).await;
    service.identity().set_group(group, |group| group.deleted = true);
    service.until(&session, "endpoints/a", denied("NO_GRANT")).await;
}

async fn wrong_fields_of_a_question_are_named(service: Harness) {
    let wrong = pb::AuthorizeRequest {
        token: String::new(),
        resource: "endpoints/A".to_owned(),
        action: 0,
        at_least: "made-up".to_owned(),
        applied: None,
    };
    let refusal = ask(&service, wrong.clone()).await.expect_err("refused");
    assert_eq!(fields(&refusal), ["token", "resource", "action", "at_least"]);

    let gateway = &service.installation.gateway;
    let batch = pb::BatchAuthorizeRequest { requests: vec![question("x", "endpoints/a"), wrong] };
    let refusal =
        service.replica.authorization().batch_authorize(with_service(gateway, batch)).await.expect_err("refused");
    let named = ["requests[1].token", "requests[1].resource", "requests[1].action", "requests[1].at_least"];
    assert_eq!(fields(&refusal), named);
    for requests in [Vec::new(), vec![question("x", "endpoints/a"); 101]] {
        let batch = with_service(gateway, pb::BatchAuthorizeRequest { requests });
        let refusal = service.replica.authorization().batch_authorize(batch).await.expect_err("refused");
        assert_eq!(fields(&refusal), ["requests"]);
    }
}

async fn a_batch_is_answered_in_its_order(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let requests =
        vec![question(&session, "endpoints/a"), question(&session, "endpoints/b"), question("x", "endpoints/a")];
    let batch = with_service(&service.installation.gateway, pb::BatchAuthorizeRequest { requests });

    let answers = service.replica.authorization().batch_authorize(batch).await.expect("answers").into_inner();

    let reasons: Vec<String> =
        answers.responses.into_iter().filter_map(|answer| answer.decision).map(|one| one.reason).collect();
    assert_eq!(reasons, ["", "NO_GRANT", "TOKEN_INVALID"]);
}

async fn authorize_needs_a_role_or_the_grant(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let (_, granted) = service.user(&["apis/passgate.token.v1.AuthorizationService/*"]).await;
    let mut service_client = service.replica.authorization();

    let refusal =
        service_client.authorize(with_token(&session, question(&session, "endpoints/a"))).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::PermissionDenied, "NO_GRANT"));
    let refusal = service_client.authorize(question(&session, "endpoints/a")).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::Unauthenticated, "TOKEN_MISSING"));
    service_client.authorize(with_token(&granted, question(&session, "endpoints/a"))).await.expect("an answer");
}

async fn a_change_mark_is_waited_for_and_one_that_never_comes_is_undecidable(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let (other, others) = service.user(&["endpoints/a"]).await;
    let mut tokens = service.replica.tokens();
    let made = tokens.create_token(with_token(&session, named("laptop"))).await.expect("made");
    let text = mark(&made);
    let marked = pb::AuthorizeRequest { at_least: text, ..question(&others, "endpoints/a") };
    assert!(ask(&service, marked).await.expect("an answer").decision.expect("one").allowed);

    // A mark of identity's that the stream does not bring.
    service.identity().set_held(true);
    service.identity().set(other, |record| record.patterns.clear());
    let ahead = service.identity_mark(service.identity().head());
    let marked = pb::AuthorizeRequest { at_least: ahead.clone(), ..question(&others, "endpoints/a") };
    let refusal = ask(&service, marked.clone()).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::Unavailable, "UNDECIDABLE"));

    service.identity().set_held(false);
    let answer = ask(&service, marked).await.expect("an answer");
    assert_eq!(answer.decision.expect("one").reason, "NO_GRANT", "decided on nothing older");
}

async fn an_explanation_shows_the_steps_up_to_the_one_that_refuses(service: Harness) {
    let (alice, session) = service.user(&["endpoints/a"]).await;
    let request = pb::CreateTokenRequest { scopes: list(&["endpoints/*"]), ..named("laptop") };
    let request_id = {
        service.identity().set(alice, |record| record.patterns.push("endpoints/*".to_owned()));
        request
    };
    service.until(&session, "endpoints/zz", Ok(())).await;
    let made = service.create(&session, request_id).await.expect("a token");
    service.identity().set(alice, |record| record.patterns = vec!["endpoints/a".to_owned()]);
    service.until(&made.secret, "endpoints/b", denied("NO_GRANT")).await;
    let explain = |subject: Subject, resource: &str| pb::ExplainDecisionRequest {
        resource: resource.to_owned(),
        action: Action::Read.into(),
        subject: Some(subject),
    };

    let by_secret = with_token(&session, explain(Subject::Token(made.secret.clone()), "endpoints/a"));
    let steps = service.replica.authorization().explain_decision(by_secret).await.expect("steps").into_inner();
    assert!(steps.decision.expect("a decision").allowed);
    let names: Vec<&str> = steps.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["signature", "token", "expiry", "owner", "scope", "grant"]);
    assert_eq!(steps.steps[4].pattern, "endpoints/*");
    assert_eq!((steps.steps[5].pattern.as_str(), steps.steps[5].holder.clone()), ("endpoints/a", alice.to_string()));

    let by_id = with_token(&session, explain(Subject::TokenId(made.token.expect("a token").id), "endpoints/b"));
    let steps = service.replica.authorization().explain_decision(by_id).await.expect("steps").into_inner();
    assert_eq!(steps.decision.expect("a decision").reason, "NO_GRANT");
    let last = steps.steps.last().expect("a step");
    assert_eq!((last.name.as_str(), last.passed), ("grant", false));
}

async fn an_explanation_is_for_ones_own_tokens_unless_it_is_granted(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let (_, other) = service.user(&["endpoints/a"]).await;
    let (id, secret) = service.token(&session, "laptop").await;
    let explain = |subject| pb::ExplainDecisionRequest {
        resource: "endpoints/a".to_owned(),
        action: Action::Read.into(),
        subject,
    };
    let mut client = service.replica.authorization();

    for subject in [Subject::Token(secret), Subject::TokenId(id)] {
        let refusal = client.explain_decision(with_token(&other, explain(Some(subject)))).await.expect_err("refused");
        assert_eq!(told(&refusal), refused(Code::NotFound, "NOT_FOUND"));
    }
    let refusal = client.explain_decision(with_token(&other, explain(None))).await.expect_err("refused");
    assert_eq!(fields(&refusal), ["token"]);
    let forged = client.explain_decision(with_token(&other, explain(Some(Subject::Token("x.y.z".to_owned()))))).await;
    assert_eq!(forged.expect("an answer").into_inner().steps.len(), 1);
}

async fn who_can_call_this_names_principals_grants_and_live_tokens(service: Harness) {
    let (alice, session) = service.user(&["endpoints/sales-*:read"]).await;
    let (_, admin) = service.user(&["apis/*"]).await;
    let robot = service.identity().api_user(&[]);
    let group = service.identity().group(&["endpoints/sales-orders"], &[robot]);
    service.caught_up(&session).await;
    let (id, _) = service.token(&session, "laptop").await;
    let (dead, _) = service.token(&session, "dead").await;
    service.revoke(&session, &dead).await.expect("revoked");
    let ask = |action: Action, size, page_token: String| pb::ListCallersRequest {
        resource: "endpoints/sales-orders".to_owned(),
        action: action.into(),
        page_size: size,
        page_token,
    };
    let mut client = service.replica.authorization();

    let all = client.list_callers(with_token(&admin, ask(Action::Read, 0, String::new()))).await.expect("callers");
    let all = all.into_inner().callers;
    let names: Vec<String> = all.iter().map(|caller| caller.principal.clone()).collect();
    assert_eq!(names, [robot.to_string(), alice.to_string()]);
    assert_eq!(all[0].grants[0].holder, group.resource_name());
    assert_eq!(all[1].grants[0].pattern, "endpoints/sales-*:read");
    let tokens: Vec<String> = all[1].tokens.iter().map(|token| token.id.clone()).collect();
    assert_eq!(tokens, [id]);

    let writers = client.list_callers(with_token(&admin, ask(Action::Write, 0, String::new()))).await.expect("callers");
    assert_eq!(writers.into_inner().callers.len(), 1);
    let first = client
        .list_callers(with_token(&admin, ask(Action::Read, 1, String::new())))
        .await
        .expect("a page")
        .into_inner();
    assert_eq!(first.callers.len(), 1);
    let rest =
        client.list_callers(with_token(&admin, ask(Action::Read, 1, first.next_page_token))).await.expect("a page");
    assert_eq!(rest.into_inner().callers[0].principal, alice.to_string());

    let refusal =
        client.list_callers(with_token(&session, ask(Action::Read, 0, String::new()))).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::PermissionDenied, "NO_GRANT"));
    let wrong =
        pb::ListCallersRequest { resource: "x".to_owned(), action: 0, page_size: -1, page_token: "x".to_owned() };
    let refusal = client.list_callers(with_token(&admin, wrong)).await.expect_err("refused");
    assert_eq!(fields(&refusal), ["resource", "action", "page_size", "page_token"]);
}

async fn a_principal_that_the_projection_has_not_seen_is_looked_up(service: Harness) {
    service.identity().set_held(true);
    let group_owner = service.identity().user(&["endpoints/a"]);

    let session = service.session(group_owner).await;

    assert_eq!(service.authorize(&session, "endpoints/a").await, Ok(()), "never refused for being new");
    assert_eq!(service.identity().asked(), [group_owner.to_string()]);
}
