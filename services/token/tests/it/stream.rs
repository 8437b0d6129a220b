//! `ChangeService`: the stream of changes, leases, and who watches.

use std::time::Duration;

use passgate_kit::client::{Ambient, Principal};
use passgate_kit::credentials::remove;
use passgate_kit::store::{Dialect, Store, StoreError, Tx};
use passgate_proto::token::v1 as pb;
use passgate_proto::r#type::v1::Position;
use sea_orm::ConnectionTrait as _;
use tonic::Code;

use crate::support::calls::{list, question, refused, with_service, with_token};
use crate::support::watching::{SOON, Watching, open, start};
use crate::support::{Harness, Installation, on_both, told};

const WATCH: &str = "apis/passgate.token.v1.ChangeService/*";

on_both![
    every_change_to_what_a_decision_rests_on_comes_by_name,
    a_decider_goes_on_where_it_was,
    a_restart_makes_nobody_start_over,
    a_position_of_another_feed_starts_over,
    a_decider_that_has_seen_more_shows_that_the_database_went_back,
    a_position_that_a_mere_token_names_is_not_believed,
    without_evidence_there_is_no_lease,
    an_echo_says_how_old_the_evidence_is,
    a_decider_is_in_the_database_before_its_first_lease,
    a_slow_reader_harms_nobody,
    a_stream_ends_with_the_credential_that_opened_it,
    a_stream_ends_with_the_token_that_opened_it,
    what_a_decider_says_is_checked,
    who_watches_is_listed,
    a_question_is_not_decided_on_less_than_the_asker_has,
];

async fn watch(service: &Harness) -> Watching {
    service.replica.watch(&service.installation.gateway, start("gateway-1", 1, None)).await
}

/// Does something to the service's database behind its back.
async fn execute(installation: &Installation, statement: String) {
    let store = Store::open(installation.database.config(), "token", &Ambient::system()).await.expect("the database");
    let done = store.write(move |tx: &mut Tx| {
        Box::pin(async move {
            tx.connection().execute_unprepared(&statement).await?;
            Ok::<_, StoreError>(())
        })
    });
    let _ = done.await.expect("done");
    store.close().await;
}

async fn every_change_to_what_a_decision_rests_on_comes_by_name(service: Harness) {
    let (alice, session) = service.user(&["endpoints/*"]).await;
    let group = service.identity().group(&["endpoints/b"], &[alice]);
    service.caught_up(&session).await;
    let mut watching = watch(&service).await;
    let (id, _) = service.token(&session, "laptop").await;
    let token = format!("tokens/{id}");

    watching.until_touched(&token).await; // made
    service.disable(&session, &id).await.expect("disabled");
    watching.until_touched(&token).await;
    service.enable(&session, &id).await.expect("enabled");
    watching.until_touched(&token).await;
    let narrow = pb::Token { id: id.clone(), scopes: list(&["endpoints/a"]), ..pb::Token::default() };
    service.update(&session, narrow, &["scopes"]).await.expect("narrowed");
    watching.until_touched(&token).await;
    service.revoke(&session, &id).await.expect("revoked");
    watching.until_touched(&token).await;

    service.identity().set_enabled(alice, false);
    let change = watching.until_touched(&alice.to_string()).await;
    assert_eq!(change.identity.expect("whose change it is").number, service.identity().head());
    service.identity().set_group(group, |group| group.patterns.clear());
    watching.until_touched(&format!("groups/{group}")).await;
}

async fn a_decider_goes_on_where_it_was(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let mut before = watch(&service).await;
    service.token(&session, "one").await;
    before.change().await;
    let since = before.at.clone();
    drop(before);
    service.token(&session, "two").await;

    let mut after =
        service.replica.watch(&service.installation.gateway, start("gateway-1", 1, Some(since.clone()))).await;

    assert!(after.begin.resumed);
    assert_eq!(after.begin.position, Some(since.clone()));
    assert_eq!(after.begin.identity.clone().expect("known").number, service.identity().head());
    assert_eq!(after.change().await.position.expect("a position").number, since.number + 1, "what it missed");
}

async fn a_restart_makes_nobody_start_over(service: Harness) {
    let (alice, session) = service.user(&["endpoints/*"]).await;
    service.token(&session, "one").await;
    let since = watch(&service).await.at;
    service.token(&session, "two").await;
    service.identity().set(alice, |record| record.display_name = "Alice".to_owned());
    service.caught_up(&session).await;
    let Harness { installation, replica } = service;

    replica.stop().await;
    let replica = installation.replica().await;

    let after = replica.watch(&installation.gateway, start("gateway-1", 1, Some(since.clone()))).await;
    assert!(after.begin.resumed);
    assert_eq!(after.begin.identity.map(|identity| identity.number), Some(installation.identity.head() - 1));
}

