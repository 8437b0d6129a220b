//! `TokenService`.

use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::create_token_request::Expiry;
use passgate_proto::token::v1::token::State;
use prost_types::Timestamp;
use tonic::Code;

use crate::support::calls::{denied, fields, list, mark, named, refused, seconds, with_token};
use crate::support::{Harness, NOW, on_both, told};

fn in_days(days: i64) -> Timestamp {
    Timestamp { seconds: NOW.unix_timestamp() + days * 86_400, nanos: 0 }
}

on_both![
    a_name_is_enough,
    every_wrong_field_of_a_new_token_is_named_at_once,
    scopes_and_expiry_keep_their_rules,
    a_name_is_taken_while_its_token_lives_and_free_afterwards,
    a_name_is_free_once_its_tokens_time_is_over,
    an_administrator_makes_a_token_for_somebody_else_by_name_alone,
    somebody_elses_owner_looks_like_one_that_does_not_exist,
    there_is_no_token_for_a_disabled_or_unknown_owner,
    an_owner_has_at_most_200_live_tokens,
    a_repeat_with_its_request_id_gives_the_same_secret_for_ten_minutes,
    a_repeat_by_another_token_gets_no_secret_and_one_of_a_dead_token_is_told_so,
    a_leaked_token_breeds_nothing,
    tokens_are_read_by_their_owner_and_by_who_is_granted_it,
    a_token_learns_what_it_may,
    lists_have_pages_states_and_owners,
    wrong_fields_of_a_list_are_named_and_other_owners_do_not_exist,
    a_list_is_filtered_and_read_page_by_page_in_either_order,
    tokens_of_a_deleted_owner_are_told_to_be_dead,
    an_update_narrows_and_the_very_next_call_feels_it,
    an_update_never_widens_or_prolongs,
    an_update_keeps_to_its_mask_and_etag,
    a_token_may_narrow_and_revoke_itself_and_nothing_else,
    a_name_that_is_taken_cannot_be_taken_by_an_update,
    a_revoked_token_is_refused_on_the_very_next_call,
    a_revocation_tells_how_many_live_tokens_were_made_with_it,
    a_disabled_token_works_again_once_it_is_enabled,
    a_token_whose_time_is_over_is_dead,
    all_tokens_and_sessions_of_a_principal_go_at_once,
    every_write_answers_a_change_mark,
];

async fn a_name_is_enough(service: Harness) {
    let (alice, session) = service.user(&["endpoints/sales"]).await;

    let made = service.create(&session, named("laptop")).await.expect("a token");

    let token = made.token.expect("a token");
    assert_eq!((token.name.as_str(), token.owner), ("laptop", alice.to_string()));
    assert_eq!(token.scopes, None, "all that the owner may, decided at use");
    assert_eq!(token.expire_time, Some(in_days(90)));
    assert_eq!(token.created_by, alice.to_string());
    assert!(token.created_with.starts_with("tokens/"));
    assert_eq!(token.secrets.len(), 1);
    assert_eq!(made.effective_patterns, ["endpoints/sales"]);
    assert!(made.curl_example.contains("$PASSGATE_TOKEN") && made.curl_example.contains("/endpoints/sales/"));
    assert!(made.grpcurl_example.contains("$PASSGATE_TOKEN"));
    assert!(!made.secret_no_longer_shown);
    assert_eq!(service.authorize(&made.secret, "endpoints/sales").await, Ok(()));
    assert_eq!(service.authorize(&made.secret, "endpoints/hr").await, denied("NO_GRANT"));
}

async fn every_wrong_field_of_a_new_token_is_named_at_once(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let wrong = pb::CreateTokenRequest {
        name: " x".to_owned(),
        owner: "nobody".to_owned(),
        scopes: list(&["endpoints/a", "sales*x"]),
        expiry: Some(Expiry::Ttl(seconds(366 * 86_400))),
        description: "\u{202e}".to_owned(),
        labels: [("Team".to_owned(), "x".to_owned())].into(),
        request_id: "with space".to_owned(),
    };

    let refusal = service.create(&session, wrong).await.expect_err("refused");

    let named = ["name", "owner", "scopes.patterns[1]", "ttl", "description", "labels", "request_id"];
    assert_eq!(fields(&refusal), named);
}

