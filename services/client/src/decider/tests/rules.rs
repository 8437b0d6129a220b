//! Each rule by itself, in the order of the module's argument.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::desk::{BOUND, Desk, SECOND, START, at, in_past, no, token, yes};
use crate::convert::tests::denial;
use crate::decider::{Applied, Begun, Broken, Came, Judged, Rules, Settings, Thing};
use crate::decision::Decision;
use crate::keyset::KeySet;
use crate::position::Vector;
use crate::reason::Reason;

const NANO: Duration = Duration::from_nanos(1);

fn desk() -> Desk {
    Desk::new(Rules::default())
}

/// A desk whose stream is at 10 with a fresh lease, and that knows a yes to token 1.
fn at_work() -> (Desk, crate::decider::StreamId) {
    let desk = desk();
    let stream = desk.stream(10);
    desk.lease(stream, at(10), Duration::ZERO, Duration::ZERO);
    assert!(matches!(desk.answered(1, yes(1, at(10))), Judged::Use(_)));
    assert!(desk.look_up(1).expect("known").is_allowed());
    (desk, stream)
}

#[test]
fn rule_1_time_a_suspended_machine_or_a_stepped_clock_only_makes_a_lease_older() {
    let (desk, _) = at_work();
    desk.clock.suspend(BOUND + NANO);
    assert!(desk.look_up(1).is_none(), "the monotonic clock stood still");

    let (desk, _) = at_work();
    desk.clock.set_wall(START - time::Duration::days(1));
    desk.clock.advance(BOUND + NANO);
    assert!(desk.look_up(1).is_none(), "the wall clock went back");

    let (desk, _) = at_work();
    desk.clock.set_wall(START + time::Duration::days(1));
    assert!(desk.look_up(1).is_none(), "the wall clock went forward");
}

#[test]
fn rule_3_fill_what_was_read_before_a_revocation_is_not_kept_after_it() {
    let (desk, stream) = at_work();
    let asking = desk.core.asking();
    let sent = desk.now();

    desk.change(stream, at(11), &[token(2)]).expect("applied");
    let came = Came { decision: yes(2, at(10)), sent, now: desk.now() };
    let judged = desk.core.answer(asking, &desk.asked(&[2; 32]), came, None);

    assert!(matches!(judged, Judged::AskAgain), "nor used by the request that waited: {judged:?}");
    assert!(desk.look_up(2).is_none());
    assert!(matches!(desk.answered(2, yes(2, at(11))), Judged::Use(_)), "a newer one is");
    assert!(desk.look_up(2).is_some());
}

#[test]
fn rule_3_fill_an_answer_in_hand_is_void_once_it_is_overtaken() {
    let (desk, stream) = at_work();
    let Judged::Use(answer) = desk.answered(2, yes(2, at(10))) else { panic!("usable") };
    assert!(desk.core.is_good(&answer, desk.now(), None));

    desk.change(stream, at(11), &[token(3)]).expect("applied");
    assert!(desk.core.is_good(&answer, desk.now(), None), "something else");
    desk.change(stream, at(12), &[token(2)]).expect("applied");
    assert!(!desk.core.is_good(&answer, desk.now(), None));
    assert!(desk.core.is_overtaken(&answer, desk.now()));
}

#[test]
fn rule_3_fill_each_thing_that_a_decision_rests_on_invalidates_it_and_so_does_what_cannot_be_read() {
    let rests_on = yes(1, at(10)).rests_on.expect("it rests on something");
    let touches = [
        format!("tokens/{}", rests_on.token_id),
        format!("jtis/{}", rests_on.jti),
        format!("keys/{}", rests_on.kid),
        rests_on.principal.to_string(),
        format!("groups/{}", rests_on.groups[0]),
        rests_on.resource.to_string(),
        "*".to_owned(),
        "moons/1".to_owned(),
    ];
    for touch in touches {
        let (desk, stream) = at_work();
        desk.change(stream, at(11), &[Thing::parse(&touch)]).expect("applied");
        assert!(desk.look_up(1).is_none(), "{touch}");
    }
}

