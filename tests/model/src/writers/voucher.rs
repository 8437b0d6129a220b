//! Steps of R, which vouches for its memory on the writers' words.

use super::state::{Phase, State, Under};
use super::{Renewal, Writers};
use crate::pair::{Pair, Which};

impl Writers {
    /// R sends its renewal; it reads what is there now.
    pub(super) fn renew(&self, n: &mut State) -> bool {
        let go = n.renewal.is_none() && !n.restored;
        if go {
            let set = Pair { one: n.w.one.row, two: n.w.two.row };
            n.renewal = Some(Under { head: n.db, set, age: 0 });
            (n.meanwhile, n.r_row) = (false, n.r_row || self.rules.serial);
            n.seen_age = Pair { one: n.w.one.row_age, two: n.w.two.row_age };
        }
        go
    }

    /// R gets the renewal's answer and applies all of it.
    pub(super) fn renew_done(&self, n: &mut State) -> bool {
        let (rules, Some(Under { head, mut set, age })) = (&self.rules, n.renewal.take()) else { return false };
        n.r_row |= !n.restored;
        n.reg = if rules.lapse_from_send { age } else { 0 };
        if rules.renewal != Renewal::WithoutHead {
            (n.mem, n.own) = (n.mem || head, n.own.min(age));
        }
        if rules.renewal != Renewal::WithoutWriters {
            set.two |= n.meanwhile && rules.keep_acknowledged;
            n.set = set;
        }
        (n.meanwhile, n.asked, n.heard) = (false, None, Pair::of(false));
        true
    }

    /// R leaves a writer out because its registration lapsed on R's clock: what a rule forbids.
    pub(super) fn drop_writer(&self, n: &mut State, i: Which) -> bool {
        let go = !self.rules.drop_by_read_only && n.set[i] && n.seen_age[i] > self.t;
        n.set[i] &= !go;
        go
    }

    /// R begins a round.
    pub(super) fn ask_words(&self, n: &mut State) -> bool {
        let go = (n.reg <= self.t || !self.rules.lapse) && n.asked != Some(0);
        if go {
            (n.asked, n.heard) = (Some(0), Pair::of(false));
        }
        go
    }

    /// A writer says that it knows of nothing that R's memory lacks.
    pub(super) fn word(n: &mut State, i: Which) -> bool {
        let w = &n.w[i];
        let alive = matches!(w.phase, Phase::Waiting | Phase::Active);
        let go = n.asked.is_some() && alive && n.set[i] && !n.heard[i] && (!w.knows || n.mem);
        n.heard[i] |= go;
        go
    }

    /// Everybody in R's set was heard: the round is evidence as old as its sending.
    pub(super) fn vouch(n: &mut State) -> bool {
        let Some(age) = n.asked else { return false };
        let go = Which::BOTH.into_iter().all(|i| n.heard[i] || !n.set[i]) && age < n.own;
        if go {
            (n.own, n.asked, n.heard) = (age, None, Pair::of(false));
        }
        go
    }

    /// R is killed and starts again.
    pub(super) fn crash_voucher(&self, n: &mut State) -> bool {
        (n.own, n.reg, n.set, n.renewal) = (self.s + 1, self.t + 1, Pair::of(false), None);
        (n.asked, n.heard, n.meanwhile) = (None, Pair::of(false), false);
        true
    }
}
