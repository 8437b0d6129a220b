//! Steps between identity and a token replica.

use super::Feed;
use super::link::Msg;
use super::state::State;
use crate::pair::Which;

impl Feed {
    /// The replica sends a nonce.
    pub(super) fn up_nonce(st: &mut State, i: Which) -> bool {
        st.replicas[i].up.nonce.replace(0) != Some(0)
    }

    /// Identity puts its last change on the stream.
    pub(super) fn up_push(&self, st: &mut State, i: Which) -> bool {
        let (origin, up) = (st.origin, &mut st.replicas[i].up);
        let go = origin.head > up.sent.head && up.len() < self.queue;
        if go {
            up.push(Msg::Change(origin));
            up.sent = origin;
        }
        go
    }

    /// Identity echoes the nonce.
    pub(super) fn up_echo(&self, st: &mut State, i: Which) -> bool {
        let (origin, up) = (st.origin, &mut st.replicas[i].up);
        let Some(age) = up.nonce.filter(|age| *age <= self.s) else { return false };
        let go = up.len() < self.queue;
        if go {
            up.nonce = None;
            up.push(Msg::Echo(origin, age));
        }
        go
    }

    /// The replica takes a message: a change goes into the projection in the database that all replicas share.
    pub(super) fn up_receive(&self, st: &mut State, i: Which) -> bool {
        let r = &mut st.replicas[i];
        match r.up.pop() {
            Some(Msg::Change(at)) => {
                if at.head > st.db.head {
                    st.db = at;
                }
            }
            Some(Msg::Echo(at, age)) => {
                if r.mem.head >= at.head || !self.rules.projection_first {
                    r.up_age = r.up_age.min(age);
                }
            }
            None => return false,
        }
        true
    }
}