async fn scopes_and_expiry_keep_their_rules(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let many: Vec<String> = (0..60).map(|n| format!("endpoints/a-name-of-some-length-{n:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (request, field) in [
        (pb::CreateTokenRequest { scopes: list(&[]), ..named("a") }, "scopes"),
        (pb::CreateTokenRequest { scopes: list(&many), ..named("a") }, "scopes"),
        (pb::CreateTokenRequest { expiry: Some(Expiry::ExpireTime(in_days(0))), ..named("a") }, "expire_time"),
        (pb::CreateTokenRequest { expiry: Some(Expiry::ExpireTime(in_days(366))), ..named("a") }, "expire_time"),
        (pb::CreateTokenRequest { expiry: Some(Expiry::Ttl(seconds(-1))), ..named("a") }, "ttl"),
        (
            pb::CreateTokenRequest {
                expiry: Some(Expiry::ExpireTime(Timestamp { seconds: 1, nanos: -1 })),
                ..named("a")
            },
            "expire_time",
        ),
    ] {
        let refusal = service.create(&session, request).await.expect_err("refused");
        assert_eq!(fields(&refusal), [field]);
    }
}

async fn a_name_is_taken_while_its_token_lives_and_free_afterwards(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let (id, _) = service.token(&session, "Laptop").await;

    let refusal = service.create(&session, named("ＬＡＰＴＯＰ")).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::AlreadyExists, "NAME_TAKEN"));

    service.disable(&session, &id).await.expect("disabled");
    let refusal = service.create(&session, named("laptop")).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::AlreadyExists, "NAME_TAKEN"), "a disabled token lives");

    service.revoke(&session, &id).await.expect("revoked");
    service.create(&session, named("laptop")).await.expect("free again");
}

async fn a_name_is_free_once_its_tokens_time_is_over(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let short = pb::CreateTokenRequest { expiry: Some(Expiry::Ttl(seconds(60))), ..named("laptop") };
    service.create(&session, short).await.expect("a token");

    service.later(&session, std::time::Duration::from_secs(60)).await;

    service.create(&session, named("laptop")).await.expect("free again");
}

async fn an_administrator_makes_a_token_for_somebody_else_by_name_alone(service: Harness) {
    let (admin, session) = service.user(&["*"]).await;
    let robot = service.identity().api_user(&["endpoints/sales"]);

    let request = pb::CreateTokenRequest { owner: robot.to_string(), ..named("widget") };
    let made = service.create(&session, request).await.expect("a token");

    let token = made.token.expect("a token");
    assert_eq!((token.owner, token.created_by), (robot.to_string(), admin.to_string()));
    assert_eq!(token.scopes, list(&["*"]), "explicit, so that no promotion of the owner widens it");
    assert_eq!(made.effective_patterns, ["endpoints/sales"]);
    assert_eq!(service.authorize(&made.secret, "endpoints/sales").await, Ok(()));
    assert_eq!(service.authorize(&made.secret, "endpoints/hr").await, denied("NO_GRANT"));
}

async fn somebody_elses_owner_looks_like_one_that_does_not_exist(service: Harness) {
    let (_, session) = service.user(&["endpoints/sales"]).await;
    let robot = service.identity().api_user(&[]);

    for owner in [robot.to_string(), "users/01900000-0000-7000-8000-00000000dead".to_owned()] {
        let refusal =
            service.create(&session, pb::CreateTokenRequest { owner, ..named("x") }).await.expect_err("refused");
        assert_eq!(told(&refusal), refused(Code::NotFound, "NOT_FOUND"));
    }
}

