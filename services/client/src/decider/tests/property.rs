//! All rules together, against the truth, under random steps; and each rule left out once, to see that it is noticed.

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::truth::{Step, TOKENS, World, Wrong};
use crate::ambient::{Random, SeededRandom};
use crate::decider::{Rule, Rules};

/// The step that three bytes stand for. What moves things on is likelier than what breaks them.
fn step([kind, first, second]: [u8; 3]) -> Step {
    let (replica, which) = (usize::from(first % 2), usize::from(first));
    let token = usize::from(second) % TOKENS;
    match kind % 58 {
        0..3 => Step::Commit { token },
        3..8 => Step::Read { replica },
        8..10 => Step::Push { replica },
        10..18 => Step::Deliver { replica },
        18..22 => Step::Nonce { replica },
        22..26 => Step::Echo { replica },
        26..29 => Step::Stream { replica },
        29 => Step::Compacted { replica },
        30..35 => Step::Ask { token, replica },
        35..44 => Step::Answer { which },
        44..46 => Step::Use { which },
        46..51 => Step::Tick,
        51 => Step::Suspend,
        52 => Step::SetWall { back: second % 2 == 0 },
        53 => Step::Restart { replica },
        54 => Step::Restore { keeps: which % 4, new_feed: second % 2 == 0 },
        55 => Step::Lose { replica },
        _ => Step::Overtake { replica },
    }
}

fn run(world: &mut World, steps: impl Iterator<Item = [u8; 3]>) -> Result<(), Wrong> {
    steps.map(step).try_for_each(|step| world.step(step))
}

proptest! {
    #![proptest_config(Config { cases: 2_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_allow_is_too_old_or_overtaken_and_everything_heals(steps in prop::collection::vec(any::<[u8; 3]>(), 1..120)) {
        let mut world = World::new(Rules::default());
        let went = run(&mut world, steps.iter().copied()).and_then(|()| world.heal());
        prop_assert_eq!(went, Ok(()), "{:#?}", steps.iter().copied().map(step).collect::<Vec<_>>());
    }
}

/// Searches with `rule` left out until something goes wrong.
fn noticed(rule: Rule) -> Option<Wrong> {
    let random = SeededRandom::new(7);
    (0..50_000).find_map(|_| {
        let mut bytes = [0; 300];
        random.fill(&mut bytes);
        let steps = bytes.as_chunks::<3>().0.iter().copied();
        run(&mut World::new(Rules::without(rule)), steps).err()
    })
}

macro_rules! noticed {
    ($($name:ident: $rule:ident breaks $($promise:literal)|+;)+) => {$(
        #[test]
        fn $name() {
            let found = noticed(Rule::$rule).expect("the checker notices");
            assert!([$($promise),+].iter().any(|promise| found.starts_with(promise)), "{found}");
        }
    )+};
}

noticed! {
    without_rule_1_clocks_it_is_noticed: Clocks breaks "bounded";
    without_rule_3_for_what_is_kept_it_is_noticed: FillKept breaks "bounded" | "delivered";
    without_rule_3_for_who_waits_it_is_noticed: FillWaiting breaks "delivered";
    without_rule_3_floor_it_is_noticed: Floor breaks "bounded" | "delivered";
    without_rule_4_starting_over_it_is_noticed: StartOver breaks "bounded" | "delivered";
    without_rule_4_no_holes_it_is_noticed: NoHoles breaks "bounded" | "delivered";
    without_rule_5_from_the_sending_it_is_noticed: LeaseFromSend breaks "bounded";
    without_rule_5_less_the_age_it_is_noticed: LeaseLessAge breaks "bounded";
    without_rule_5_once_applied_it_is_noticed: EchoApplied breaks "bounded";
    without_rule_7_age_of_an_answer_it_is_noticed: AnswerAge breaks "bounded";
    without_rule_8_feed_identity_it_is_noticed: FeedIdentity breaks "bounded" | "delivered";
    without_rule_9_lease_at_each_use_it_is_noticed: LeaseChecked breaks "bounded";
    without_rule_10_expiry_it_is_noticed: Expiry breaks "expiry";
    without_rule_10_denials_it_is_noticed: DenialTouched breaks "delivered";
}