async fn a_position_of_another_feed_starts_over(service: Harness) {
    let head = watch(&service).await.at;
    let other = Position { feed_id: uuid::Uuid::nil().to_string(), ..head.clone() };

    let over = service.replica.watch(&service.installation.gateway, start("gateway-1", 1, Some(other))).await;

    assert!(!over.begin.resumed);
    assert_eq!(over.begin.position, Some(head));
    assert!(*service.replica.running.ready.borrow(), "and says nothing against this one");
}

async fn a_decider_that_has_seen_more_shows_that_the_database_went_back(service: Harness) {
    let (_, session) = service.user(&["endpoints/*"]).await;
    let gateway = service.installation.gateway.clone();
    let mut service = service;
    let head = watch(&service).await.at;
    for lost in [Position { number: head.number + 7, ..head.clone() }, Position { hash: vec![7; 32], ..head.clone() }] {
        let mut over = service.replica.watch(&gateway, start("gateway-1", 1, Some(lost))).await;
        assert!(!over.begin.resumed);
        service.replica.until_not_ready().await;
        over.say_nonce().await;
        assert!(!over.is_echoed_within(2).await, "no lease from a feed that went back");
        let asked = service.authorize(&session, "endpoints/a").await;
        assert_eq!(asked, Err(refused(Code::Unavailable, "UNDECIDABLE")));

        // It is remembered: starting it again is no cure.
        let Harness { installation, replica } = service;
        replica.stop().await;
        let replica = installation.start(installation.config()).await;
        let mut again = replica.watch(&gateway, start("gateway-2", 2, None)).await;
        again.say_nonce().await;
        assert!(!again.is_echoed_within(2).await);
        assert!(!*replica.running.ready.borrow());
        replica.stop().await;
        execute(&installation, "DELETE FROM feed_doubt".to_owned()).await;
        let replica = installation.replica().await;
        service = Harness { installation, replica };
    }
}

async fn a_position_that_a_mere_token_names_is_not_believed(service: Harness) {
    let (_, session) = service.user(&[WATCH]).await;
    let head = watch(&service).await.at;
    let lost = Position { hash: vec![7; 32], ..head };

    let opened = open(service.replica.channel.clone(), start("mine", 1, Some(lost)), |questions| {
        with_token(&session, questions)
    });
    let mut over = Watching::begin(opened.await.expect("a stream")).await;

    assert!(!over.begin.resumed);
    over.lease().await;
}

async fn without_evidence_there_is_no_lease(service: Harness) {
    let mut watching = watch(&service).await;
    watching.lease().await;
    let before = service.replica.running.streams.stats().withheld;

    service.identity().set_away(true);
    service.installation.clock.advance(Duration::from_secs(6));
    watching.say_nonce().await;
    assert!(!watching.is_echoed_within(2).await, "the identity service is away");
    assert_eq!(service.replica.running.streams.stats().withheld, before + 1);
    service.identity().set_away(false);
    assert!(watching.is_echoed_within(20).await, "the nonce was kept");

    execute(&service.installation, "ALTER TABLE feed_head RENAME TO feed_head_away".to_owned()).await;
    service.installation.clock.advance(Duration::from_secs(6));
    watching.say_nonce().await;
    assert!(!watching.is_echoed_within(2).await, "the database is away");
    execute(&service.installation, "ALTER TABLE feed_head_away RENAME TO feed_head".to_owned()).await;
    assert!(watching.is_echoed_within(20).await);
}

async fn an_echo_says_how_old_the_evidence_is(service: Harness) {
    let mut watching = watch(&service).await;
    watching.lease().await;
    service.identity().set_held(true);
    service.installation.clock.advance(Duration::from_secs(4));

    let echo = watching.lease().await;

    let age = Duration::try_from(echo.age.expect("an age")).expect("a length of time");
    assert!(age >= Duration::from_secs(4), "{age:?}");
    assert_eq!(echo.max_staleness, Some(prost_types::Duration { seconds: 5, nanos: 0 }));
    assert_eq!(echo.position, Some(watching.at), "everything up to there came before it");
}

