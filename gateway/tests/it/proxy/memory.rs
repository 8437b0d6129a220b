//! What the data plane decides from memory, and when it asks again.

use passgate_kit::client::Reason;

use super::harness::{Gateway, Setup, endpoint, header, status};
use super::recorder::{PLAIN, Recorder};

async fn sales() -> (Recorder, Gateway) {
    let upstream = Recorder::start(PLAIN).await;
    let gateway = Setup::default().endpoint(endpoint("sales", upstream.address)).start().await;
    gateway.allow("endpoints/sales:read");
    (upstream, gateway)
}

fn asked(gateway: &Gateway) -> usize {
    gateway.decisions.asked.lock().len()
}

#[tokio::test]
async fn a_token_is_asked_about_once_and_the_upstream_is_told_the_same_holder_each_time() {
    let (upstream, gateway) = sales().await;

    for _ in 0..3 {
        assert_eq!(status(&gateway.get("/endpoints/sales", &[]).await), 200);
    }

    assert_eq!((asked(&gateway), upstream.count()), (1, 3));
    let stats = gateway.desk.decisions.stats();
    assert_eq!((stats.hits, stats.misses, stats.asks, stats.entries), (2, 1, 1, 1));
}

#[tokio::test]
async fn a_refusal_is_remembered_with_its_exact_reason() {
    let (upstream, gateway) = sales().await;
    gateway.desk.refuse(Some(Reason::TokenDisabled)).await;

    for _ in 0..3 {
        let answer = gateway.get("/endpoints/sales", &[]).await;
        assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (401, Some("TOKEN_DISABLED")));
    }

    assert_eq!((asked(&gateway), upstream.count()), (1, 0));
}

#[tokio::test]
async fn a_change_of_what_a_decision_rests_on_is_in_force_at_once_and_any_other_asks_nobody() {
    let (upstream, gateway) = sales().await;
    assert_eq!(status(&gateway.get("/endpoints/sales", &[]).await), 200);

    let stranger = "tokens/00000000-0000-7000-8000-0000000000ff";
    gateway.desk.feed.change_until(&[stranger], &gateway.desk.decisions).await;
    assert_eq!(status(&gateway.get("/endpoints/sales", &[]).await), 200);
    assert_eq!(asked(&gateway), 1);

    *gateway.decisions.refused.lock() = Some(Reason::TokenRevoked);
    let ours = "tokens/00000000-0000-7000-8000-000000000001";
    gateway.desk.feed.change_until(&[ours], &gateway.desk.decisions).await;

    let answer = gateway.get("/endpoints/sales", &[]).await;
    assert_eq!((status(&answer), header(&answer, "x-passgate-reason")), (401, Some("TOKEN_REVOKED")));
    assert_eq!((asked(&gateway), upstream.count()), (2, 2));
}

#[tokio::test]
async fn forged_and_expired_tokens_are_refused_without_asking_and_take_no_memory() {
    let (upstream, gateway) = sales().await;
    let forged = gateway.sign(&super::harness::claims(3600), "urn:passgate:other");

    for token in [forged, gateway.expired_token()] {
        let credential = format!("authorization: Bearer {token}");
        assert_eq!(status(&gateway.get_without_token("/endpoints/sales", &[&credential]).await), 401);
    }

    assert_eq!((asked(&gateway), upstream.count(), gateway.desk.decisions.stats().entries), (0, 0, 0));
}

#[tokio::test]
async fn what_is_in_memory_is_used_for_a_change_mark_that_it_covers() {
    let (_upstream, gateway) = sales().await;
    assert_eq!(status(&gateway.get("/endpoints/sales", &[]).await), 200);
    let mark = format!("passgate-at-least: {}", gateway.desk.mark());

    assert_eq!(status(&gateway.get("/endpoints/sales", &[&mark]).await), 200);
    assert_eq!(asked(&gateway), 1);
}

#[tokio::test]
async fn once_the_token_service_is_away_for_longer_than_the_bound_nothing_is_allowed_from_memory() {
    let (upstream, gateway) = sales().await;
    assert_eq!(status(&gateway.get("/endpoints/sales", &[]).await), 200);
    gateway.desk.feed.set_silent(true);
    gateway.desk.feed.set_away(true);
    *gateway.decisions.is_away.lock() = true;

    let refused = tokio::time::timeout(super::harness::PATIENCE, async {
        loop {
            let answer = gateway.get("/endpoints/sales", &[]).await;
            if status(&answer) != 200 {
                return answer;
            }
        }
    });
    let refused = refused.await.expect("refused in time");

    assert_eq!((status(&refused), header(&refused, "x-passgate-reason")), (503, Some("UNDECIDABLE")));
    let sent = upstream.count();
    assert_eq!(status(&gateway.get("/endpoints/sales", &[]).await), 503);
    assert_eq!(upstream.count(), sent);
}
