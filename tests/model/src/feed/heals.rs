//! What happens once every fault has ended.

use super::Feed;
use super::state::{Action as A, Flight, State};

/// Rounds after which the answer must be right.
const ROUNDS: usize = 3;

impl Feed {
    /// Every fault ends and everyone does what they ought to: is the answer right within a few rounds?
    pub(super) fn heals(&self, st: &State) -> bool {
        let mut st = *st;
        st.decider.asleep = false;
        st.decider.flight = Flight::Idle;
        for _ in 0..ROUNDS {
            for i in self.replicas() {
                self.apply(&mut st, A::ReadDone(i));
                if self.hop {
                    let changes = [A::UpPush(i), A::UpRecv(i), A::UpRecv(i), A::UpPush(i), A::UpRecv(i)];
                    let echo = [A::Read(i), A::ReadDone(i), A::UpNonce(i), A::UpEcho(i), A::UpRecv(i), A::UpRecv(i)];
                    self.all(&mut st, &changes);
                    self.all(&mut st, &echo);
                }
                let changes = [A::Read(i), A::ReadDone(i), A::Recv(i), A::Recv(i), A::Recv(i), A::Push(i), A::Recv(i)];
                self.all(&mut st, &changes);
                self.all(&mut st, &[A::Nonce(i), A::Echo(i), A::Recv(i), A::Ask(i), A::Answer(i), A::Settle]);
            }
        }
        let bad = if self.hop { st.origin.bad } else { st.db.bad };
        let [cached, _] = self.allows(&st);
        cached.is_some() != bad
    }

    /// Takes the steps that can be taken.
    fn all(&self, st: &mut State, steps: &[A]) {
        for action in steps {
            self.apply(st, *action);
        }
    }
}
