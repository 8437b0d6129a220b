//! The audit of the token service: refused uses, secrets that were shown, and no secret itself.

use passgate_kit::client::Principal;
use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::audit_service_client::AuditServiceClient;
use passgate_proto::r#type::v1::AuditEvent;
use tonic::Code;

use crate::support::calls::{denied, named, question, with_service, with_token};
use crate::support::{Harness, on_both, told};

on_both![
    refused_uses_are_noted_by_whoever_faces_the_caller,
    a_secret_that_is_shown_is_told_and_is_nowhere_in_the_audit,
    a_stream_ends_when_its_token_is_revoked_and_tells_nothing_of_that,
    the_chain_is_checked_and_only_by_whoever_may,
];

async fn list(harness: &Harness, by: &str, filter: &str) -> Vec<AuditEvent> {
    let request = pb::ListAuditEventsRequest { filter: filter.to_owned(), page_size: 1000, ..Default::default() };
    let mut client = AuditServiceClient::new(harness.replica.channel.clone());
    client.list_audit_events(with_token(by, request)).await.expect(filter).into_inner().events
}

/// Waits until there are `count`: occurrences are written beside the requests.
async fn until(harness: &Harness, by: &str, filter: &str, count: usize) -> Vec<AuditEvent> {
    let listed = async {
        loop {
            let events = list(harness, by, filter).await;
            if events.len() >= count {
                return events;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), listed).await.expect("written in time")
}

fn owner(event: &AuditEvent) -> String {
    event.actor.as_ref().expect("an actor").principal.clone()
}

async fn refused_uses_are_noted_by_whoever_faces_the_caller(harness: Harness) {
    let (admin, bob): (Principal, Principal) = (harness.identity().user(&["*"]), harness.identity().user(&[]));
    let (admin, bobs) = (harness.session(admin).await, harness.session(bob).await);
    let (id, secret) = harness.token(&bobs, "laptop").await;
    // The gateway notes itself what it asks about.
    assert_eq!(harness.authorize(&secret, "endpoints/sales").await, denied("NO_GRANT"));
    // Somebody's own program does not.
    let asked = with_token(&admin, question(&secret, "endpoints/orders"));
    let answer = harness.replica.authorization().authorize(asked).await.expect("an answer").into_inner();
    assert!(!answer.decision.expect("a decision").allowed);
    // And here the token service faces the caller itself.
    let keys = harness.replica.changes().list_deciders(with_token(&secret, Default::default())).await;
    assert_eq!(told(&keys.expect_err("refused")).0, Code::PermissionDenied);

    let events = until(&harness, &admin, "kind = token.refused", 1).await;

    // Alike: one token, one reason, one minute.
    let counts: u64 = events.iter().map(|event| event.occurrence.as_ref().expect("it").count).sum();
    assert_eq!(counts, 2, "{events:?}");
    assert!(events.iter().all(|event| event.subject == format!("tokens/{id}") && owner(event) == bob.to_string()));
}

async fn a_secret_that_is_shown_is_told_and_is_nowhere_in_the_audit(harness: Harness) {
    let admin: Principal = harness.identity().user(&["*"]);
    let session = harness.session(admin).await;
    let request = pb::CreateTokenRequest { request_id: "r-1".to_owned(), ..named("laptop") };
    let made = harness.create(&session, request.clone()).await.expect("made");
    let again = harness.create(&session, request).await.expect("repeated");
    assert_eq!(made.secret, again.secret);

    let shown = until(&harness, &session, "kind = secret.shown", 1).await;

    let counts: u64 = shown.iter().map(|event| event.occurrence.as_ref().expect("it").count).sum();
    assert_eq!(counts, 2, "each time it was shown");
    let token = made.token.expect("a token");
    assert!(shown.iter().all(|event| event.subject == format!("tokens/{}", token.id)));
    let everything = format!("{:?}", list(&harness, &session, "").await);
    assert!(everything.contains("laptop") && everything.contains("session.began"), "what was done is told");
    for secret in [&made.secret, &session, &harness.installation.gateway] {
        for part in [secret.as_str(), secret.rsplit(['.', '_']).next().expect("a part")] {
            assert!(!everything.contains(part), "the audit tells a secret");
        }
    }
}

async fn a_stream_ends_when_its_token_is_revoked_and_tells_nothing_of_that(harness: Harness) {
    let admin: Principal = harness.identity().user(&["*"]);
    let session = harness.session(admin).await;
    let (id, secret) = harness.token(&session, "watcher").await;
    let mut client = AuditServiceClient::new(harness.replica.channel.clone());
    let request = with_token(&secret, pb::WatchAuditEventsRequest::default());
    let mut stream = client.watch_audit_events(request).await.expect("a stream").into_inner();
    harness.token(&session, "another").await;
    let first = stream.message().await.expect("good").expect("an event").event.expect("an event");
    assert_eq!(first.kind, "token.created");

    harness.revoke(&session, &id).await.expect("revoked");

    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), stream.message()).await.expect("in time");
    assert_eq!(told(&ended.expect_err("no event")), (Code::Unauthenticated, "TOKEN_REVOKED".to_owned()));
}

async fn the_chain_is_checked_and_only_by_whoever_may(harness: Harness) {
    let (admin, bob): (Principal, Principal) = (harness.identity().user(&["*"]), harness.identity().user(&[]));
    let (admin, bob) = (harness.session(admin).await, harness.session(bob).await);
    let mut client = AuditServiceClient::new(harness.replica.channel.clone());

    let report = client.verify_chain(with_token(&admin, pb::VerifyChainRequest::default())).await.expect("a report");
    let report = report.into_inner().report.expect("a report");
    assert_eq!((report.first_bad_number, report.finding.as_str()), (0, ""));
    assert!(report.head.expect("a head").number >= 2);

    let refused = client.verify_chain(with_token(&bob, pb::VerifyChainRequest::default())).await.expect_err("refused");
    assert_eq!(told(&refused), (Code::PermissionDenied, "NO_GRANT".to_owned()));
    let gateway = with_service(&harness.installation.gateway, pb::VerifyChainRequest::default());
    let refused = client.verify_chain(gateway).await.expect_err("refused");
    assert_eq!(told(&refused).0, Code::Unauthenticated, "no service reads the audit");
}