async fn there_is_no_token_for_a_disabled_or_unknown_owner(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let robot = service.identity().api_user(&[]);
    let request = |owner: String| pb::CreateTokenRequest { owner, ..named("x") };

    let unknown = request("api-users/01900000-0000-7000-8000-00000000dead".to_owned());
    let refusal = service.create(&session, unknown).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::NotFound, "NOT_FOUND"));

    service.identity().set_enabled(robot, false);
    service.caught_up(&session).await;
    let refusal = service.create(&session, request(robot.to_string())).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::FailedPrecondition, "OWNER_DISABLED"));
}

async fn an_owner_has_at_most_200_live_tokens(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let mut first = String::new();
    for number in 0..200 {
        first = service.token(&session, &format!("token {number}")).await.0;
    }

    let refusal = service.create(&session, named("one more")).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::ResourceExhausted, "LIMIT_REACHED"));

    service.revoke(&session, &first).await.expect("revoked");
    service.create(&session, named("one more")).await.expect("dead ones do not count");
}

async fn a_repeat_with_its_request_id_gives_the_same_secret_for_ten_minutes(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let request = pb::CreateTokenRequest { request_id: "once".to_owned(), ..named("laptop") };
    let first = service.create(&session, request.clone()).await.expect("a token");

    let repeat = service.create(&session, request.clone()).await.expect("the same");
    assert_eq!((repeat.secret, repeat.token), (first.secret, first.token.clone()));

    let other = pb::CreateTokenRequest { name: "phone".to_owned(), ..request.clone() };
    let refusal = service.create(&session, other).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::InvalidArgument, "REQUEST_ID_REUSED"));
    assert_eq!(fields(&refusal), ["request_id"]);

    service.later(&session, std::time::Duration::from_secs(601)).await;
    let late = service.create(&session, request).await.expect("the token");
    assert!(late.secret.is_empty() && late.secret_no_longer_shown);
    assert_eq!(late.token, first.token);
}

async fn a_repeat_by_another_token_gets_no_secret_and_one_of_a_dead_token_is_told_so(service: Harness) {
    let (alice, session) = service.user(&["*"]).await;
    let request = pb::CreateTokenRequest { request_id: "once".to_owned(), ..named("laptop") };
    let made = service.create(&session, request.clone()).await.expect("a token");
    let id = made.token.expect("a token").id;

    let other = service.session(alice).await;
    let refusal = service.create(&other, request.clone()).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::AlreadyExists, "REQUEST_ID_OTHER_TOKEN"));
    assert!(refusal.message().contains(&id), "the resource is named");

    service.revoke(&session, &id).await.expect("revoked");
    let refusal = service.create(&session, request).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::FailedPrecondition, "TOKEN_REVOKED"));
}

async fn a_leaked_token_breeds_nothing(service: Harness) {
    let (_, session) = service.user(&["endpoints/*", "apis/*"]).await;
    let (_, bob) = service.user(&["endpoints/*"]).await;
    let plain = service.token(&bob, "plain").await.1;
    let admin_free = pb::CreateTokenRequest { scopes: list(&["endpoints/a"]), ..named("sibling") };

    let refusal = service.create(&plain, admin_free.clone()).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::PermissionDenied, "CREDENTIAL_ACT_NOT_SCOPED"));

    // Who is granted the method is an administrator of it, and not bound by this.
    let granted = service.token(&session, "granted").await.1;
    service.create(&granted, admin_free).await.expect("a token");
}

async fn tokens_are_read_by_their_owner_and_by_who_is_granted_it(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let (_, other) = service.user(&["endpoints/a"]).await;
    let (_, admin) = service.user(&["apis/passgate.token.v1.*"]).await;
    let (id, _) = service.token(&session, "laptop").await;
    let jti = service.get(&session, &id).await.expect("a token").secrets[0].jti.clone();

    assert_eq!(service.get(&session, &jti).await.expect("by its secret's id").id, id);
    assert_eq!(service.get(&admin, &id).await.expect("a token").name, "laptop");
    let unknown = refused(Code::NotFound, "NOT_FOUND");
    assert_eq!(service.get(&other, &id).await, Err(unknown.clone()));
    assert_eq!(service.get(&session, "01900000-0000-7000-8000-00000000dead").await, Err(unknown));
    let wrong =
        service.replica.tokens().get_token(with_token(&session, pb::GetTokenRequest { id: "x".to_owned() })).await;
    assert_eq!(fields(&wrong.expect_err("refused")), ["id"]);
}

