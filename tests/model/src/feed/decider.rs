//! Steps of the decider, and what it would answer to a request.

use super::link::{Link, Msg};
use super::state::{At, Decider, Flight, State};
use super::{Feed, Fill};
use crate::age::older;
use crate::pair::Which;

impl Feed {
    /// The feed and number on which a request would be allowed now: from the cache, and from an answer just arriving.
    pub(super) fn allows(&self, st: &State) -> [Option<(u8, u8)>; 2] {
        let d = &st.decider;
        if d.asleep {
            return [None; 2];
        }
        let cached = d.cache.filter(|_| d.lease <= self.s).map(|n| (d.feed, n));
        let asked = match d.flight {
            Flight::Answered(at, age) if self.usable(d, at, age) => Some((at.feed, at.head)),
            Flight::Answered(..) | Flight::Asked(..) | Flight::Idle => None,
        };
        [cached, asked]
    }

    /// A nonce goes up.
    pub(super) fn nonce(st: &mut State, i: Which) -> bool {
        !st.decider.asleep && st.replicas[i].down.nonce.replace(0) != Some(0)
    }

    /// A message of the stream is taken and applied.
    pub(super) fn receive(&self, st: &mut State, i: Which) -> bool {
        let d = &mut st.decider;
        if d.asleep {
            return false;
        }
        let Some(msg) = st.replicas[i].down.pop() else { return false };
        let (Msg::Change(at) | Msg::Echo(at, _)) = msg;
        if at.feed != d.feed {
            self.begin_anew(d, at);
        }
        match msg {
            Msg::Change(at) => {
                if at.head > d.pos || at.head > d.touched {
                    d.pos = d.pos.max(at.head);
                    d.touched = at.head;
                    d.cache = d.cache.filter(|n| *n >= at.head);
                }
            }
            Msg::Echo(at, age) => {
                if at.head <= d.pos || !self.rules.echo_names_head {
                    d.lease = d.lease.min(age);
                }
            }
        }
        true
    }

    /// A question goes out when nothing that may be used is at hand.
    pub(super) fn ask(&self, st: &mut State, i: Which) -> bool {
        let d = &mut st.decider;
        let needed = d.cache.is_none() || d.lease > self.s;
        let go = !d.asleep && needed && d.flight == Flight::Idle;
        if go {
            d.flight = Flight::Asked(i, 0);
        }
        go
    }

    /// Its answer arrives, and is kept if the fill rule lets it.
    pub(super) fn settle(&self, st: &mut State) -> bool {
        let d = &mut st.decider;
        let Flight::Answered(at, age) = d.flight else { return false };
        let go = !d.asleep;
        if go {
            if self.usable(d, at, age) && self.fresh_enough(d, at) {
                d.cache = Some(at.head);
            }
            d.flight = Flight::Idle;
        }
        go
    }

    /// The stream begins anew where the replica is.
    pub(super) fn start_over(&self, st: &mut State, i: Which) -> bool {
        let r = &mut st.replicas[i];
        self.begin_anew(&mut st.decider, r.mem);
        r.down = Link::resumed(r.mem);
        true
    }

    /// A tick on the decider's clock.
    pub(super) fn decider_passes(&self, d: &mut Decider) {
        let s = self.s;
        d.lease = older(d.lease, s);
        if self.rules.answer_age {
            d.flight = match d.flight {
                Flight::Asked(to, age) if older(age, s) <= s => Flight::Asked(to, older(age, s)),
                Flight::Answered(at, age) if older(age, s) <= s => Flight::Answered(at, older(age, s)),
                Flight::Asked(..) | Flight::Answered(..) | Flight::Idle => Flight::Idle,
            };
        }
    }

    /// May the request that waits for this answer go through?
    fn usable(&self, d: &Decider, at: At, age: u8) -> bool {
        let new = self.rules.fill == Fill::StoreOnly || self.fresh_enough(d, at);
        new && (age <= self.s || !self.rules.answer_age)
    }

    /// May this answer be kept?
    fn fresh_enough(&self, d: &Decider, at: At) -> bool {
        let floor = match self.rules.fill {
            Fill::Full | Fill::StoreOnly => d.pos,
            Fill::NoFloor => d.touched,
            Fill::Off => return true,
        };
        at.feed == d.feed && at.head >= floor
    }

    /// Cache empty, lease gone, floor and position where the stream begins; never back within a feed.
    fn begin_anew(&self, d: &mut Decider, at: At) {
        d.pos = if at.feed == d.feed { d.pos.max(at.head) } else { at.head };
        d.feed = at.feed;
        d.touched = if self.rules.fill == Fill::NoFloor { 0 } else { d.pos };
        d.cache = None;
        d.lease = self.old();
    }
}
