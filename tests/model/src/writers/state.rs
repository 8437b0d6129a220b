//! What there is: one voucher, one writer from the start, one that joins.

use crate::pair::{Pair, Which};

/// Where a writer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not started.
    Out,
    /// Registered, and waiting before its first write.
    Waiting,
    /// It may write.
    Active,
    /// Ended.
    Gone,
}

/// A writer's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tx {
    /// None.
    None,
    /// Begun.
    Open,
    /// Committed, the reply not sent.
    Committed,
}

/// A writer: `W2` (the first) or `W3` (the second).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Writer {
    /// Where it stands.
    pub phase: Phase,
    /// Its transaction.
    pub tx: Tx,
    /// Its word: the highest number that it says it knows of.
    pub knows: bool,
    /// Its row in the database.
    pub row: bool,
    /// The age of the row's last renewal.
    pub row_age: u8,
}

/// A renewal of R's registration under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Under {
    /// The head that it read.
    pub head: bool,
    /// The writers that it read.
    pub set: Pair<bool>,
    /// Ticks since it was sent.
    pub age: u8,
}

/// The whole system; the only change there is, the revocation, is in a feed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The database has the revocation.
    pub db: bool,
    /// The database was restored.
    pub restored: bool,
    /// Ticks since a reply said that the token is revoked.
    pub revoked: Option<u8>,
    /// The writers.
    pub w: Pair<Writer>,
    /// R acknowledged W3.
    pub acked: bool,
    /// W3 must wait for R.
    pub must_wait: bool,
    /// For how long it has.
    pub waited: u8,
    /// R's row.
    pub r_row: bool,
    /// R's memory has the revocation.
    pub mem: bool,
    /// The age of R's evidence.
    pub own: u8,
    /// The writers that R knows.
    pub set: Pair<bool>,
    /// The ages of their rows, as R believes.
    pub seen_age: Pair<u8>,
    /// The age of R's registration.
    pub reg: u8,
    /// A renewal under way.
    pub renewal: Option<Under>,
    /// R acknowledged W3 meanwhile.
    pub meanwhile: bool,
    /// The age of a round of asking under way.
    pub asked: Option<u8>,
    /// Who answered in it.
    pub heard: Pair<bool>,
}

/// One step; a writer's steps name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Time passes.
    Tick,
    /// A writer begins the transaction that revokes.
    Begin(Which),
    /// It commits.
    Commit(Which),
    /// Its reply leaves.
    Reply(Which),
    /// Asked again, a writer finds the token revoked and replies so.
    Repeat(Which),
    /// A writer is killed.
    Crash(Which),
    /// A writer shuts down and takes its row out.
    Leave(Which),
    /// A writer's lapsed row is taken out.
    Remove(Which),
    /// A writer renews its row.
    RenewRow(Which),
    /// W3 registers.
    Join,
    /// R acknowledges W3.
    Ack,
    /// W3 may write.
    Activate,
    /// The database is restored from a backup without these registrations.
    Restore,
    /// R sends a renewal.
    Renew,
    /// R gets its answer.
    RenewDone,
    /// R leaves a writer out by the clock.
    Drop(Which),
    /// R asks the writers it knows.
    AskWords,
    /// A writer gives its word.
    Word(Which),
    /// R counts the round as evidence.
    Vouch,
    /// R is killed and starts again.
    CrashR,
}