async fn a_token_learns_what_it_may(service: Harness) {
    let (alice, session) = service.user(&["endpoints/a", "endpoints/b"]).await;
    let request = pb::CreateTokenRequest { scopes: list(&["endpoints/a"]), ..named("laptop") };
    let secret = service.create(&session, request).await.expect("a token").secret;

    let own = service.replica.tokens().get_self(with_token(&secret, pb::GetSelfRequest {})).await.expect("itself");
    let own = own.into_inner();
    assert_eq!((own.token.expect("a token").name.as_str(), own.session), ("laptop", false));
    assert_eq!(own.effective_patterns, ["endpoints/a"]);

    let own = service.replica.tokens().get_self(with_token(&session, pb::GetSelfRequest {})).await.expect("itself");
    let own = own.into_inner();
    let token = own.token.expect("a token");
    assert_eq!((token.name.as_str(), token.owner, own.session), ("session", alice.to_string(), true));
    assert_eq!(own.effective_patterns, ["endpoints/a", "endpoints/b"]);
}

async fn lists_have_pages_states_and_owners(service: Harness) {
    let (alice, session) = service.user(&["endpoints/a"]).await;
    let (_, admin) = service.user(&["*"]).await;
    for name in ["one", "two", "three"] {
        service.token(&session, name).await;
    }
    let (id, _) = service.token(&session, "dead").await;
    service.revoke(&session, &id).await.expect("revoked");
    service.token(&admin, "admin's").await;
    let all = pb::ListTokensRequest::default;

    assert_eq!(service.names(&session, all()).await.expect("own"), ["dead", "three", "two", "one"]);
    assert_eq!(service.names(&admin, all()).await.expect("all"), ["admin's", "dead", "three", "two", "one"]);
    let of_alice = pb::ListTokensRequest { owner: alice.to_string(), state: State::Active.into(), ..all() };
    assert_eq!(service.names(&admin, of_alice.clone()).await.expect("hers"), ["three", "two", "one"]);
    let revoked = pb::ListTokensRequest { state: State::Revoked.into(), ..all() };
    assert_eq!(service.names(&session, revoked).await.expect("dead"), ["dead"]);

    let page = pb::ListTokensRequest { page_size: 2, ..of_alice };
    let first =
        service.replica.tokens().list_tokens(with_token(&admin, page.clone())).await.expect("a page").into_inner();
    assert_eq!(first.tokens.len(), 2);
    let next = pb::ListTokensRequest { page_token: first.next_page_token.clone(), ..page.clone() };
    assert_eq!(service.names(&admin, next).await.expect("the rest"), ["one"]);

    let foreign = pb::ListTokensRequest { page_token: first.next_page_token, owner: String::new(), ..page };
    assert_eq!(fields(&service.names(&admin, foreign).await.expect_err("refused")), ["page_token"]);
}

async fn wrong_fields_of_a_list_are_named_and_other_owners_do_not_exist(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let (bob, _) = service.user(&[]).await;
    let wrong = pb::ListTokensRequest {
        owner: "x".to_owned(),
        state: 99,
        page_size: -1,
        page_token: "made-up".to_owned(),
        filter: "x = 1".to_owned(),
        order_by: "x".to_owned(),
    };
    let refusal = service.names(&session, wrong).await.expect_err("refused");
    assert_eq!(fields(&refusal), ["owner", "state", "filter", "order_by", "page_size", "page_token"]);

    let bobs = pb::ListTokensRequest { owner: bob.to_string(), ..pb::ListTokensRequest::default() };
    assert_eq!(told(&service.names(&session, bobs).await.expect_err("refused")), refused(Code::NotFound, "NOT_FOUND"));
}