#[test]
fn rule_3_floor_what_is_older_than_the_beginning_of_the_stream_is_not_used() {
    let desk = desk();
    let (asking, sent) = (desk.core.asking(), desk.now());
    let stream = desk.stream(10);
    desk.lease(stream, at(10), Duration::ZERO, Duration::ZERO);

    let came = Came { decision: yes(1, at(10)), sent, now: desk.now() };
    let judged = desk.core.answer(asking, &desk.asked(&[1; 32]), came, None);
    assert!(matches!(judged, Judged::AskAgain), "asked before the stream began: {judged:?}");

    let judged = desk.answered(1, yes(1, at(9)));
    assert!(matches!(judged, Judged::AskAgain), "computed from less: {judged:?}");
    assert!(desk.look_up(1).is_none());
    assert!(matches!(desk.answered(1, yes(1, at(10))), Judged::Use(_)));
}

#[test]
fn rule_3_before_a_stream_has_begun_an_answer_is_used_and_not_kept() {
    let desk = desk();

    let Judged::Use(answer) = desk.answered(1, yes(1, at(10))) else { panic!("usable by itself") };
    assert!(answer.is_allowed() && desk.core.is_good(&answer, desk.now(), None));
    assert!(desk.look_up(1).is_none());

    desk.stream(10);
    assert!(!desk.core.is_good(&answer, desk.now(), None), "what it rests on was not watched");
}

#[test]
fn rule_4_stream_changes_are_applied_once_in_order_and_without_holes() {
    let desk = desk();
    let (first, second) = (desk.stream(10), desk.stream(10));

    assert_eq!(desk.change(first, at(11), &[]), Ok(Applied::New));
    assert_eq!(desk.change(second, at(11), &[]), Ok(Applied::Before), "by another stream");
    assert_eq!(desk.change(first, at(11), &[]), Ok(Applied::Before), "repeated");
    assert_eq!(desk.change(first, at(9), &[]), Ok(Applied::Before), "a replica that lags harms nothing");
    assert_eq!(desk.core.position().token, Some(at(11)), "and the position never goes back");
    assert_eq!(desk.change(second, at(13), &[]), Err(Broken::Hole));
    assert_eq!(desk.core.position().token, Some(at(11)));
    assert_eq!(desk.change(second, at(12), &[]), Ok(Applied::New));
}

#[test]
fn rule_4_stream_a_resumed_stream_keeps_everything_and_one_that_is_not_starts_over() {
    let (desk, stream) = at_work();
    desk.core.close(stream);
    let (stream, since) = desk.core.open();
    assert_eq!(since, Some(at(10)));
    assert_eq!(desk.begin(stream, at(10), true), Ok(Begun::GoesOn));
    assert!(desk.look_up(1).is_some(), "the lease goes on as well");

    desk.core.close(stream);
    let (stream, _) = desk.core.open();
    assert_eq!(desk.begin(stream, at(20), false), Ok(Begun::StartedOver));
    assert!(desk.look_up(1).is_none());
    assert_eq!(desk.core.lease_left(desk.now()), Duration::ZERO);
    assert!(matches!(desk.answered(1, yes(1, at(19))), Judged::AskAgain), "the floor");
    desk.lease(stream, at(20), Duration::ZERO, Duration::ZERO);
    assert!(desk.look_up(1).is_none(), "what was kept before stays gone");
}

#[test]
fn rule_4_stream_a_replica_elsewhere_does_not_start_over_what_another_keeps_fresh() {
    let (desk, stream) = at_work();
    for (position, resumed) in [(at(8), false), (at(15), false), (in_past(2, 0, 10), false), (in_past(1, 9, 10), true)]
    {
        let (other, _) = desk.core.open();
        assert_eq!(desk.begin(other, position, resumed), Err(Broken::Elsewhere), "{position:?}");
        desk.core.close(other);
    }
    assert!(desk.look_up(1).is_some());

    desk.clock.advance(BOUND + NANO);
    let (other, _) = desk.core.open();
    assert_eq!(desk.begin(other, in_past(2, 0, 3), false), Ok(Begun::StartedOver), "once the lease has ended");
    assert_eq!(desk.change(stream, at(11), &[]), Err(Broken::Elsewhere), "the other stream is left behind");
    assert_eq!(desk.core.nonce(stream, desk.now()), None);
    assert_eq!(desk.core.streams(), 1);
}

