//! Evidence without the database: every registered writer says that it knows of nothing more.
//!
//! `R` is a replica that vouches; `W2` a writer from the start; `W3` a writer that joins. One revocation is made by
//! either writer. As in [`crate::feed`], any step may be put off for ever: "the database is away" is one such case.

mod rules;
mod state;
mod story;
mod voucher;
mod writer;

use crate::age::older;
use crate::pair::{Pair, Which};
use state::{Action, Phase, State, Tx, Under, Writer};
use stateright::{Model, Property};

pub use rules::{ALL, Renewal, Rules};

/// One configuration.
#[derive(Clone, Copy, Debug)]
pub struct Writers {
    /// `max_staleness` in ticks.
    pub s: u8,
    /// How long a registration lasts, in ticks.
    pub t: u8,
    /// The database may be restored from a backup that knows none of the registrations.
    pub restore: bool,
    /// The rules in force.
    pub rules: Rules,
}

impl Writers {
    /// Without these two rules it matters when a row lapses; with them a row may be taken out at any time.
    fn row_ages_matter(&self) -> bool {
        !self.rules.fence || !self.rules.drop_by_read_only
    }

    /// One step; false if it cannot be taken.
    fn apply(&self, n: &mut State, action: Action) -> bool {
        match action {
            Action::Tick => self.pass(n),
            Action::Begin(i) => self.begin(n, i),
            Action::Commit(i) => self.commit(n, i),
            Action::Reply(i) => Self::reply(n, i),
            Action::Repeat(i) => self.repeat(n, i),
            Action::Crash(i) => Self::crash(n, i),
            Action::Leave(i) => Self::leave(n, i),
            Action::Remove(i) => self.remove(n, i),
            Action::RenewRow(i) => Self::renew_row(n, i),
            Action::Join => self.join(n),
            Action::Ack => Self::ack(n),
            Action::Activate => self.activate(n),
            Action::Restore => self.restore(n),
            Action::Renew => self.renew(n),
            Action::RenewDone => self.renew_done(n),
            Action::Drop(i) => self.drop_writer(n, i),
            Action::AskWords => self.ask_words(n),
            Action::Word(i) => Self::word(n, i),
            Action::Vouch => Self::vouch(n),
            Action::CrashR => self.crash_voucher(n),
        }
    }

    /// A tick.
    fn pass(&self, n: &mut State) -> bool {
        let (s, t) = (self.s, self.t);
        n.revoked = n.revoked.map(|age| older(age, s));
        n.own = older(n.own, s);
        n.asked = n.asked.map(|age| older(age, s)).filter(|age| *age <= s);
        n.reg = older(n.reg, t);
        n.renewal = n.renewal.map(|under| Under { age: older(under.age, t.max(s)), ..under });
        for i in Which::BOTH {
            n.heard[i] &= n.asked.is_some();
            let (w, known) = (&mut n.w[i], n.set[i] && !self.rules.drop_by_read_only);
            w.row_age = if w.row && self.row_ages_matter() { older(w.row_age, t) } else { 0 };
            n.seen_age[i] = if known { older(n.seen_age[i], t) } else { 0 };
        }
        if n.w.two.phase == Phase::Waiting {
            n.waited = older(n.waited, t - 1);
        }
        true
    }
}

impl Model for Writers {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let one = Writer { phase: Phase::Active, tx: Tx::None, knows: false, row: true, row_age: 0 };
        vec![State {
            db: false,
            restored: false,
            revoked: None,
            w: Pair { one, two: Writer { phase: Phase::Out, row: false, ..one } },
            acked: false,
            must_wait: false,
            waited: 0,
            r_row: false,
            mem: false,
            own: self.s + 1,
            set: Pair::of(false),
            seen_age: Pair::of(0),
            reg: self.t + 1,
            renewal: None,
            meanwhile: false,
            asked: None,
            heard: Pair::of(false),
        }]
    }

    fn actions(&self, _: &State, out: &mut Vec<Action>) {
        use Action as A;
        out.extend([A::Tick, A::Join, A::Ack, A::Activate, A::Restore]);
        out.extend([A::Renew, A::RenewDone, A::AskWords, A::Vouch, A::CrashR]);
        for i in Which::BOTH {
            out.extend([A::Begin(i), A::Commit(i), A::Reply(i), A::Repeat(i), A::Crash(i), A::Leave(i), A::Remove(i)]);
            out.extend([A::RenewRow(i), A::Drop(i), A::Word(i)]);
        }
    }

    fn next_state(&self, st: &State, action: Action) -> Option<State> {
        let mut next = *st;
        (self.apply(&mut next, action) && next != *st).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("bounded", |m: &Self, st: &State| {
                st.revoked.is_none_or(|age| age <= m.s) || st.mem || st.own > m.s
            }),
            // Words do keep evidence fresh while the database is away.
            Property::sometimes("bridges", |m: &Self, st: &State| {
                st.reg > m.s && st.own == 0 && st.set == Pair::of(true) && st.w.two.phase == Phase::Active
            }),
        ]
    }
}
