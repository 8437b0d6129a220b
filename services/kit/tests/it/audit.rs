//! The audit: what is listed, what is watched, what is kept of occurrences.

use std::sync::atomic::Ordering;

use futures_util::{FutureExt as _, StreamExt as _};
use passgate_kit::audit::{Audit, AuditError, Occurrence};
use passgate_kit::client::Reason;
use passgate_kit::feed::{Actor, Change};
use passgate_kit::problem::Problem;
use passgate_kit::store::{Store, StoreError};
use passgate_proto::r#type::v1::AuditEvent;
use tonic::Code;

use crate::support::audit::{Audited, auditor, auditor_with, holder};
use crate::support::{create, on_both_databases, open, tamper};

async fn list(audit: &Audit, filter: &str) -> Vec<AuditEvent> {
    audit.list(&auditor("ListAuditEvents"), filter, 0, "").await.expect(filter).0
}

fn subjects(events: &[AuditEvent]) -> Vec<&str> {
    events.iter().map(|event| event.subject.as_str()).collect()
}

fn fields(error: &AuditError) -> Vec<String> {
    assert_eq!(error.told_as(), (Code::InvalidArgument, Reason::InvalidField));
    error.fields().into_iter().map(|field| field.path).collect()
}

/// Appends a change of `kind` by `actor`.
async fn append(store: &Store, kind: &'static str, subject: &'static str, actor: Actor) {
    let done = store.write(move |tx| {
        Box::pin(async move {
            tx.append(Change::new(kind, subject), &actor);
            Ok::<_, StoreError>(())
        })
    });
    let _ = done.await.expect("appended");
}

fn refused() -> Occurrence {
    let holder = holder();
    Occurrence::token_refused(holder.principal, holder.token_id, Reason::NoGrant, Some("192.0.2.7".to_owned()))
}

