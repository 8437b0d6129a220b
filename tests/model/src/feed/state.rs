//! What the system is made of: databases, replicas, a decider, and the streams between them.

use super::link::Link;
use crate::pair::{Pair, Which};

/// A position in a feed, and what it says of the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct At {
    /// The feed's identity.
    pub feed: u8,
    /// The number of its last change.
    pub head: u8,
    /// The token is revoked there.
    pub bad: bool,
}

/// A token replica: its memory, the evidence behind it, its links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replica {
    /// What it has read of its database.
    pub mem: At,
    /// The age of its evidence for its own feed.
    pub own: u8,
    /// A read under way: what it saw, and how long ago it was sent.
    pub read: Option<(At, u8)>,
    /// The stream from identity.
    pub up: Link,
    /// The age of its evidence for identity's feed.
    pub up_age: u8,
    /// The stream to the decider.
    pub down: Link,
}

/// The decider's one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flight {
    /// Nothing asked.
    Idle,
    /// Asked this replica, so many ticks ago.
    Asked(Which, u8),
    /// An allow is on its way back; the age counts from the question, plus the evidence's age when it was answered.
    Answered(At, u8),
}

/// A gateway's decision client, for one token and resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decider {
    /// The feed that it follows.
    pub feed: u8,
    /// Its position there.
    pub pos: u8,
    /// The number of the last invalidation that touched the token, or the floor.
    pub touched: u8,
    /// The position of the allow that it holds.
    pub cache: Option<u8>,
    /// The age of its lease.
    pub lease: u8,
    /// Its question.
    pub flight: Flight,
    /// Its machine is suspended.
    pub asleep: bool,
}

/// The whole system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// How much of the script has happened.
    pub step: u8,
    /// Ticks since the reply of the revocation in force.
    pub revoked: Option<u8>,
    /// Identity's database.
    pub origin: At,
    /// The token service's database.
    pub db: At,
    /// The token replicas.
    pub replicas: Pair<Replica>,
    /// The gateway.
    pub decider: Decider,
}

/// One step; a replica's steps name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Time passes.
    Tick,
    /// The next change of the script commits.
    Commit,
    /// A replica sends a read of its database.
    Read(Which),
    /// It gets the answer.
    ReadDone(Which),
    /// It sends identity a nonce.
    UpNonce(Which),
    /// Identity puts what it has on the replica's stream.
    UpPush(Which),
    /// Identity echoes the nonce.
    UpEcho(Which),
    /// The replica takes one message from identity's stream.
    UpRecv(Which),
    /// The decider sends a nonce.
    Nonce(Which),
    /// The replica puts what its memory has on the decider's stream.
    Push(Which),
    /// It echoes the nonce.
    Echo(Which),
    /// The decider takes one message from the stream.
    Recv(Which),
    /// The decider asks.
    Ask(Which),
    /// The replica answers.
    Answer(Which),
    /// The decider gets the answer.
    Settle,
    /// A stream breaks and is resumed.
    Cut(Which),
    /// The decider starts over with a replica.
    StartOver(Which),
    /// A replica is killed and starts again.
    Crash(Which),
    /// The decider's machine is suspended.
    Sleep,
    /// It resumes.
    Wake,
}
