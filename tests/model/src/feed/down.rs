//! Steps of a token replica towards its database and the decider.

use super::Feed;
use super::link::{Link, Msg};
use super::state::{At, Flight, Replica, State};
use crate::pair::Which;

impl Feed {
    /// A read of the database is sent; it sees what is there now.
    pub(super) fn read(&self, st: &mut State, i: Which) -> bool {
        let (db, r) = (st.db, &mut st.replicas[i]);
        let go = r.read.is_none();
        if go {
            r.read = Some((db, 0));
        }
        go && (self.slow_reads || self.read_done(st, i))
    }

    /// Its answer comes.
    pub(super) fn read_done(&self, st: &mut State, i: Which) -> bool {
        let r = &mut st.replicas[i];
        let Some((at, age)) = r.read.take() else { return false };
        if at.feed != r.mem.feed || at.head != r.mem.head {
            r.mem = at;
        }
        r.own = if self.rules.read_from_send { age } else { 0 };
        true
    }

    /// The replica puts what it holds on the stream.
    pub(super) fn push(&self, st: &mut State, i: Which) -> bool {
        let r = &mut st.replicas[i];
        let (new, sent) = (r.mem, r.down.sent);
        let go = (new.feed != sent.feed || new.head > sent.head) && r.down.len() < self.queue;
        if go {
            r.down.push(Msg::Change(new));
            r.down.sent = new;
        }
        go
    }

    /// It echoes the decider's nonce.
    pub(super) fn echo(&self, st: &mut State, i: Which) -> bool {
        let r = &mut st.replicas[i];
        let evidence = self.evidence(r);
        let carried = if self.rules.ages_add || evidence > self.s { evidence } else { 0 };
        let Some(sent) = r.down.nonce else { return false };
        let age = if self.rules.lease_from_send { sent + carried } else { carried };
        let go = age <= self.s && r.down.len() < self.queue;
        if go {
            r.down.nonce = None;
            r.down.push(Msg::Echo(r.mem, age));
        }
        go
    }

    /// It answers the decider's question; a denial, or an answer too old to be used, ends it.
    pub(super) fn answer(&self, st: &mut State, i: Which) -> bool {
        let (r, Flight::Asked(to, asked)) = (&st.replicas[i], st.decider.flight) else { return false };
        let evidence = self.evidence(r);
        let age = if self.rules.answer_age { asked + evidence } else { 0 };
        let go = to == i && (evidence <= self.s || !self.rules.server_evidence);
        if go {
            let useless = r.mem.bad || age > self.s;
            st.decider.flight = if useless { Flight::Idle } else { Flight::Answered(r.mem, age) };
        }
        go
    }

    /// The stream breaks, with all that is on it, and is resumed where the decider is.
    pub(super) fn cut(st: &mut State, i: Which) -> bool {
        let resumed = Link::resumed(At { feed: st.decider.feed, head: st.decider.pos, bad: false });
        std::mem::replace(&mut st.replicas[i].down, resumed) != resumed
    }

    /// The replica is killed and starts again: its memory is read anew, its evidence gone.
    pub(super) fn crash(&self, st: &mut State, i: Which) -> bool {
        let (db, old) = (st.db, self.old());
        let down = Link::resumed(At { feed: st.decider.feed, head: st.decider.pos, bad: false });
        st.replicas[i] = Replica { mem: db, own: old, read: None, up: Link::resumed(db), up_age: old, down };
        true
    }
}