async fn an_update_narrows_and_the_very_next_call_feels_it(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let (id, secret) = service.token(&session, "laptop").await;
    assert_eq!(service.authorize(&secret, "endpoints/a").await, Ok(()));

    let change = pb::Token {
        id: id.clone(),
        name: "notebook".to_owned(),
        scopes: list(&["endpoints/b"]),
        expire_time: Some(in_days(10)),
        description: "for b".to_owned(),
        labels: [("team".to_owned(), "x".to_owned())].into(),
        ..pb::Token::default()
    };
    let changed = service.update(&session, change, &["*"]).await.expect("changed");

    assert_eq!(
        (changed.name.as_str(), changed.scopes, changed.expire_time),
        ("notebook", list(&["endpoints/b"]), Some(in_days(10)))
    );
    assert_eq!(service.authorize(&secret, "endpoints/a").await, denied("NO_SCOPE"));
    assert_eq!(service.authorize(&secret, "endpoints/b").await, Ok(()));
}

async fn an_update_never_widens_or_prolongs(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let request = pb::CreateTokenRequest { scopes: list(&["endpoints/a"]), ..named("laptop") };
    let token = service.create(&session, request).await.expect("a token").token.expect("a token");
    let wider =
        pb::Token { scopes: list(&["endpoints/a", "endpoints/b"]), expire_time: Some(in_days(91)), ..token.clone() };
    let endless = pb::Token { scopes: None, expire_time: None, ..token.clone() };
    let dead = pb::Token { scopes: list(&[]), ..token.clone() };

    for (change, wrong) in [
        (wider, vec!["token.scopes", "token.expire_time"]),
        (endless, vec!["token.scopes", "token.expire_time"]),
        (dead, vec!["token.scopes"]),
    ] {
        let refusal = service.update(&session, change, &["scopes", "expire_time"]).await.expect_err("refused");
        assert_eq!(fields(&refusal), wrong);
    }
    assert_eq!(service.get(&session, &token.id).await.expect("a token"), token, "nothing changed");
}

async fn an_update_keeps_to_its_mask_and_etag(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let token = service.create(&session, named("laptop")).await.expect("a token").token.expect("a token");
    for mask in [&[][..], &["owner"], &["state"], &["created_by"], &["name", "*"]] {
        let refusal = service.update(&session, token.clone(), mask).await.expect_err("refused");
        assert_eq!(fields(&refusal), ["update_mask"], "{mask:?}");
    }
    let renamed = pb::Token { name: "phone".to_owned(), ..token.clone() };
    let now = service.update(&session, renamed.clone(), &["name"]).await.expect("its etag is the current one");
    assert_ne!(now.etag, token.etag);

    let refusal = service.update(&session, renamed, &["name"]).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::Aborted, "ETAG_MISMATCH"));
    let no_id = pb::Token { name: String::new(), ..pb::Token::default() };
    assert_eq!(
        fields(&service.update(&session, no_id, &["name"]).await.expect_err("refused")),
        ["token.id", "token.name"]
    );
}

async fn a_token_may_narrow_and_revoke_itself_and_nothing_else(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let request = pb::CreateTokenRequest { scopes: list(&["endpoints/a", "endpoints/b"]), ..named("laptop") };
    let made = service.create(&session, request).await.expect("a token");
    let token = made.token.expect("a token");
    let (sibling, _) = service.token(&session, "sibling").await;

    let narrower = pb::Token { scopes: list(&["endpoints/a"]), ..token.clone() };
    service.update(&made.secret, narrower, &["scopes"]).await.expect("narrowed");
    assert_eq!(service.authorize(&made.secret, "endpoints/b").await, denied("NO_SCOPE"));
    assert_eq!(service.revoke(&made.secret, &sibling).await, Err(refused(Code::NotFound, "NOT_FOUND")));
    let refusal = service.disable(&made.secret, &token.id).await.expect_err("not among what is always allowed");
    assert_eq!(refusal, refused(Code::PermissionDenied, "NO_SCOPE"));

    service.revoke(&made.secret, &token.id).await.expect("revoked");
    assert_eq!(service.authorize(&made.secret, "endpoints/a").await, denied("TOKEN_REVOKED"));
}