#[test]
fn rule_4_stream_nothing_is_taken_from_a_stream_that_has_not_begun_or_has_ended() {
    let desk = desk();
    let (stream, _) = desk.core.open();
    assert_eq!(desk.change(stream, at(1), &[]), Err(Broken::NotBegun));
    assert_eq!(desk.core.nonce(stream, desk.now()), None);
    assert_eq!(desk.core.tell_keys(stream, KeySet::new("x", [])), Err(Broken::NotBegun));

    desk.core.close(stream);
    assert_eq!(desk.begin(stream, at(1), false), Err(Broken::NotBegun));
}

#[test]
fn rule_5_lease_runs_from_when_the_nonce_was_sent_less_the_age_in_the_echo() {
    let (desk, stream) = at_work();
    desk.clock.advance(BOUND);

    desk.lease(stream, at(10), 2 * SECOND, SECOND);
    assert_eq!(desk.core.lease_left(desk.now()), 2 * SECOND, "5 − 2 of age − 1 on the way");

    desk.clock.advance(2 * SECOND);
    assert!(desk.look_up(1).is_some());
    desk.clock.advance(NANO);
    assert!(desk.look_up(1).is_none());
}

#[test]
fn rule_5_lease_an_echo_counts_once_everything_up_to_it_is_applied() {
    let desk = desk();
    let stream = desk.stream(10);
    let nonce = desk.core.nonce(stream, desk.now()).expect("begun");
    assert_eq!((nonce.nonce, nonce.applied), (1, at(10)));

    desk.echo(stream, nonce.nonce, at(12), SECOND).expect("kept for later");
    assert_eq!(desk.core.lease_left(desk.now()), Duration::ZERO);
    desk.change(stream, at(11), &[]).expect("applied");
    assert_eq!(desk.core.lease_left(desk.now()), Duration::ZERO);
    desk.change(stream, at(12), &[]).expect("applied");
    assert_eq!(desk.core.lease_left(desk.now()), 4 * SECOND);
}

#[test]
fn rule_5_lease_heartbeats_old_echoes_and_made_up_nonces_mean_nothing() {
    let (desk, stream) = at_work();
    let (old, new) = (desk.core.nonce(stream, desk.now()), desk.core.nonce(stream, desk.now()));
    desk.clock.advance(2 * SECOND);
    for nonce in [99, 0, 1] {
        desk.echo(stream, nonce, at(10), Duration::ZERO).expect("ignored");
        assert_eq!(desk.core.lease_left(desk.now()), 3 * SECOND, "{nonce}");
    }
    desk.echo(stream, new.expect("sent").nonce, at(10), Duration::ZERO).expect("ignored: 99 took it along");
    assert_eq!(desk.core.lease_left(desk.now()), 3 * SECOND);

    let later = desk.core.nonce(stream, desk.now()).expect("sent").nonce;
    desk.echo(stream, later, at(10), 4 * SECOND).expect("older evidence");
    assert_eq!(desk.core.lease_left(desk.now()), 3 * SECOND, "the latest q stays");
    desk.echo(stream, old.expect("sent").nonce, at(10), Duration::ZERO).expect("ignored");
    assert_eq!(desk.core.lease_left(desk.now()), 3 * SECOND);
}

#[test]
fn rule_7_authorize_an_answer_is_used_only_while_the_way_and_its_age_are_within_the_bound() {
    let desk = desk();
    let aged = |age| Decision { evidence_age: age, ..yes(1, at(10)) };
    let (asking, sent) = (desk.core.asking(), desk.now());
    desk.clock.advance(2 * SECOND);
    let answer = |age| {
        let came = Came { decision: aged(age), sent, now: desk.now() };
        desk.core.answer(asking, &desk.asked(&[1; 32]), came, None)
    };

    let Judged::Use(in_time) = answer(3 * SECOND) else { panic!("exactly the bound") };
    let late = answer(3 * SECOND + NANO);
    assert!(matches!(late, Judged::TooOld { age, bound } if age == BOUND + NANO && bound == BOUND), "{late:?}");

    desk.clock.advance(NANO);
    assert!(!desk.core.is_good(&in_time, desk.now(), None), "it ages in the hand as well");
}

