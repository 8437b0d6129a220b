//! Watching and asking, against a token service that the test plays.

use std::sync::Arc;
use std::time::Duration;

use passgate_proto::token::v1::watch_changes_response::{self as told, Message as Told};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use uuid::Uuid;

use super::desk::{BOUND, SECOND, START, at, in_past, no, yes};
use super::fake::{ISSUER, Replica, Session, claims, genuine, public, revoked_from, signed};
use crate::ambient::{Ambient, SeededRandom};
use crate::claims::Claims;
use crate::clock::ManualClock;
use crate::credential::Credential;
use crate::decider::{CachedDecisions, Parts, Settings};
use crate::decision::{Decision, Question};
use crate::keyset::KeyState;
use crate::mark::{ChangeMark, MarkKey};
use crate::position::Vector;
use crate::reason::Reason;
use crate::resource::Resource;
use crate::secret::SecretString;
use crate::source::{DecisionSource, Undecidable};

const NANO: Duration = Duration::from_nanos(1);

/// A decider at work, and the replicas that it watches.
pub(super) struct Bench {
    pub(super) decisions: CachedDecisions,
    pub(super) clock: Arc<ManualClock>,
    pub(super) replicas: Vec<Replica>,
    stop: CancellationToken,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(super) async fn bench(replicas: usize, change: impl FnOnce(&mut Settings)) -> Bench {
    let mut started = Vec::new();
    for _ in 0..replicas {
        started.push(Replica::start().await);
    }
    let clock = Arc::new(ManualClock::new(START));
    let mut settings = Settings::new("test", Uuid::from_u128(5));
    change(&mut settings);
    let (decisions, watching) = CachedDecisions::new(Parts {
        replicas: started.iter().map(|replica| replica.channel.clone()).collect(),
        service_credential: Arc::new(SecretString::new("pgs_gateway-1_secret".to_owned())),
        marks: Some(Arc::new(MarkKey::new([7; 32]))),
        ambient: Ambient::new(clock.clone(), Arc::new(SeededRandom::new(1))),
        settings,
    });
    let stop = CancellationToken::new();
    tokio::spawn(watching.run(stop.clone()));
    Bench { decisions, clock, replicas: started, stop }
}

/// One replica, watched, with a lease at 10.
pub(super) async fn at_work() -> (Bench, Session) {
    at_work_with(|_| {}).await
}

pub(super) async fn at_work_with(change: impl FnOnce(&mut Settings)) -> (Bench, Session) {
    let mut bench = bench(1, change).await;
    let session = bench.replicas[0].at_work().await;
    bench.decisions.live().await;
    (bench, session)
}

pub(super) fn question(token: &Arc<Credential>) -> Question {
    Question {
        token: Arc::clone(token),
        resource: Resource::parse("endpoints/sales").expect("a resource"),
        action: crate::Action::Read,
        at_least: None,
    }
}

impl Bench {
    pub(super) fn asked(&self) -> usize {
        self.replicas[0].script.asked()
    }

    pub(super) async fn ask(&self, token: &Arc<Credential>) -> Result<Decision, Undecidable> {
        self.decisions.decide(&question(token)).await
    }