on_both_databases! {
    async fn changes_and_occurrences_are_one_list_newest_first(db: TestDatabase) {
        let store = open(&db).await;
        let audited = Audited::of(&store).await;
        let _ = create(&store, "a").await.expect("created");
        audited.occurrences.note(refused().asking_for("endpoints/sales".to_owned()));
        let _ = create(&store, "b").await.expect("created");

        let events = list(&audited.written().await, "").await;

        assert_eq!(subjects(&events), ["things/b", &format!("tokens/{}", holder().token_id), "things/a"]);
        let [newest, refused, oldest] = events.as_slice() else { panic!("three events") };
        assert_eq!((newest.number, refused.number, oldest.number), (2, 0, 1));
        assert_eq!((newest.hash.len(), newest.occurrence.is_some()), (32, false));
        assert!(newest.after.as_ref().expect("facts").fields.contains_key("name"));
        let told = refused.occurrence.as_ref().expect("an occurrence");
        assert_eq!((told.count, told.reason.as_str(), told.last_resource.as_str()), (1, "NO_GRANT", "endpoints/sales"));
        let actor = refused.actor.as_ref().expect("an actor");
        assert_eq!((actor.principal.clone(), actor.token_id.clone()), (holder().principal.to_string(), holder().token_id.to_string()));
        assert_eq!((refused.kind.as_str(), actor.peer.as_str()), ("token.refused", "192.0.2.7"));
    }

    async fn a_flood_of_one_token_is_one_row_a_minute_and_nothing_is_lost_uncounted(db: TestDatabase) {
        let store = open(&db).await;
        let audited = Audited::of(&store).await;
        for number in 0..20_000_u32 {
            audited.occurrences.note(refused());
            if number % 1_000 == 0 {
                tokio::task::yield_now().await;
            }
        }

        let events = list(&audited.written().await, "").await;

        assert!(events.len() <= 4, "a row a minute, and what was lost: {}", events.len());
        let counted: u64 = events.iter().filter_map(|event| event.occurrence.as_ref()).map(|told| told.count).sum();
        assert_eq!(counted, 20_000);
    }

    async fn two_replicas_count_into_one_row(db: TestDatabase) {
        let (one, other) = (open(&db).await, open(&db).await);
        let mut minutes = Vec::new();
        for store in [&one, &other] {
            let audited = Audited::of(store).await;
            audited.occurrences.note(refused());
            minutes.push(list(&audited.written().await, "kind = token.refused").await);
        }

        let both = minutes.pop().expect("the second list");
        let counts: u64 = both.iter().filter_map(|event| event.occurrence.as_ref()).map(|told| told.count).sum();
        assert_eq!(counts, 2);
    }

    async fn old_occurrences_go_and_no_more_are_kept_than_may_be(db: TestDatabase) {
        let store = open(&db).await;
        tamper(&store, "INSERT INTO occurrence (kind, subject, reason, minute, id, actor, via, time_us, last_us, count) \
                        VALUES ('token.refused', 'tokens/old', 'NO_GRANT', 1, 'a', 'users/a', 'api', 60000000, 60000000, 1)").await;
        let audited = Audited::of(&store).await;
        audited.occurrences.note(refused());

        let events = list(&audited.written().await, "").await;

        assert_eq!(subjects(&events), [format!("tokens/{}", holder().token_id)]);
    }

    async fn a_filter_narrows_both_kinds_of_events(db: TestDatabase) {
        let store = open(&db).await;
        let audited = Audited::of(&store).await;
        let by = |token| Actor::principal(holder().principal, token, None);
        append(&store, "token.created", "tokens/a", by(Some(holder().token_id))).await;
        append(&store, "token.revoked", "tokens/a", by(None)).await;
        append(&store, "tokens", "other", Actor::passgate("start")).await;
        audited.occurrences.note(refused());
        let audit = audited.written().await;
        let (principal, token_id) = (holder().principal, holder().token_id);
        let refused = format!("tokens/{token_id}");

        for (filter, wanted) in [
            ("kind = token.*", vec![refused.as_str(), "tokens/a", "tokens/a"]),
            ("kind = token.revoked", vec!["tokens/a"]),
            ("kind != token.*", vec!["other"]),
            ("subject = \"tokens/a\"", vec!["tokens/a", "tokens/a"]),
            ("subject = tokens/*", vec![&refused, "tokens/a", "tokens/a"]),
            (&format!("actor = {principal}"), vec![&refused, "tokens/a", "tokens/a"]),
            ("actor = passgate", vec!["other"]),
            (&format!("token_id = {token_id}"), vec![&refused, "tokens/a"]),
            ("time < 2020-01-01", vec![]),
            ("time >= 2020-01-01 AND kind = token.refused", vec![&refused]),
            ("subject = \"' OR '1'='1\"", vec![]),
        ] {
            assert_eq!(subjects(&list(&audit, filter).await), wanted, "{filter}");
        }
    }

    async fn every_wrong_field_is_named(db: TestDatabase) {
        let store = open(&db).await;
        let audit = Audited::of(&store).await.written().await;
        let caller = auditor("ListAuditEvents");

        for filter in ["moon = 1", "kind > a", "time = soon", "token_id = x", "token_id = a*", "kind = \"a\u{0}b\"", "kind ="] {
            let refused = audit.list(&caller, filter, 0, "").await.expect_err(filter);
            assert_eq!(fields(&refused), ["filter"], "{filter}");
        }
        let refused = audit.list(&caller, "moon = 1", -1, "made up").await.expect_err("refused");
        assert_eq!(fields(&refused), ["page_size", "page_token", "filter"]);
        let refused = audit.watch(&auditor("WatchAuditEvents"), Some(1), "moon = 1").await.expect_err("refused");
        assert_eq!(fields(&refused), ["after_number", "filter"]);
        let refused = audit.verify(5, 7, Some(&Default::default())).await.expect_err("refused");
        assert_eq!(fields(&refused), ["from_number", "to_number", "known"]);
    }

    async fn pages_go_on_where_the_last_one_ended_whatever_happens_meanwhile(db: TestDatabase) {
        let store = open(&db).await;
        let audited = Audited::of(&store).await;
        for name in ["a", "b", "c", "d"] {
            let _ = create(&store, name).await.expect("created");
            let holder = holder();
            let of = Occurrence::token_refused(holder.principal, holder.token_id, Reason::NoScope, None);
            audited.occurrences.note(Occurrence { subject: format!("tokens/{name}"), ..of });
        }
        let audit = audited.written().await;
        let caller = auditor("ListAuditEvents");

        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let (events, next) = audit.list(&caller, "", 3, &token).await.expect("a page");
            assert!(events.len() <= 3);
            seen.extend(events.into_iter().map(|event| event.subject));
            let _ = create(&store, format!("later {}", seen.len())).await.expect("created");
            if next.is_empty() {
                break;
            }
            token = next;
        }

        assert_eq!(seen, ["tokens/d", "things/d", "tokens/c", "things/c", "tokens/b", "things/b", "tokens/a", "things/a"]);
    }

    async fn a_page_token_belongs_to_its_caller_and_filter(db: TestDatabase) {
        let store = open(&db).await;
        for name in ["a", "b"] {
            let _ = create(&store, name).await.expect("created");
        }
        let audit = Audited::of(&store).await.written().await;
        let caller = auditor("ListAuditEvents");
        let (_, token) = audit.list(&caller, "", 1, "").await.expect("a page");

        let somebody = passgate_kit::client::Principal::new(passgate_kit::client::PrincipalKind::User, uuid::Uuid::max());
        let other = auditor_with("ListAuditEvents", passgate_kit::client::decision::Holder { principal: somebody, ..holder() });
        assert_eq!(fields(&audit.list(&other, "", 1, &token).await.expect_err("not his")), ["page_token"]);
        assert_eq!(fields(&audit.list(&caller, "kind = a", 1, &token).await.expect_err("other")), ["page_token"]);
        audit.list(&caller, "", 1, &token).await.expect("its own");
    }

    async fn an_edited_row_does_not_blind_the_list(db: TestDatabase) {
        let store = open(&db).await;
        let _ = create(&store, "a").await.expect("created");
        tamper(&store, "UPDATE feed SET after = '{', cause = 'x', touches = '' WHERE number = 1").await;

        let events = list(&Audited::of(&store).await.written().await, "").await;

        assert!(events[0].after.as_ref().expect("facts").fields.contains_key("unreadable"));
    }

    async fn a_watcher_is_told_each_change_in_order_without_holes(db: TestDatabase) {
        let store = open(&db).await;
        for name in ["a", "b"] {
            let _ = create(&store, name).await.expect("created");
        }
        let audited = Audited::of(&store).await;
        let caller = auditor("WatchAuditEvents");
        let mut all = audited.audit.watch(&caller, Some(0), "").await.expect("a stream");
        let mut new = audited.audit.watch(&caller, None, "subject = things/d").await.expect("a stream");

        for name in ["c", "d"] {
            let _ = create(&store, name).await.expect("created");
        }

        for number in 1..=4 {
            assert_eq!(all.next().await.expect("more").expect("an event").number, number);
        }
        assert_eq!(new.next().await.expect("more").expect("an event").number, 4);
    }

    async fn a_stream_ends_when_its_token_stops_being_good_and_nothing_is_told_while_nobody_knows(db: TestDatabase) {
        let store = open(&db).await;
        let audited = Audited::of(&store).await;
        let caller = auditor("WatchAuditEvents");
        let mut stream = audited.audit.watch(&caller, None, "").await.expect("a stream");

        *audited.says.0.lock() = Some(Reason::Undecidable);
        let _ = create(&store, "a").await.expect("created");
        let before = audited.says.1.load(Ordering::SeqCst);
        while audited.says.1.load(Ordering::SeqCst) < before + 3 {
            tokio::task::yield_now().await;
        }
        assert!(stream.next().now_or_never().is_none(), "asked more than once, and nothing was told");

        *audited.says.0.lock() = Some(Reason::TokenRevoked);
        let told = stream.next().await.expect("a last word").expect_err("no event");
        assert_eq!(told.code(), Code::Unauthenticated);
        assert!(stream.next().await.is_none());
    }

    async fn a_stream_ends_with_the_service(db: TestDatabase) {
        let store = open(&db).await;
        let audited = Audited::of(&store).await;
        let mut stream = audited.audit.watch(&auditor("WatchAuditEvents"), None, "").await.expect("a stream");

        audited.stop.cancel();

        assert_eq!(stream.next().await.expect("a last word").expect_err("no event").code(), Code::Unavailable);
    }

    async fn there_are_not_more_streams_than_may_be_and_one_that_ends_makes_room(db: TestDatabase) {
        let store = open(&db).await;
        let audited = Audited::of(&store).await;
        let caller = auditor("WatchAuditEvents");
        let mut streams = Vec::new();
        for _ in 0..32 {
            streams.push(audited.audit.watch(&caller, None, "").await.expect("a stream"));
        }

        let refused = audited.audit.watch(&caller, None, "").await.expect_err("one too many");

        assert_eq!(refused.told_as(), (Code::ResourceExhausted, Reason::LimitReached));
        streams.clear();
        let room = async { while audited.audit.watch(&caller, None, "").await.is_err() { tokio::task::yield_now().await; } };
        tokio::time::timeout(std::time::Duration::from_secs(10), room).await.expect("room again");
    }
}
