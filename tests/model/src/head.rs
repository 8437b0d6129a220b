//! What counts as having read the head of a feed, when the database is a primary with a standby that may take over.
//!
//! One replica of a service, seen from its database: it allows while its evidence is at most `max_staleness` old.

use crate::age::older;
use crate::story::Story;
use stateright::{Model, Property};

/// Where the replica may take evidence from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A transaction that writes and commits with the durability of any change: only the true primary can.
    Commit,
    /// A read of whatever calls itself primary; one that was deposed and does not know it answers too.
    PrimaryRead,
    /// A read of the standby, which may have stored a commit that it does not show yet.
    StandbyRead,
}

/// One configuration.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// `max_staleness` in ticks.
    pub s: u8,
    /// A reply leaves only when the standby has the commit (synchronous replication).
    pub synchronous: bool,
    /// What counts as evidence.
    pub source: Source,
}

/// The whole system; a server's copy of the feed is whether the revocation is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    primary: bool,
    standby: Option<bool>,
    shown: bool,
    deposed: Option<bool>,
    unanswered: bool,
    revoked: Option<u8>,
    mem: bool,
    own: u8,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Time passes.
    Tick,
    /// The revocation commits at the primary.
    Commit,
    /// The standby stores it.
    Replicate,
    /// The standby shows it.
    Show,
    /// The reply leaves.
    Reply,
    /// The standby becomes primary.
    FailOver,
    /// The replica takes the head from a server.
    Vouch(Server),
}

/// The server that the replica is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Server {
    /// The primary.
    Primary,
    /// Its standby.
    Standby,
    /// A primary that was deposed and does not know it.
    Deposed,
}

impl Head {
    /// What the replica learns from a server, if that may be evidence at all.
    fn seen_at(&self, st: &State, server: Server) -> Option<bool> {
        match (server, self.source) {
            (Server::Primary, Source::Commit | Source::PrimaryRead) => Some(st.primary),
            (Server::Standby, Source::StandbyRead) => st.standby.map(|_| st.shown),
            (Server::Deposed, Source::PrimaryRead) => st.deposed,
            (Server::Primary, Source::StandbyRead)
            | (Server::Standby, Source::Commit | Source::PrimaryRead)
            | (Server::Deposed, Source::Commit | Source::StandbyRead) => None,
        }
    }
}

impl Model for Head {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            primary: false,
            standby: Some(false),
            shown: false,
            deposed: None,
            unanswered: false,
            revoked: None,
            mem: false,
            own: self.s + 1,
        }]
    }

    fn actions(&self, _: &State, out: &mut Vec<Action>) {
        out.extend([Action::Tick, Action::Commit, Action::Replicate, Action::Show, Action::Reply, Action::FailOver]);
        out.extend([Server::Primary, Server::Standby, Server::Deposed].map(Action::Vouch));
    }

    fn next_state(&self, st: &State, action: Action) -> Option<State> {
        let mut n = *st;
        match action {
            Action::Tick => {
                n.own = older(n.own, self.s);
                n.revoked = n.revoked.map(|age| older(age, self.s));
            }
            Action::Commit => (n.primary, n.unanswered) = (true, !st.primary),
            Action::Replicate => n.standby = st.standby.map(|_| st.primary),
            Action::Show => n.shown = st.standby?,
            Action::Reply => {
                if !st.unanswered || (self.synchronous && st.standby == Some(false)) {
                    return None;
                }
                (n.unanswered, n.revoked) = (false, Some(0));
            }
            Action::FailOver => {
                n.primary = st.standby?;
                (n.standby, n.deposed, n.unanswered) = (None, Some(st.primary), st.unanswered && n.primary);
            }
            Action::Vouch(server) => (n.mem, n.own) = (self.seen_at(st, server)?, 0),
        }
        (n != *st).then_some(n)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("bounded", |m: &Self, st: &State| {
            st.revoked.is_none_or(|age| age <= m.s) || st.mem || st.own > m.s
        })]
    }
}

impl Story for Head {
    fn step(&self, _: &State, action: Action, _: &State) -> String {
        match action {
            Action::Tick => "",
            Action::Commit => "REVOKE commits at the primary",
            Action::Replicate => "the standby stores it",
            Action::Show => "the standby shows it",
            Action::Reply => "the reply leaves",
            Action::FailOver => "the standby becomes primary; the old one lives on, cut off, and does not know",
            Action::Vouch(Server::Primary) => "the replica takes the head from the primary: evidence 0 old",
            Action::Vouch(Server::Standby) => "the replica reads the head from the standby: evidence 0 old",
            Action::Vouch(Server::Deposed) => "the replica reads the head from the deposed primary: evidence 0 old",
        }
        .into()
    }

    fn ending(&self, _: &State) -> String {
        format!("a request comes: ALLOWED, {} ticks or more after the reply", self.s + 1)
    }
}