    /// Waits until change `number` is applied.
    pub(super) async fn applied(&self, session: &mut Session, number: u64) {
        while session.nonce().await.applied != Some(at(number).into()) {}
    }
}

#[tokio::test]
async fn a_question_is_asked_once_and_then_answered_from_memory() {
    let (bench, _session) = at_work().await;
    let token = genuine(1, 1);

    for _ in 0..3 {
        assert!(bench.ask(&token).await.expect("an answer").is_allowed());
    }

    assert_eq!(bench.asked(), 1);
    let stats = bench.decisions.stats();
    assert_eq!((stats.hits, stats.misses, stats.asks, stats.entries, stats.streams), (2, 1, 1, 1, 1));
    assert_eq!((stats.lease_left, stats.position), (BOUND, Some(at(10))));
    let asked = bench.replicas[0].script.asked.lock();
    assert_eq!(asked[0].applied, Some(at(10).into()), "it says how far it is");
}

#[tokio::test]
async fn a_revocation_on_the_stream_is_in_force_once_it_is_acknowledged() {
    let (bench, mut session) = at_work().await;
    let token = genuine(1, 1);
    bench.replicas[0].script.answers(revoked_from(11));
    assert!(bench.ask(&token).await.expect("an answer").is_allowed());

    session.change(11, &["tokens/00000000-0000-0000-0000-000000000001"]).await;
    bench.applied(&mut session, 11).await;

    let refused = bench.ask(&token).await.expect("an answer");
    assert_eq!(refused.reason(), Some(Reason::TokenRevoked));
    assert_eq!(bench.ask(&token).await.expect("an answer").reason(), Some(Reason::TokenRevoked));
    assert_eq!(bench.asked(), 2, "the refusal is remembered as well");
}

#[tokio::test]
async fn an_answer_that_was_overtaken_on_its_way_is_asked_for_again_at_the_new_position() {
    let (bench, mut session) = at_work().await;
    let (token, script) = (genuine(1, 1), Arc::clone(&bench.replicas[0].script));
    script.answers(revoked_from(11));
    script.close_gate();
    let asking = tokio::spawn({
        let (decisions, question) = (bench.decisions.clone(), question(&token));
        async move { decisions.decide(&question).await }
    });
    while script.asked() == 0 {
        tokio::task::yield_now().await;
    }

    session.change(11, &["tokens/00000000-0000-0000-0000-000000000001"]).await;
    bench.applied(&mut session, 11).await;
    script.open_gate();

    let refused = asking.await.expect("it ends").expect("an answer");
    assert_eq!(refused.reason(), Some(Reason::TokenRevoked), "the allow that was under way is not used");
    let asked: Vec<_> = script.asked.lock().iter().map(|asked| asked.applied.clone()).collect();
    assert_eq!(asked, [Some(at(10).into()), Some(at(11).into())]);
    assert_eq!(bench.decisions.stats().asked_again, 1);
}

#[tokio::test]
async fn equal_questions_are_asked_once_and_who_goes_away_cancels_nobody() {
    let (bench, _session) = at_work().await;
    let (token, script) = (genuine(1, 1), Arc::clone(&bench.replicas[0].script));
    script.close_gate();
    let ask = || {
        let (decisions, question) = (bench.decisions.clone(), question(&token));
        tokio::spawn(async move { decisions.decide(&question).await })
    };

    let first = ask();
    while script.asked() == 0 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..20).map(|_| ask()).collect();
    while bench.decisions.stats().misses < 21 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert_eq!(bench.decisions.stats().asks_in_flight, 1);
    script.open_gate();

    for other in others {
        assert!(other.await.expect("it ends").expect("an answer").is_allowed());
    }
    assert_eq!(script.asked(), 1);
    assert_eq!(bench.decisions.stats().asks_in_flight, 0);
}

#[tokio::test]
async fn questions_beyond_the_bound_are_undecidable_and_equal_ones_are_not_counted_twice() {
    let (bench, _session) = at_work_with(|settings| settings.most_asks = 1).await;
    let script = Arc::clone(&bench.replicas[0].script);
    script.close_gate();
    let first = tokio::spawn({
        let (decisions, question) = (bench.decisions.clone(), question(&genuine(1, 1)));
        async move { decisions.decide(&question).await }
    });
    while script.asked() == 0 {
        tokio::task::yield_now().await;
    }

    let refused = bench.ask(&genuine(2, 1)).await;
    assert!(matches!(refused, Err(Undecidable::Busy)), "{refused:?}");
    script.open_gate();
    assert!(first.await.expect("it ends").is_ok());
}