#[test]
fn rule_7_authorize_what_is_kept_lives_by_the_lease_and_not_by_the_evidence_it_came_with() {
    let desk = desk();
    let stream = desk.stream(10);
    let Judged::Use(in_hand) = desk.answered(1, yes(1, at(10))) else { panic!("usable") };
    assert!(desk.core.is_good(&in_hand, desk.now(), None), "whoever asked has the evidence that came along");
    assert!(desk.look_up(1).is_none(), "nobody else has");

    desk.lease(stream, at(10), Duration::ZERO, Duration::ZERO);
    assert!(desk.look_up(1).is_some());
}

#[test]
fn rule_7_authorize_a_lower_bound_of_the_use_holds_for_answers_and_for_what_is_kept() {
    let (desk, _) = at_work();
    desk.clock.advance(2 * SECOND);

    let asked = [1; 32];
    assert!(desk.core.look_up(&desk.asked(&asked), desk.now(), Some(SECOND)).is_none());
    assert!(desk.core.look_up(&desk.asked(&asked), desk.now(), Some(3 * SECOND)).is_some());
    let aged = Decision { evidence_age: 2 * SECOND, ..yes(1, at(10)) };
    let came = Came { decision: aged, sent: desk.now(), now: desk.now() };
    let judged = desk.core.answer(desk.core.asking(), &desk.asked(&asked), came, Some(SECOND));
    assert!(matches!(judged, Judged::TooOld { bound, .. } if bound == SECOND), "{judged:?}");
}

#[test]
fn rule_8_feed_another_past_or_feed_gives_neither_answers_nor_changes_nor_a_lease() {
    for elsewhere in [in_past(1, 9, 10), in_past(2, 0, 10)] {
        let (desk, stream) = at_work();
        let judged = desk.answered(2, yes(2, elsewhere));
        assert!(matches!(judged, Judged::AskAgain), "{judged:?}");
        assert_eq!(desk.change(stream, elsewhere, &[]), Err(Broken::Elsewhere));
        let nonce = desk.core.nonce(stream, desk.now()).expect("begun").nonce;
        desk.clock.advance(SECOND);
        assert_eq!(desk.echo(stream, nonce, elsewhere, Duration::ZERO), Err(Broken::Elsewhere));
        assert_eq!(desk.core.lease_left(desk.now()), 4 * SECOND);
    }
}

#[test]
fn rule_9_use_a_cached_allow_is_used_up_to_the_bound_and_no_longer() {
    let (desk, _) = at_work();
    let answer = desk.look_up(1).expect("known");

    desk.clock.advance(BOUND);
    assert!(desk.core.is_good(&answer, desk.now(), None));
    desk.clock.advance(NANO);
    assert!(!desk.core.is_good(&answer, desk.now(), None), "checked again after a wait");
    assert!(desk.look_up(1).is_none());
    assert!(!desk.core.is_overtaken(&answer, desk.now()), "nothing speaks against it; it cannot be known");
}

#[test]
fn rule_10_expiry_is_checked_at_each_use() {
    let (desk, _) = at_work();
    let end = yes(1, at(10)).holder.and_then(|holder| holder.expires_at).expect("it expires");
    let answer = desk.look_up(1).expect("known");
    let in_time = |wall: OffsetDateTime| {
        desk.clock.set_wall(wall);
        desk.core.is_overtaken(&answer, desk.now())
    };

    assert!(!in_time(end - time::Duration::NANOSECOND));
    assert!(in_time(end), "from the instant on");
    assert!(in_time(end + time::Duration::DAY));
    let Judged::Use(refused) = desk.answered(1, yes(1, at(10))) else { panic!("an answer") };
    assert_eq!(refused.denied().map(|denied| denied.reason), Some(Reason::TokenExpired), "by this machine's clock");
}