async fn a_decider_is_in_the_database_before_its_first_lease(service: Harness) {
    execute(&service.installation, "ALTER TABLE decider RENAME TO decider_away".to_owned()).await;
    let mut watching = watch(&service).await;
    watching.say_nonce().await;
    assert!(!watching.is_echoed_within(3).await, "it cannot be written down");

    execute(&service.installation, "ALTER TABLE decider_away RENAME TO decider".to_owned()).await;
    assert!(watching.is_echoed_within(20).await);

    let store =
        Store::open(service.installation.database.config(), "token", &Ambient::system()).await.expect("the database");
    let names = store.read(|db| {
        Box::pin(async move {
            let sql = sea_orm::Statement::from_string(db.get_database_backend(), "SELECT name FROM decider");
            let rows = db.query_all_raw(sql).await?;
            rows.iter().map(|row| Ok::<String, StoreError>(row.try_get("", "name")?)).collect::<Result<Vec<_>, _>>()
        })
    });
    assert_eq!(names.await.expect("read"), ["gateway-1"]);
    store.close().await;
}

async fn a_slow_reader_harms_nobody(service: Harness) {
    let (alice, session) = service.user(&["endpoints/*"]).await;
    let gateway = service.installation.gateway.clone();
    let slow = open(service.replica.small_channel(1_000), start("slow", 9, None), |questions| {
        with_service(&gateway, questions)
    });
    let (unread, _questions) = slow.await.expect("a stream");
    let mut other = watch(&service).await;

    for round in 0..200 {
        service.identity().set(alice, |record| record.display_name = format!("round {round}"));
    }
    service.caught_up(&session).await;
    service.token(&session, "laptop").await;

    let head = service.replica.running.streams.stats().head;
    while other.at.number < head {
        other.change().await;
    }
    other.lease().await;
    // What is queued for the slow one is short; what it missed is still there for it.
    let mut slow = Watching::begin((unread, _questions)).await;
    while slow.at.number < head {
        slow.change().await;
    }
}

async fn a_stream_ends_with_the_credential_that_opened_it(service: Harness) {
    let watching = watch(&service).await;
    let mut kept = service.replica.watch(&service.installation.identity_credential, start("identity-1", 2, None)).await;

    remove(&service.installation.database.folder().join("accepted.toml"), "gateway").expect("removed");

    let end = watching.end().await;
    assert_eq!(told(&end), refused(Code::Unauthenticated, "SERVICE_CREDENTIAL_INVALID"));
    kept.lease().await;
}

async fn a_stream_ends_with_the_token_that_opened_it(service: Harness) {
    let (_, session) = service.user(&[WATCH]).await;
    let (id, secret) = service.token(&session, "watcher").await;
    let open_with = |secret: String, id| {
        let channel = service.replica.channel.clone();
        async move {
            let opened = open(channel, start("mine", id, None), |questions| with_token(&secret, questions)).await;
            Watching::begin(opened.expect("a stream")).await
        }
    };
    let (mut by_token, mut by_session) = (open_with(secret, 1).await, open_with(session.clone(), 2).await);
    by_token.lease().await;

    service.revoke(&session, &id).await.expect("revoked");

    assert_eq!(told(&by_token.end().await), refused(Code::Unauthenticated, "TOKEN_REVOKED"));
    by_session.lease().await;
    let owner = Principal::parse(&service.get(&session, &id).await.expect("a token").owner).expect("a principal");
    service.identity().set(owner, |record| record.patterns.clear());
    assert_eq!(told(&by_session.end().await), refused(Code::PermissionDenied, "NO_GRANT"));
}

async fn what_a_decider_says_is_checked(service: Harness) {
    let gateway = service.installation.gateway.clone();
    let channel = service.replica.channel.clone();
    let refuse = |start| {
        let (gateway, channel) = (gateway.clone(), channel.clone());
        async move {
            let opened = open(channel, start, |questions| with_service(&gateway, questions)).await;
            crate::support::calls::fields(&opened.expect_err("refused"))
        }
    };
    let mut odd = start("", 1, Some(Position { feed_id: "feed".to_owned(), ..Position::default() }));
    odd.decider_id = "1".to_owned();
    assert_eq!(refuse(odd).await, ["start.name", "start.decider_id", "start.since"]);

    let (_, session) = service.user(&["endpoints/*"]).await;
    let opened = open(channel.clone(), start("mine", 1, None), |questions| with_token(&session, questions))
        .await
        .expect_err("no");
    assert_eq!(told(&opened), refused(Code::PermissionDenied, "NO_GRANT"));

    let mut watching = watch(&service).await;
    watching.say(Some(Position { hash: vec![1], ..watching.at.clone() })).await;
    assert_eq!(crate::support::calls::fields(&watching.end().await), ["nonce.applied"]);

    let mut watching = watch(&service).await;
    watching.say(Some(Position { hash: vec![9; 32], ..watching.at.clone() })).await;
    assert_eq!(told(&watching.end().await), refused(Code::Unavailable, "DEPENDENCY_UNAVAILABLE"));
}