#[tokio::test]
async fn a_question_has_a_deadline_of_its_own() {
    let (bench, _session) = at_work_with(|settings| settings.ask_deadline = Duration::from_millis(50)).await;
    bench.replicas[0].script.close_gate();

    let undecided = bench.ask(&genuine(1, 1)).await;

    assert!(matches!(undecided, Err(Undecidable::Unreachable(_))), "{undecided:?}");
    assert_eq!(bench.decisions.stats().undecidable, 1);
}

#[tokio::test]
async fn what_cannot_be_decided_is_asked_again_each_time() {
    let (bench, _session) = at_work().await;
    let (token, script) = (genuine(1, 1), &bench.replicas[0].script);
    script.answers(|_| Err(Status::internal("broken")));
    for asked in 1..=2 {
        assert!(matches!(bench.ask(&token).await, Err(Undecidable::Unreachable(_))));
        assert_eq!(bench.asked(), asked);
    }
    script.answers(|_| Ok(yes(1, at(10))));
    assert!(bench.ask(&token).await.expect("an answer").is_allowed());
}

#[tokio::test]
async fn without_a_lease_every_question_is_asked_and_without_an_answer_nothing_is_allowed() {
    let (bench, _session) = at_work().await;
    let (token, script) = (genuine(1, 1), &bench.replicas[0].script);
    assert!(bench.ask(&token).await.expect("an answer").is_allowed());

    bench.clock.advance(BOUND + NANO);
    assert!(!bench.decisions.is_live());
    for asked in 2..=3 {
        assert!(bench.ask(&token).await.expect("an answer").is_allowed(), "by the answer's own evidence");
        assert_eq!(bench.asked(), asked);
    }
    script.answers(|_| Err(Status::unavailable("away")));
    assert!(bench.ask(&token).await.is_err());
}

#[tokio::test]
async fn forged_tokens_reach_neither_memory_nor_the_token_service() {
    let (bench, _session) = at_work().await;
    let good = genuine(1, 1);
    let cut = good.expose().get(..good.expose().len() - 2).expect("long").to_owned();
    for forged in [genuine(1, 9).expose().to_owned(), cut, "a.b.c".to_owned(), "x".to_owned()] {
        let token = Arc::new(Credential::parse(&forged).expect("a credential"));
        let refused = bench.ask(&token).await.expect("settled here");
        assert_eq!(refused.reason(), Some(Reason::TokenInvalid), "{forged}");
        assert_eq!((refused.holder, refused.rests_on), (None, None));
    }
    assert_eq!(bench.asked(), 0);
    let stats = bench.decisions.stats();
    assert_eq!((stats.entries, stats.refused_at_the_edge), (0, 4));
}

#[tokio::test]
async fn an_unknown_key_is_a_refusal_only_while_the_keys_are_current() {
    let (bench, session) = at_work().await;
    let (unknown, known) = (genuine(1, 2), genuine(1, 1));
    assert_eq!(bench.ask(&unknown).await.expect("settled").reason(), Some(Reason::TokenInvalid));

    bench.clock.advance(BOUND + NANO);
    let undecided = bench.ask(&unknown).await;
    assert!(matches!(undecided, Err(Undecidable::NotUpToDate(_))), "{undecided:?}");
    let nonsense = Arc::new(Credential::parse("a.b.c").expect("a credential"));
    assert_eq!(bench.ask(&nonsense).await.expect("settled").reason(), Some(Reason::TokenInvalid), "never one of ours");
    assert!(bench.ask(&known).await.expect("asked about").is_allowed());
    drop(session);
}

#[tokio::test]
async fn before_the_keys_are_told_nothing_is_decided() {
    let bench = bench(1, |_| {}).await;

    let undecided = bench.ask(&genuine(1, 1)).await;

    assert!(matches!(undecided, Err(Undecidable::NotUpToDate(_))), "{undecided:?}");
    assert_eq!(bench.asked(), 0);
}