async fn a_name_that_is_taken_cannot_be_taken_by_an_update(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    service.token(&session, "one").await;
    let (id, _) = service.token(&session, "two").await;

    let change = pb::Token { id, name: "ONE".to_owned(), ..pb::Token::default() };
    let refusal = service.update(&session, change, &["name"]).await.expect_err("refused");

    assert_eq!(told(&refusal), refused(Code::AlreadyExists, "NAME_TAKEN"));
}

async fn a_revoked_token_is_refused_on_the_very_next_call(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let (id, secret) = service.token(&session, "laptop").await;
    assert_eq!(service.authorize(&secret, "endpoints/a").await, Ok(()), "allowed before");

    let revoked = service.revoke(&session, &id).await.expect("revoked");

    assert_eq!(service.authorize(&secret, "endpoints/a").await, denied("TOKEN_REVOKED"), "refused after");
    let token = revoked.token.expect("a token");
    assert_eq!((token.state(), token.revoke_reason.as_str()), (State::Revoked, "lost"));
    let again = service.revoke(&session, &id).await.expect("revoked before");
    assert_eq!(again.token.expect("a token").etag, token.etag, "a second revocation is no second change");
    for outcome in [service.enable(&session, &id).await, service.disable(&session, &id).await] {
        assert_eq!(outcome, Err(refused(Code::FailedPrecondition, "TOKEN_REVOKED")));
    }
    let named = pb::Token { id, name: "x".to_owned(), ..pb::Token::default() };
    let refusal = service.update(&session, named, &["name"]).await.expect_err("refused");
    assert_eq!(told(&refusal), refused(Code::FailedPrecondition, "TOKEN_REVOKED"));
}

async fn a_revocation_tells_how_many_live_tokens_were_made_with_it(service: Harness) {
    let (_, session) = service.user(&["*"]).await;
    let (id, secret) = service.token(&session, "mother").await;
    service.token(&secret, "child").await;
    let (dead, _) = service.token(&secret, "dead child").await;
    service.revoke(&session, &dead).await.expect("revoked");

    assert_eq!(service.revoke(&session, &id).await.expect("revoked").live_descendants, 1);
}

async fn a_disabled_token_works_again_once_it_is_enabled(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let (id, secret) = service.token(&session, "laptop").await;

    let token = service.disable(&session, &id).await.expect("disabled");
    assert_eq!(token.state(), State::Disabled);
    assert!(token.disable_time.is_some());
    assert_eq!(service.authorize(&secret, "endpoints/a").await, denied("TOKEN_DISABLED"));
    assert_eq!(service.disable(&session, &id).await.expect("disabled before").etag, token.etag);

    let token = service.enable(&session, &id).await.expect("enabled");
    assert_eq!((token.state(), token.disable_time), (State::Active, None));
    assert_eq!(service.authorize(&secret, "endpoints/a").await, Ok(()));
}

async fn a_token_whose_time_is_over_is_dead(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let short = pb::CreateTokenRequest { expiry: Some(Expiry::Ttl(seconds(60))), ..named("laptop") };
    let made = service.create(&session, short).await.expect("a token");
    let id = made.token.expect("a token").id;

    service.later(&session, std::time::Duration::from_secs(60)).await;

    assert_eq!(service.authorize(&made.secret, "endpoints/a").await, denied("TOKEN_EXPIRED"));
    assert_eq!(service.get(&session, &id).await.expect("a token").state(), State::Expired);
    assert_eq!(service.enable(&session, &id).await, Err(refused(Code::FailedPrecondition, "TOKEN_EXPIRED")));
}

