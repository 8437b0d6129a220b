//! Open streams, held to their tokens.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tonic::Status;

use super::desk::{BOUND, at, no, yes};
use super::fake::{Session, genuine};
use super::io::{Bench, at_work, at_work_with, question};
use crate::decider::{Hold, Holding, Over, Rule, Rules};
use crate::reason::Reason;
use crate::source::Undecidable;

const NANO: Duration = Duration::from_nanos(1);
const TOKEN: &str = "tokens/00000000-0000-0000-0000-000000000001";

async fn held(bench: &Bench) -> Hold {
    let question = question(&genuine(1, 1));
    let answer = bench.decisions.answer(&question, None).await.expect("an answer");
    assert!(answer.is_allowed());
    bench.decisions.hold(question, answer, None)
}

async fn piece(hold: &mut Hold) -> Result<(), Over> {
    poll_fn(|cx| hold.poll_piece(cx)).await
}

async fn touched(bench: &Bench, session: &mut Session) {
    session.change(11, &[TOKEN]).await;
    bench.applied(session, 11).await;
}

#[tokio::test]
async fn pieces_go_on_while_the_token_is_good() {
    let (bench, _session) = at_work().await;
    let mut hold = held(&bench).await;

    for _ in 0..3 {
        piece(&mut hold).await.expect("good");
    }

    assert_eq!(hold.check(), Holding::Good);
    let stats = bench.decisions.stats();
    assert_eq!((bench.asked(), stats.stalls, stats.held), (1, 0, 0), "nothing is asked, nothing is listed");
}

#[tokio::test]
async fn a_stream_whose_token_is_revoked_ends_before_its_next_piece() {
    let (bench, mut session) = at_work().await;
    let mut hold = held(&bench).await;
    bench.replicas[0].script.answers(|_| Ok(no(1, at(11), Reason::TokenRevoked)));

    touched(&bench, &mut session).await;

    assert_eq!(hold.check(), Holding::Stalled, "at once");
    let over = piece(&mut hold).await.expect_err("over");
    assert!(matches!(&over, Over::Denied(denied) if denied.reason == Reason::TokenRevoked), "{over:?}");
    assert_eq!(bench.decisions.stats().ended, 1);
}

#[tokio::test]
async fn without_rule_9_for_each_piece_a_revoked_stream_goes_on_and_that_is_noticed() {
    let (bench, mut session) = at_work_with(|settings| settings.rules = Rules::without(Rule::PieceChecked)).await;
    let mut hold = held(&bench).await;

    touched(&bench, &mut session).await;

    piece(&mut hold).await.expect("the test above fails then");
}

#[tokio::test]
async fn a_stream_that_is_touched_and_still_allowed_goes_on() {
    let (bench, mut session) = at_work().await;
    let mut hold = held(&bench).await;
    bench.replicas[0].script.answers(|_| Ok(yes(1, at(11))));

    touched(&bench, &mut session).await;

    piece(&mut hold).await.expect("asked again by itself");
    assert_eq!((hold.check(), bench.asked(), bench.decisions.stats().stalls), (Holding::Good, 2, 1));
}

#[tokio::test]
async fn a_stream_stalls_when_the_lease_ends_and_goes_on_with_an_answer_or_a_lease() {
    let (bench, mut session) = at_work().await;
    let mut hold = held(&bench).await;
    bench.clock.advance(BOUND + NANO);
    assert_eq!(hold.check(), Holding::Stalled);
    piece(&mut hold).await.expect("by a new answer");

    bench.clock.advance(BOUND + NANO);
    bench.replicas[0].script.close_gate();
    let mut twin = hold.twin();
    let goes_on = tokio::spawn(async move { piece(&mut hold).await });
    while bench.asked() < 3 {
        tokio::task::yield_now().await;
    }
    assert!(poll_fn(|cx| Poll::Ready(twin.poll_piece(cx).is_pending())).await, "nothing is forwarded meanwhile");
    session.lease(at(10)).await;
    goes_on.await.expect("woken").expect("by a lease, though no answer came");
}

#[tokio::test]
async fn a_stream_about_which_nothing_can_be_known_ends_after_the_limit() {
    let (bench, session) = at_work_with(|settings| settings.stall_limit = Duration::from_millis(150)).await;
    let mut hold = held(&bench).await;
    bench.replicas[0].script.answers(|_| Err(Status::unavailable("away")));
    bench.clock.advance(BOUND + NANO);

    let over = piece(&mut hold).await.expect_err("over");

    assert!(matches!(over, Over::Undecidable(Undecidable::Unreachable(_))), "{over:?}");
    assert!(bench.asked() > 2, "it tried more than once");
    drop(session);
}

#[tokio::test]
async fn a_stream_on_which_nothing_happens_is_woken_when_its_token_stops_being_good() {
    let (bench, mut session) = at_work().await;
    let mut hold = held(&bench).await;
    let idle = tokio::spawn(async move { hold.over_at_last().await });
    while bench.decisions.stats().held == 0 {
        tokio::task::yield_now().await;
    }
    bench.replicas[0].script.answers(|_| Ok(no(1, at(11), Reason::OwnerDisabled)));

    touched(&bench, &mut session).await;

    let over = idle.await.expect("woken");
    assert!(matches!(&over, Over::Denied(denied) if denied.reason == Reason::OwnerDisabled), "{over:?}");
    assert_eq!(bench.decisions.stats().held, 0, "and is off the list");
}

#[tokio::test]
async fn an_idle_stream_is_woken_when_its_token_expires() {
    let (bench, _session) = at_work().await;
    let mut hold = held(&bench).await;
    let end = yes(1, at(10)).holder.and_then(|holder| holder.expires_at).expect("it expires");
    let idle = tokio::spawn(async move { hold.over_at_last().await });
    while bench.decisions.stats().held == 0 {
        tokio::task::yield_now().await;
    }

    bench.clock.set_wall(end);

    let over = idle.await.expect("woken");
    assert!(matches!(&over, Over::Denied(denied) if denied.reason == Reason::TokenExpired), "{over:?}");
}
