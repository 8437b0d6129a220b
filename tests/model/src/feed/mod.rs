//! The change feed from a commit to a gateway's allow: identity → token replica → decider.
//!
//! Nothing is ever forced to happen: any step may be put off for ever while [`Action::Tick`] goes on. A cut link, a
//! paused process, a slow database, a buffered or evenly delayed stream are therefore all covered without steps of
//! their own; only what loses memory or messages ([`Action::Cut`], [`Action::Crash`], a restore) is an action.

mod decider;
mod down;
mod heals;
mod link;
mod rules;
mod script;
mod state;
mod story;
mod up;

use crate::age::older;
use crate::pair::{Pair, Which};
use state::{Action, At, Decider, Flight, Replica, State};
use stateright::{Model, Property};

pub use rules::{ALL, Fill, Rules};
pub use script::Change;

/// One configuration.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    /// `max_staleness` in ticks.
    pub s: u8,
    /// The changes, in order.
    pub script: &'static [Change],
    /// There is a second token replica.
    pub second_replica: bool,
    /// Changes are made at identity and reach the token service through its projection.
    pub hop: bool,
    /// Messages that one stream can hold (1 to 3).
    pub queue: usize,
    /// Streams break and are resumed; replicas crash and restart.
    pub faults: bool,
    /// A stream may begin anew (compaction, first connection) and not only resume.
    pub start_over: bool,
    /// The decider's machine may be suspended.
    pub sleep: bool,
    /// A read of the database takes time (off: it is one step, to keep two replicas small).
    pub slow_reads: bool,
    /// The rules in force.
    pub rules: Rules,
}

impl Feed {
    /// The replicas that there are.
    fn replicas(&self) -> impl Iterator<Item = Which> + use<> {
        Which::BOTH.into_iter().take(1 + usize::from(self.second_replica))
    }

    /// The age that stands for every age beyond the bound.
    fn old(&self) -> u8 {
        self.s + 1
    }

    /// The age of the older of the two proofs that a replica's memory needs.
    fn evidence(&self, r: &Replica) -> u8 {
        if self.hop { r.own.max(r.up_age) } else { r.own }
    }

    /// One step; false if it cannot be taken.
    fn apply(&self, st: &mut State, action: Action) -> bool {
        match action {
            Action::Tick => self.pass(st),
            Action::Commit => self.commit(st),
            Action::UpNonce(i) => Self::up_nonce(st, i),
            Action::UpPush(i) => self.up_push(st, i),
            Action::UpEcho(i) => self.up_echo(st, i),
            Action::UpRecv(i) => self.up_receive(st, i),
            Action::Read(i) => self.read(st, i),
            Action::ReadDone(i) => self.read_done(st, i),
            Action::Push(i) => self.push(st, i),
            Action::Echo(i) => self.echo(st, i),
            Action::Answer(i) => self.answer(st, i),
            Action::Cut(i) => Self::cut(st, i),
            Action::Crash(i) => self.crash(st, i),
            Action::Nonce(i) => Self::nonce(st, i),
            Action::Recv(i) => self.receive(st, i),
            Action::Ask(i) => self.ask(st, i),
            Action::Settle => self.settle(st),
            Action::StartOver(i) => self.start_over(st, i),
            Action::Sleep => !std::mem::replace(&mut st.decider.asleep, true),
            Action::Wake => std::mem::replace(&mut st.decider.asleep, false),
        }
    }

    /// A tick.
    fn pass(&self, st: &mut State) -> bool {
        let s = self.s;
        let decider_clock = !st.decider.asleep || self.rules.clock_counts_sleep;
        st.revoked = st.revoked.map(|age| older(age, s));
        for i in self.replicas() {
            let r = &mut st.replicas[i];
            r.own = older(r.own, s);
            r.read = r.read.map(|(at, age)| (at, older(age, s)));
            if self.hop {
                r.up_age = older(r.up_age, s);
                r.up.pass(s, true, true);
            }
            r.down.pass(s, self.rules.lease_from_send && decider_clock, decider_clock);
        }
        if decider_clock {
            self.decider_passes(&mut st.decider);
        }
        true
    }
}

impl Model for Feed {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let (origin, old) = (At::default(), self.old());
        let link = link::Link::default();
        let replica = Replica { mem: origin, own: old, read: None, up: link, up_age: old, down: link };
        let decider =
            Decider { feed: 0, pos: 0, touched: 0, cache: None, lease: old, flight: Flight::Idle, asleep: false };
        vec![State { step: 0, revoked: None, origin, db: origin, replicas: Pair::of(replica), decider }]
    }

    fn actions(&self, st: &State, out: &mut Vec<Action>) {
        use Action as A;
        out.extend([A::Tick, A::Commit, A::Settle]);
        for i in self.replicas() {
            if self.hop && self.second_replica && i == Which::One {
                // Behind identity the first of two replicas only writes the projection that the second reads.
                out.extend([A::UpPush(i), A::UpRecv(i)]);
                continue;
            }
            out.extend([A::Read(i), A::ReadDone(i), A::Nonce(i), A::Push(i), A::Echo(i), A::Recv(i)]);
            out.extend([A::Ask(i), A::Answer(i)]);
            if self.hop {
                out.extend([A::UpNonce(i), A::UpPush(i), A::UpEcho(i), A::UpRecv(i)]);
            }
            if self.faults {
                out.extend([A::Cut(i), A::Crash(i)]);
            }
            if self.start_over {
                out.push(A::StartOver(i));
            }
        }
        if self.sleep {
            out.push(if st.decider.asleep { A::Wake } else { A::Sleep });
        }
    }

    fn next_state(&self, st: &State, action: Action) -> Option<State> {
        let mut next = *st;
        (self.apply(&mut next, action) && next != *st).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            // Were a request to come now, would it be allowed although a revocation was answered more than S ago?
            Property::always("bounded", |m: &Self, st: &State| {
                st.revoked.is_none_or(|age| age <= m.s) || m.allows(st) == [None; 2]
            }),
            // … although a newer invalidation was applied?
            Property::always("delivered", |m: &Self, st: &State| {
                let d = &st.decider;
                m.allows(st).iter().flatten().all(|(feed, n)| *feed != d.feed || *n >= d.touched)
            }),
            // When faults end, is a good token allowed, a new grant good, a bad token refused?
            Property::always("heals", |m: &Self, st: &State| m.heals(st)),
        ]
    }
}