async fn all_tokens_and_sessions_of_a_principal_go_at_once(service: Harness) {
    let (alice, session) = service.user(&["endpoints/*"]).await;
    let other = service.session(alice).await;
    let (_, secret) = service.token(&session, "laptop").await;
    let (bob, bobs) = service.user(&[]).await;

    let request = |principal: String| pb::RevokeAllTokensRequest {
        principal,
        revoke_reason: String::new(),
        confirm_within: None,
    };
    let refusal = service.replica.tokens().revoke_all_tokens(with_token(&session, request(bob.to_string()))).await;
    assert_eq!(told(&refusal.expect_err("refused")), refused(Code::NotFound, "NOT_FOUND"));
    let refusal = service.replica.tokens().revoke_all_tokens(with_token(&session, request("x".to_owned()))).await;
    assert_eq!(fields(&refusal.expect_err("refused")), ["principal"]);
    let refusal = service.replica.tokens().revoke_all_tokens(with_token(&secret, request(alice.to_string()))).await;
    assert_eq!(told(&refusal.expect_err("refused")), refused(Code::PermissionDenied, "CREDENTIAL_ACT_NOT_SCOPED"));

    let all = service.replica.tokens().revoke_all_tokens(with_token(&session, request(alice.to_string()))).await;
    let all = all.expect("revoked").into_inner();
    assert_eq!((all.revoked_tokens, all.ended_sessions), (1, 2));
    for dead in [&secret, &session, &other] {
        assert_eq!(service.authorize(dead, "endpoints/a").await, denied("TOKEN_REVOKED"));
    }
    assert_eq!(service.authorize(&bobs, "endpoints/a").await, denied("NO_GRANT"), "bob's session lives");
}

async fn every_write_answers_a_change_mark(service: Harness) {
    let (alice, session) = service.user(&["*"]).await;
    let mut tokens = service.replica.tokens();
    let made = tokens.create_token(with_token(&session, named("laptop"))).await.expect("made");
    let id = made.get_ref().token.as_ref().expect("a token").id.clone();
    let mut marks = vec![mark(&made)];
    let off = pb::DisableTokenRequest { id: id.clone(), confirm_within: None };
    marks.push(mark(&tokens.disable_token(with_token(&session, off)).await.expect("off")));
    let on = pb::EnableTokenRequest { id: id.clone() };
    marks.push(mark(&tokens.enable_token(with_token(&session, on)).await.expect("on")));
    let gone = pb::RevokeTokenRequest { id, revoke_reason: String::new(), confirm_within: None };
    marks.push(mark(&tokens.revoke_token(with_token(&session, gone)).await.expect("gone")));
    let all =
        pb::RevokeAllTokensRequest { principal: alice.to_string(), revoke_reason: String::new(), confirm_within: None };
    marks.push(mark(&tokens.revoke_all_tokens(with_token(&session, all)).await.expect("all gone")));

    marks.dedup();
    assert_eq!(marks.len(), 5, "each names another change");
}