#[test]
fn rule_10_denials_need_no_lease_and_are_invalidated_like_allows() {
    let (desk, stream) = at_work();
    assert!(matches!(desk.answered(2, no(2, at(10), Reason::NoGrant)), Judged::Use(_)));
    desk.clock.advance(2 * BOUND);
    let known = desk.look_up(2).expect("known without a lease");
    assert_eq!(known.denied().map(|denied| denied.reason), Some(Reason::NoGrant));
    assert_eq!(known.permit().expect_err("a no").reason, Reason::NoGrant);

    let user = Thing::parse(&yes(2, at(10)).rests_on.expect("rests on").principal.to_string());
    desk.change(stream, at(11), &[user]).expect("a new grant");
    assert!(desk.look_up(2).is_none(), "works at once");
}

#[test]
fn rule_10_a_denial_from_before_the_end_of_a_token_says_nothing_after_it_and_one_from_after_it_does() {
    let (desk, _) = at_work();
    let end = yes(1, at(10)).holder.and_then(|holder| holder.expires_at).expect("it expires");
    desk.answered(2, no(2, at(10), Reason::NoGrant));
    desk.clock.set_wall(end);
    assert!(desk.look_up(2).is_none());

    desk.answered(2, no(2, at(10), Reason::TokenRevoked));
    assert!(desk.look_up(2).is_some(), "otherwise each use of a dead token would ask");
}

#[test]
fn rule_10_a_change_mark_is_met_by_what_is_applied_here_and_nothing_else() {
    let (desk, stream) = at_work();
    let met = |mark: Vector| {
        let digest = [1; 32];
        let asked = crate::decider::Asked { at_least: Some(&mark), ..desk.asked(&digest) };
        desk.core.look_up(&asked, desk.now(), None).is_some()
    };
    let of_token = |position| Vector { token: Some(position), ..Vector::default() };
    let of_identity = |position| Vector { identity: Some(position), ..Vector::default() };

    assert!(met(of_token(at(10))));
    assert!(!met(of_token(at(11))), "not yet");
    assert!(!met(of_token(in_past(2, 0, 1))), "of a feed that is no more");
    assert!(!met(of_identity(at(1))), "nothing is known of the identity service's feed");
    assert!(met(Vector { gateway: Some(at(99)), ..Vector::default() }), "the gateway's own feed is its own");

    desk.core.change(stream, at(11), &[], Some(in_past(7, 0, 3)), desk.now()).expect("applied");
    assert!(met(of_token(at(11))));
    assert!(met(of_identity(in_past(7, 0, 3))) && !met(of_identity(in_past(7, 0, 4))));
}

#[test]
fn only_what_is_genuine_to_the_point_and_says_whom_it_allows_is_kept() {
    let (desk, _) = at_work();
    let odd = |spoil: fn(&mut Decision)| {
        let mut decision = yes(2, at(10));
        spoil(&mut decision);
        decision
    };
    let not_kept = [
        denial(),
        odd(|decision| decision.rests_on = None),
        odd(|decision| decision.holder = None),
        odd(|decision| decision.rests_on.as_mut().expect("some").action = crate::Action::Write),
        odd(|decision| {
            decision.rests_on.as_mut().expect("some").resource =
                crate::Resource::parse("endpoints/other").expect("a resource");
        }),
    ];
    for decision in not_kept {
        let Judged::Use(answer) = desk.answered(2, decision) else { panic!("an answer") };
        assert!(!answer.is_allowed() && answer.permit().is_err());
        assert!(desk.look_up(2).is_none());
    }
}

#[test]
fn a_decision_from_memory_says_how_far_this_decider_is_and_how_old_that_is() {
    let (desk, stream) = at_work();
    desk.change(stream, at(11), &[token(9)]).expect("applied");
    desk.clock.advance(SECOND);

    let decision = desk.look_up(1).expect("known").to_decision();

    let expected =
        Decision { as_of: Vector { token: Some(at(11)), ..Vector::default() }, evidence_age: SECOND, ..yes(1, at(10)) };
    assert_eq!(decision, expected);
}

