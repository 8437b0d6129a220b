//! Steps of the writers, and of the database.

use super::Writers;
use super::state::{Phase, State, Tx, Writer};
use crate::pair::{Pair, Which};

impl Writers {
    /// The transaction that revokes begins (with the fence, commit is one step with it).
    pub(super) fn begin(&self, n: &mut State, i: Which) -> bool {
        let w = &mut n.w[i];
        let go = w.phase == Phase::Active && w.tx == Tx::None && !n.db && !self.rules.fence;
        if go {
            w.tx = Tx::Open;
        }
        go
    }

    /// It commits; with the fence only while the writer's row stands.
    pub(super) fn commit(&self, n: &mut State, i: Which) -> bool {
        let w = &mut n.w[i];
        let ready = if self.rules.fence { w.row && w.tx == Tx::None } else { w.tx == Tx::Open };
        let go = w.phase == Phase::Active && !n.db && ready;
        if go {
            w.tx = Tx::Committed;
            n.db = true;
        }
        go
    }

    /// The reply leaves, noted before it does.
    pub(super) fn reply(n: &mut State, i: Which) -> bool {
        let w = &mut n.w[i];
        let go = w.phase == Phase::Active && w.tx == Tx::Committed;
        if go {
            (w.tx, w.knows) = (Tx::None, true);
            n.revoked = n.revoked.or(Some(0));
        }
        go
    }

    /// A writer that did not write it finds the token revoked, and says so.
    pub(super) fn repeat(&self, n: &mut State, i: Which) -> bool {
        let w = &mut n.w[i];
        let go = w.phase == Phase::Active && n.db && w.row && !w.knows && w.tx == Tx::None && n.revoked.is_none();
        if go {
            w.knows = self.rules.word_covers_seen;
            n.revoked = Some(0);
        }
        go
    }

    /// A writer is killed.
    pub(super) fn crash(n: &mut State, i: Which) -> bool {
        let w = &mut n.w[i];
        let go = w.phase == Phase::Active;
        if go {
            (w.phase, w.tx) = (Phase::Gone, Tx::None);
        }
        go
    }

    /// A writer shuts down in order.
    pub(super) fn leave(n: &mut State, i: Which) -> bool {
        let w = &mut n.w[i];
        let go = w.phase == Phase::Active && w.tx == Tx::None && w.row;
        if go {
            (w.phase, w.row) = (Phase::Gone, false);
        }
        go
    }

    /// A row that lapsed is taken out.
    pub(super) fn remove(&self, n: &mut State, i: Which) -> bool {
        let any_time = !self.row_ages_matter();
        let w = &mut n.w[i];
        let go = w.row && (any_time || w.row_age > self.t);
        w.row &= !go;
        go
    }

    /// A writer renews its row.
    pub(super) fn renew_row(n: &mut State, i: Which) -> bool {
        let w = &mut n.w[i];
        let go = w.row && w.phase == Phase::Active && w.row_age > 0;
        if go {
            w.row_age = 0;
        }
        go
    }

    /// W3 registers.
    pub(super) fn join(&self, n: &mut State) -> bool {
        let go = n.w.two.phase == Phase::Out;
        if go {
            n.w.two = Writer { phase: Phase::Waiting, row: true, row_age: 0, knows: n.db, ..n.w.two };
            n.must_wait = self.rules.joining_wait && (n.r_row || (n.restored && self.rules.wait_in_new_feed));
        }
        go
    }

    /// R acknowledges W3.
    pub(super) fn ack(n: &mut State) -> bool {
        let go = n.w.two.phase == Phase::Waiting && !n.acked && !n.restored;
        if go {
            (n.acked, n.set.two, n.seen_age.two) = (true, true, 0);
            n.meanwhile = n.renewal.is_some();
        }
        go
    }

    /// W3 has waited long enough.
    pub(super) fn activate(&self, n: &mut State) -> bool {
        let go = n.w.two.phase == Phase::Waiting && (n.acked || !n.must_wait || n.waited >= self.t);
        if go {
            n.w.two.phase = Phase::Active;
            n.waited = 0;
        }
        go
    }

    /// The database comes back from a backup that knows none of the registrations.
    pub(super) fn restore(&self, n: &mut State) -> bool {
        let go = self.restore && !n.restored && n.revoked.is_none() && n.w.two.phase == Phase::Out;
        if go {
            (n.db, n.restored, n.r_row) = (false, true, false);
            n.w = Pair { one: Writer { row: false, tx: Tx::None, ..n.w.one }, ..n.w };
        }
        go
    }
}