async fn a_list_is_filtered_and_read_page_by_page_in_either_order(service: Harness) {
    let (_, admin) = service.user(&["*"]).await;
    let robot = service.identity().api_user(&["endpoints/*"]);
    service.caught_up(&admin).await;
    for number in 0..5 {
        service.installation.clock.advance(std::time::Duration::from_millis(10));
        let request = pb::CreateTokenRequest {
            owner: if number % 2 == 0 { String::new() } else { robot.to_string() },
            scopes: list(&["endpoints/a"]),
            labels: [("team".to_owned(), if number < 3 { "sales" } else { "ops" }.to_owned())].into(),
            expiry: (number == 4).then(|| pb::create_token_request::Expiry::Ttl(seconds(3600))),
            ..named(&format!("token {number}"))
        };
        service.create(&admin, request).await.expect("a token");
    }
    let names = |filter: &str, order_by: &str| {
        let request = pb::ListTokensRequest {
            filter: filter.to_owned(),
            order_by: order_by.to_owned(),
            ..pb::ListTokensRequest::default()
        };
        let service = &service;
        let admin = admin.clone();
        async move { service.names(&admin, request).await.expect("a list") }
    };

    assert_eq!(names("labels.team = ops", "create_time").await, ["token 3", "token 4"]);
    assert_eq!(names("owner_kind = API_USER", "").await, ["token 3", "token 1"]);
    assert_eq!(names(&format!("owner = {robot} AND labels.team = sales"), "").await, ["token 1"]);
    assert_eq!(names("name = \"token 2\"", "").await, ["token 2"]);
    assert_eq!(names("expire_time < 2026-11-25", "").await, ["token 4"]);
    assert_eq!(names("state = DISABLED", "").await, [""; 0]);
    assert_eq!(names("state != ACTIVE AND state != EXPIRED", "").await, [""; 0]);
    for order_by in ["create_time", "create_time desc"] {
        let mut page = pb::ListTokensRequest {
            page_size: 2,
            filter: "create_time >= 2026-11-24".to_owned(),
            order_by: order_by.to_owned(),
            ..pb::ListTokensRequest::default()
        };
        let mut read = Vec::new();
        loop {
            let answer = service.replica.tokens().list_tokens(with_token(&admin, page.clone())).await.expect("a page");
            let answer = answer.into_inner();
            read.extend(answer.tokens.into_iter().map(|token| token.name));
            page.page_token = answer.next_page_token;
            if page.page_token.is_empty() {
                break;
            }
        }
        let mut wanted: Vec<String> = (0..5).map(|number| format!("token {number}")).collect();
        if order_by.ends_with("desc") {
            wanted.reverse();
        }
        assert_eq!(read, wanted, "{order_by}");
    }
    let wrong = pb::ListTokensRequest {
        filter: "owner = x".to_owned(),
        order_by: "name".to_owned(),
        ..pb::ListTokensRequest::default()
    };
    assert_eq!(fields(&service.names(&admin, wrong).await.expect_err("refused")), ["filter", "order_by"]);
}

async fn tokens_of_a_deleted_owner_are_told_to_be_dead(service: Harness) {
    let (_, admin) = service.user(&["*"]).await;
    let (bob, session) = service.user(&["endpoints/*"]).await;
    let (id, secret) = service.token(&session, "laptop").await;
    let (revoked, _) = service.token(&session, "revoked").await;
    service.revoke(&session, &revoked).await.expect("revoked");

    service.identity().set(bob, |record| {
        *record = passgate_proto::identity::v1::PrincipalRecord {
            principal: record.principal.clone(),
            deleted: true,
            ..Default::default()
        };
    });
    service.until(&secret, "endpoints/a", denied("OWNER_DELETED")).await;

    assert_eq!(service.get(&admin, &id).await.expect("a token").state(), pb::token::State::OwnerDeleted);
    assert_eq!(service.get(&admin, &revoked).await.expect("a token").state(), pb::token::State::Revoked);
    let listed = |state: pb::token::State, filter: &str| {
        let request = pb::ListTokensRequest {
            owner: bob.to_string(),
            state: state.into(),
            filter: filter.to_owned(),
            ..pb::ListTokensRequest::default()
        };
        let service = &service;
        let admin = admin.clone();
        async move { service.names(&admin, request).await.expect("a list") }
    };
    assert_eq!(listed(pb::token::State::Active, "").await, [""; 0]);
    assert_eq!(listed(pb::token::State::OwnerDeleted, "").await, ["laptop"]);
    assert_eq!(listed(pb::token::State::Unspecified, "state = OWNER_DELETED").await, ["laptop"]);
    assert_eq!(listed(pb::token::State::Unspecified, "state = ACTIVE").await, [""; 0]);
    let refusal = refused(Code::FailedPrecondition, "OWNER_DELETED");
    assert_eq!(service.disable(&admin, &id).await, Err(refusal.clone()));
    assert_eq!(service.enable(&admin, &id).await, Err(refusal));
    assert!(service.revoke(&admin, &id).await.is_ok(), "taking away is always possible");
}
