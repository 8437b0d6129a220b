//! The audit of the identity service: who may read it, and what it tells of those who fail to sign in.

use passgate_kit::client::Principal;
use passgate_proto::identity::v1::*;
use passgate_proto::r#type::v1::AuditEvent;
use tonic::Code;

use crate::support::{ADMIN_PASSWORD, Client, Harness, on_both, sign_in, told};

const AUDITORS: &str = "00000000-0000-7000-8000-000000000002";
const WRONG: &str = "not the password at all";

async fn list(client: &Client, filter: &str) -> Vec<AuditEvent> {
    let request = ListAuditEventsRequest { filter: filter.into(), page_size: 1000, ..Default::default() };
    client.audit().list_audit_events(request).await.expect(filter).into_inner().events
}

/// Waits until the list has `count` events: occurrences are written beside the requests.
async fn until(harness: &Harness, filter: &str, count: usize) -> Vec<AuditEvent> {
    let listed = async {
        loop {
            let events = list(&harness.admin, filter).await;
            if events.len() >= count {
                return events;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), listed).await.expect("written in time")
}

/// Subject, reason and address of each, in the order of subjects.
fn failures(events: &[AuditEvent]) -> Vec<(String, String, String)> {
    let mut told: Vec<_> = events
        .iter()
        .map(|event| {
            let peer = event.actor.as_ref().expect("an actor").peer.clone();
            (event.subject.clone(), event.occurrence.as_ref().expect("an occurrence").reason.clone(), peer)
        })
        .collect();
    told.sort();
    told
}

on_both! {
    async fn who_fails_to_sign_in_is_named_to_auditors_if_he_exists_and_by_no_text_of_his_own_if_not(harness) {
        let bob = harness.user("bob@example.org", &[]).await;
        harness.admin.users().disable_user(DisableUserRequest { id: bob.to_string(), ..Default::default() }).await.expect("off");
        let stranger = harness.calls_from("192.0.2.9");
        for email in ["admin@localhost", "nobody@example.org", "a secret typed into the wrong field"] {
            sign_in(&stranger, email, WRONG, None).await.expect_err("refused");
        }

        let events = until(&harness, "kind = sign_in.failed", 2).await;

        let (peer, admin) = ("192.0.2.9".to_owned(), format!("users/{}", harness.admin_user));
        assert_eq!(failures(&events), [
            ("unknown".to_owned(), "UNKNOWN_ADDRESS".to_owned(), peer.clone()),
            (admin, "WRONG_PASSWORD".to_owned(), peer),
        ]);
        assert!(!format!("{events:?}").contains("secret typed") && !format!("{events:?}").contains("nobody@"), "{events:?}");
    }

    async fn auditors_read_all_of_it_and_others_are_refused_and_that_is_told(harness) {
        let auditor = harness.user("auditor@example.org", &[]).await;
        let member = Principal::User(auditor).to_string();
        harness.admin.groups().add_member(AddMemberRequest { group_id: AUDITORS.into(), member }).await.expect("a member");
        let other = harness.user("other@example.org", &["endpoints/*"]).await;
        let (auditor, other) = (harness.session(auditor), harness.session(other));

        assert!(!list(&auditor, "").await.is_empty());
        let report = auditor.audit().verify_chain(VerifyChainRequest::default()).await.expect("a report").into_inner();
        assert_eq!(report.report.expect("it").first_bad_number, 0);
        auditor.audit().watch_audit_events(WatchAuditEventsRequest::default()).await.expect("a stream");
        auditor.users().create_user(CreateUserRequest { email: "x@y.org".into(), ..Default::default() }).await.expect_err("he only reads");

        let refused = other.audit().list_audit_events(ListAuditEventsRequest::default()).await;
        assert_eq!(told(refused), (Code::PermissionDenied, "NO_GRANT".into()));
        let refused = other.audit().watch_audit_events(WatchAuditEventsRequest::default()).await;
        assert_eq!(told(refused), (Code::PermissionDenied, "NO_GRANT".into()));
        let refused = other.audit().verify_chain(VerifyChainRequest::default()).await;
        assert_eq!(told(refused), (Code::PermissionDenied, "NO_GRANT".into()));
        assert_eq!(told(harness.nobody().audit().verify_chain(VerifyChainRequest::default()).await).0, Code::Unauthenticated);
        other.users().get_self(GetSelfRequest {}).await.expect("his own, without a grant");

        let events = until(&harness, "kind = token.refused", 2).await;
        let resources: Vec<_> = events.iter().map(|event| event.occurrence.as_ref().expect("it").last_resource.clone()).collect();
        assert_eq!(events.len(), 2, "one token each, and what is one's own is no refusal: {events:?}");
        assert!(resources.contains(&"apis/passgate.identity.v1.AuditService/VerifyChain".to_owned()), "{resources:?}");
        assert!(resources.contains(&"apis/passgate.identity.v1.UserService/CreateUser".to_owned()), "{resources:?}");
    }

    async fn no_secret_is_in_the_audit(harness) {
        let made = CreateUserRequest { email: "carol@example.org".into(), ..Default::default() };
        let made = harness.admin.users().create_user(made).await.expect("made").into_inner();
        let id = made.user.expect("a user").id;
        let request = SetPasswordRequest { id: id.clone(), ..Default::default() };
        let again = harness.admin.users().set_password(request).await.expect("set").into_inner();
        sign_in(&harness.nobody(), "carol@example.org", WRONG, None).await.expect_err("refused");
        until(&harness, "kind = sign_in.failed", 1).await;
        let shown = until(&harness, "kind = secret.shown", 2).await;

        let everything = format!("{:?}", list(&harness.admin, "").await);

        assert!(shown.iter().all(|event| event.subject == format!("users/{id}")), "{shown:?}");
        assert!(everything.contains("carol@example.org"), "what was done is told");
        for secret in [ADMIN_PASSWORD, WRONG, &made.one_time_password, &again.one_time_password, "argon2", "fake-token"] {
            assert!(!everything.contains(secret), "the audit holds {secret}");
        }
    }

    async fn a_stream_ends_when_its_owner_is_disabled(harness) {
        let auditor = harness.user("auditor@example.org", &["apis/passgate.*:read"]).await;
        let mut stream = harness.session(auditor).audit().watch_audit_events(WatchAuditEventsRequest::default()).await.expect("a stream").into_inner();

        harness.admin.users().disable_user(DisableUserRequest { id: auditor.to_string(), ..Default::default() }).await.expect("off");

        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), async {
            loop {
                if let Err(status) = stream.message().await {
                    return status;
                }
            }
        });
        assert_eq!(ended.await.expect("it ends in time").code(), Code::Unauthenticated);
    }
}