async fn who_watches_is_listed(service: Harness) {
    let (_, session) = service.user(&["apis/passgate.token.v1.ChangeService/ListDeciders", "endpoints/*"]).await;
    service.caught_up(&session).await;
    let mut first = watch(&service).await;
    let mut second = service.replica.watch(&service.installation.gateway, start("gateway-2", 2, None)).await;
    first.lease().await;
    second.lease().await;
    let (id, _) = service.token(&session, "laptop").await;
    second.until_touched(&format!("tokens/{id}")).await;
    second.lease().await;

    let ask = |size, token: String| {
        let request = with_token(&session, pb::ListDecidersRequest { page_size: size, page_token: token });
        let mut client = service.replica.changes();
        async move { client.list_deciders(request).await.expect("a list").into_inner() }
    };
    let page = ask(1, String::new()).await;
    let rest = ask(1, page.next_page_token.clone()).await;

    let [one] = &page.deciders[..] else { panic!("{page:?}") };
    let [two] = &rest.deciders[..] else { panic!("{rest:?}") };
    assert_eq!(
        (one.name.as_str(), one.principal.as_str(), one.behind, one.streams),
        ("gateway-1", "services/gateway", 1, 1)
    );
    assert_eq!((two.name.as_str(), two.behind), ("gateway-2", 0));
    assert_eq!(one.lease_left, Some(prost_types::Duration { seconds: 5, nanos: 0 }));
    assert_eq!(rest.next_page_token, "");

    drop(first);
    service.later(&session, Duration::from_secs(6)).await;
    let gone = async { while ask(10, String::new()).await.deciders.len() > 1 {} };
    tokio::time::timeout(SOON, gone).await.expect("it is taken out once its lease is over");
}

async fn a_question_is_not_decided_on_less_than_the_asker_has(service: Harness) {
    let (_, session) = service.user(&["endpoints/a"]).await;
    let at = watch(&service).await.at;
    let ask = |applied| {
        let asked = pb::AuthorizeRequest { applied: Some(applied), ..question(&session, "endpoints/a") };
        let request = with_service(&service.installation.gateway, asked);
        let mut client = service.replica.authorization();
        async move { client.authorize(request).await.map(|answer| answer.into_inner().decision.expect("one").allowed) }
    };

    assert!(ask(at.clone()).await.expect("an answer"));
    for beyond in [
        Position { number: at.number + 1, ..at.clone() },
        Position { hash: vec![7; 32], ..at.clone() },
        Position { feed_id: uuid::Uuid::nil().to_string(), ..at.clone() },
    ] {
        let refusal = ask(beyond).await.expect_err("refused");
        assert_eq!(told(&refusal), refused(Code::Unavailable, "UNDECIDABLE"));
    }
    let next = Position { number: at.number + 1, ..at };
    let (answer, _) = tokio::join!(ask(next.clone()), service.token(&session, "laptop"));
    assert_eq!(told(&answer.expect_err("another hash there")), refused(Code::Unavailable, "UNDECIDABLE"));
}

#[tokio::test]
async fn below_what_is_kept_a_decider_starts_over() {
    let installation = Installation::new(Dialect::Sqlite).await;
    let mut replica = installation.start(passgate_token::Config { kept_changes: 3, ..installation.config() }).await;
    replica.until_ready().await;
    let service = Harness { installation, replica };
    let (_, session) = service.user(&["endpoints/*"]).await;
    let since = watch(&service).await.at;
    for round in 0..4 {
        service.token(&session, &format!("token {round}")).await;
    }

    let over = service.replica.watch(&service.installation.gateway, start("gateway-1", 1, Some(since.clone()))).await;

    assert!(!over.begin.resumed);
    assert_eq!(over.begin.position.expect("a position").number, since.number + 4);
    assert!(*service.replica.running.ready.borrow());
}

#[tokio::test]
async fn a_reader_that_reads_nothing_is_cut_off() {
    let service = Harness::start(Dialect::Sqlite).await;
    let (alice, session) = service.user(&["endpoints/*"]).await;
    let gateway = service.installation.gateway.clone();
    let opened = open(service.replica.small_channel(1_000), start("slow", 9, None), |questions| {
        with_service(&gateway, questions)
    });
    let (_unread, _questions) = opened.await.expect("a stream");
    for round in 0..200 {
        service.identity().set(alice, |record| record.display_name = format!("round {round}"));
    }
    service.caught_up(&session).await;

    let cut_off = async {
        while service.replica.running.streams.stats().cut_off == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, cut_off).await.expect("it is cut off after ten seconds");
    assert_eq!(service.replica.running.streams.stats().watchers, 0);
}