#[test]
fn keys_are_current_while_the_lease_is_live_and_an_older_set_replaces_none() {
    let desk = desk();
    assert!(desk.core.keys(desk.now()).is_none());
    let (ahead, behind) = (desk.stream(10), desk.stream(10));
    let issuer = |desk: &Desk| desk.core.keys(desk.now()).map(|(keys, current)| (keys.issuer().to_owned(), current));
    desk.core.tell_keys(ahead, KeySet::new("first", [])).expect("told");
    assert_eq!(issuer(&desk), Some(("first".to_owned(), false)), "no lease yet");

    desk.lease(ahead, at(10), Duration::ZERO, Duration::ZERO);
    assert_eq!(issuer(&desk), Some(("first".to_owned(), true)));
    desk.change(ahead, at(11), &[]).expect("applied");
    desk.core.tell_keys(ahead, KeySet::new("second", [])).expect("told");
    desk.core.tell_keys(behind, KeySet::new("first", [])).expect("as of 10");
    assert_eq!(issuer(&desk), Some(("second".to_owned(), true)));

    desk.clock.advance(BOUND + NANO);
    assert_eq!(issuer(&desk), Some(("second".to_owned(), false)));
}

#[test]
fn a_token_has_its_share_of_the_memory_and_renews_what_it_has() {
    let settings = Settings { share: 3, ..Settings::new("test", Uuid::from_u128(1)) };
    let desk = Desk::with(&settings);
    let stream = desk.stream(10);
    desk.lease(stream, at(10), Duration::ZERO, Duration::ZERO);
    let resources: Vec<_> =
        (0..5).map(|n| crate::Resource::parse(&format!("endpoints/e{n}")).expect("a resource")).collect();
    let fill = |number| {
        for resource in &resources {
            let mut decision = yes(1, at(number));
            decision.rests_on.as_mut().expect("some").resource = resource.clone();
            let asked = crate::decider::Asked { resource, ..desk.asked(&[1; 32]) };
            let came = Came { decision, sent: desk.now(), now: desk.now() };
            assert!(matches!(desk.core.answer(desk.core.asking(), &asked, came, None), Judged::Use(_)));
        }
    };
    let known = || {
        let found = |resource| {
            let asked = crate::decider::Asked { resource, ..desk.asked(&[1; 32]) };
            desk.core.look_up(&asked, desk.now(), None).is_some()
        };
        resources.iter().filter(|resource| found(resource)).count()
    };

    fill(10);
    assert_eq!(known(), 3);
    assert!(matches!(desk.answered(2, yes(2, at(10))), Judged::Use(_)));
    assert!(desk.look_up(2).is_some(), "others are not harmed");

    desk.change(stream, at(11), &[token(1)]).expect("applied");
    assert_eq!(known(), 0);
    fill(11);
    assert_eq!(known(), 3, "the same three, renewed");
}

#[test]
fn memory_keeps_to_its_bound_and_counts_what_is_in_hand() {
    let settings = Settings { memory: 1 << 20, ..Settings::new("test", Uuid::from_u128(1)) };
    let desk = Desk::with(&settings);
    let stream = desk.stream(10);
    desk.lease(stream, at(10), Duration::ZERO, Duration::ZERO);
    let mut first = None;
    for id in 0..5_000_u64 {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&id.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let came = Came { decision: yes(u128::from(id), at(10)), sent: desk.now(), now: desk.now() };
        let judged = desk.core.answer(desk.core.asking(), &desk.asked(&digest), came, None);
        let Judged::Use(answer) = judged else { panic!("usable") };
        first.get_or_insert(answer);
        assert!(desk.core.memory().bytes <= (1 << 20) + 2_048, "one more may be in a hand");
    }
    let memory = desk.core.memory();
    assert!(memory.evictions > 3_000 && memory.entries > 100, "{memory:?}");
    assert_eq!(
        memory.evictions + memory.entries,
        5_000 + u64::from(Arc::strong_count(&first.expect("some").known) == 1)
    );
}