#[tokio::test]
async fn a_genuine_token_whose_time_or_key_is_over_learns_it_without_a_call() {
    let (bench, session) = at_work().await;
    session.keys(&[public(1, KeyState::Signing), public(2, KeyState::Revoked)]).await;
    session.change(11, &[]).await;
    let mut session = session;
    bench.applied(&mut session, 11).await;

    let revoked = bench.ask(&genuine(1, 2)).await.expect("settled here");
    assert_eq!(revoked.reason(), Some(Reason::KeyRevoked));
    assert!(revoked.holder.is_some(), "whoever holds a genuine token learns exactly why");

    let now = u64::try_from(START.unix_timestamp()).expect("after 1970");
    let claims = Claims { expires_at: Some(now + 5), ..claims(1) };
    let token = signed(&claims, 1);
    let short = Decision {
        holder: yes(1, at(11)).holder.map(|mut holder| {
            holder.expires_at = Some(START + 5 * SECOND);
            holder
        }),
        ..yes(1, at(11))
    };
    bench.replicas[0].script.answers(move |_| Ok(short.clone()));
    assert!(bench.ask(&token).await.expect("an answer").is_allowed());
    bench.clock.advance(5 * SECOND);
    assert_eq!(bench.ask(&token).await.expect("settled here").reason(), Some(Reason::TokenExpired));
    assert_eq!(bench.asked(), 1);
}

#[tokio::test]
async fn a_broken_stream_is_opened_again_where_it_was_and_memory_stays() {
    let (mut bench, session) = at_work().await;
    let token = genuine(1, 1);
    assert!(bench.ask(&token).await.expect("an answer").is_allowed());
    assert_eq!((&*session.start.name, session.start.since.clone()), ("test", None));

    session.cut().await;
    let again = bench.replicas[0].stream().await;
    assert_eq!(again.start.since, Some(at(10).into()));
    assert_eq!(again.start.decider_id, Uuid::from_u128(5).to_string(), "the same decider");
    again.begin(at(10), true).await;
    again.change(11, &["tokens/00000000-0000-0000-0000-000000000009"]).await;
    let mut again = again;
    bench.applied(&mut again, 11).await;

    assert!(bench.ask(&token).await.expect("an answer").is_allowed());
    assert_eq!(bench.asked(), 1, "from memory");
    let stats = bench.decisions.stats();
    assert_eq!((stats.reconnects, stats.started_over), (1, 1));
}

#[tokio::test]
async fn a_stream_that_cannot_go_on_is_left_and_opened_again() {
    let not_here = Told::Change(told::Change { position: Some(at(12).into()), ..told::Change::default() });
    let elsewhere = Told::Change(told::Change { position: Some(in_past(2, 0, 11).into()), ..told::Change::default() });
    let unreadable = Told::Change(told::Change::default());
    let no_issuer = Told::Keys(told::Keys::default());
    for wrong in [not_here, elsewhere, unreadable, no_issuer] {
        let (mut bench, mut session) = at_work().await;
        session.tell(wrong).await;
        assert!(session.is_ended().await);
        let again = bench.replicas[0].stream().await;
        assert_eq!(again.start.since, Some(at(10).into()));
    }
}

#[tokio::test]
async fn a_stream_that_is_silent_is_left() {
    let (mut bench, session) = at_work_with(|settings| settings.max_staleness = Duration::from_millis(100)).await;

    let again = bench.replicas[0].stream().await;

    assert_eq!(again.start.since, Some(at(10).into()));
    drop(session);
}

#[tokio::test]
async fn applied_changes_are_acknowledged_soon_and_a_probe_at_once() {
    let (bench, mut session) = at_work().await;
    for number in 11..=15 {
        session.change(number, &[]).await;
    }
    bench.applied(&mut session, 15).await;

    session.tell(Told::Probe(told::Probe {})).await;
    assert_eq!(session.nonce().await.applied, Some(at(15).into()));
    session.tell(Told::Heartbeat(told::Heartbeat {})).await;
}

#[tokio::test]
async fn another_replica_is_asked_when_one_fails_and_one_that_is_watched_first() {
    let mut bench = bench(2, |_| {}).await;
    let mut session = bench.replicas[1].at_work().await;
    bench.decisions.live().await;
    let token = genuine(1, 1);
    assert!(bench.ask(&token).await.expect("an answer").is_allowed());
    assert_eq!((bench.replicas[0].script.asked(), bench.replicas[1].script.asked()), (0, 1), "the watched one");

    session.change(11, &["*"]).await;
    bench.applied(&mut session, 11).await;
    bench.replicas[1].script.answers(|_| Err(Status::unavailable("away")));
    bench.replicas[0].script.answers(|_| Ok(yes(1, at(11))));
    assert!(bench.ask(&token).await.expect("an answer").is_allowed());
    assert_eq!((bench.replicas[0].script.asked(), bench.replicas[1].script.asked()), (1, 2));
}

#[tokio::test]
async fn two_replicas_share_one_position_and_one_lease() {
    let mut bench = bench(2, |_| {}).await;
    let mut first = bench.replicas[0].at_work().await;
    let mut second = bench.replicas[1].stream().await;
    second.begin(at(10), second.start.since.is_some()).await;
    bench.decisions.live().await;

    second.change(11, &[]).await;
    bench.applied(&mut second, 11).await;
    first.change(11, &[]).await;
    first.change(12, &[]).await;
    bench.applied(&mut first, 12).await;
    assert_eq!(bench.decisions.stats().streams, 2);

    first.cut().await;
    bench.clock.advance(2 * SECOND);
    second.lease(at(12)).await;
    while bench.decisions.stats().lease_left != BOUND {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_change_mark_is_met_from_memory_once_it_is_applied_and_asked_about_before() {
    let (bench, mut session) = at_work().await;
    let (token, key) = (genuine(1, 1), MarkKey::new([7; 32]));
    assert!(bench.ask(&token).await.expect("an answer").is_allowed());
    let with = |vector: Vector| Question { at_least: Some(ChangeMark::encode(&vector, &key)), ..question(&token) };
    let mark = |number| with(Vector { token: Some(at(number)), ..Vector::default() });

    assert!(bench.decisions.decide(&mark(10)).await.expect("known").is_allowed());
    assert_eq!(bench.asked(), 1);
    bench.replicas[0].script.answers(|_| Ok(no(1, at(11), Reason::NoGrant)));
    let answer = bench.decisions.decide(&mark(11)).await.expect("an answer");
    assert_eq!(answer.reason(), Some(Reason::NoGrant), "memory is behind the mark");
    assert_eq!(bench.replicas[0].script.asked.lock()[1].at_least, mark(11).at_least.expect("a mark"));

    session.change(11, &[]).await;
    bench.applied(&mut session, 11).await;
    assert_eq!(bench.decisions.decide(&mark(11)).await.expect("known").reason(), Some(Reason::NoGrant));
    assert_eq!(bench.asked(), 2);

    let made_up = Question { at_least: Some("made up".to_owned()), ..question(&token) };
    let refused = bench.decisions.decide(&made_up).await;
    assert!(matches!(refused, Err(Undecidable::BadQuestion(_))), "{refused:?}");
    assert_eq!(bench.asked(), 2);
}

#[tokio::test]
async fn the_issuer_of_the_stream_is_the_one_that_counts() {
    let (bench, _session) = at_work().await;
    assert_ne!(ISSUER, "urn:passgate:other");
    let claims = claims(1);
    let pair = super::fake::pair(1);
    let input = crate::claims::signing_input(&claims, public(1, KeyState::Signing).kid(), "urn:passgate:other");
    let signature: [u8; 64] = pair.sign(input.as_bytes()).as_ref().try_into().expect("64 bytes");
    let token = crate::claims::assemble(&input, &signature);
    let token = Arc::new(Credential::parse(token.expose()).expect("a token"));

    assert_eq!(bench.ask(&token).await.expect("settled here").reason(), Some(Reason::TokenInvalid));
}
