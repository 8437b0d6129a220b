//! A small world around a core: a database, two replicas of the token service, what is on its way, and the truth.
//!
//! Every step may be put off for as long as one likes while time goes on. So delays, buffered streams, pauses and slow
//! databases are all covered; cuts, restarts, restores, suspends and lost messages are steps of their own.

use std::collections::VecDeque;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::desk::{Desk, SECOND, START, in_past, no, token, yes};
use crate::clock::{Clock, Moment};
use crate::decider::{Answer, Asking, Begin, Came, Echo, Judged, Rules, Settings, StreamId};
use crate::decision::Decision;
use crate::position::Position;
use crate::reason::Reason;

/// How many tokens there are. The last one expires.
pub(super) const TOKENS: usize = 2;
/// `max_staleness`, in ticks of a second.
const BOUND: u64 = 3;
const MOST_ON_THE_WAY: usize = 6;

/// What may happen next. Numbers choose among what there is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A token is revoked, or enabled again; the reply leaves with the commit.
    Commit { token: usize },
    /// A replica sends a read of the head, or gets its answer.
    Read { replica: usize },
    /// A replica puts all it has on its stream.
    Push { replica: usize },
    /// The decider takes the next message of a stream.
    Deliver { replica: usize },
    /// The decider sends a nonce.
    Nonce { replica: usize },
    /// A replica takes the last nonce that has come, and echoes it.
    Echo { replica: usize },
    /// The decider ends a stream, or opens one.
    Stream { replica: usize },
    /// A stream begins anew though it need not: what it asked for is compacted.
    Compacted { replica: usize },
    /// The decider asks.
    Ask { token: usize, replica: usize },
    /// A replica answers a question, or the decider gets an answer.
    Answer { which: usize },
    /// The decider uses an answer that it has had in hand.
    Use { which: usize },
    /// A second passes.
    Tick,
    /// The decider's machine is suspended for a second.
    Suspend,
    /// Somebody sets the wall clock of the decider.
    SetWall { back: bool },
    /// A replica is killed and starts again.
    Restart { replica: usize },
    /// The database is restored from a backup; the revocations that were lost are written again.
    Restore { keeps: usize, new_feed: bool },
    /// A message is lost: no stream does that, and who reads one has to notice.
    Lose { replica: usize },
    /// A message overtakes all before it: nor does any stream do that.
    Overtake { replica: usize },
}

#[derive(Clone, Copy, Debug)]
struct Change {
    token: usize,
    revoked: bool,
}

/// What a database has, in one of its pasts.
#[derive(Clone, Debug, Default)]
struct Database {
    feed: u128,
    changes: Vec<(u8, Change)>,
}

impl Database {
    fn at(&self, number: u64) -> Position {
        let past = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let past = past.and_then(|index| self.changes.get(index)).map_or(0, |(past, _)| *past);
        in_past(self.feed, past, number)
    }

    fn head(&self) -> u64 {
        u64::try_from(self.changes.len()).expect("few")
    }

    /// Whether `token` is revoked by the first `number` changes.
    fn is_revoked(&self, token: usize, number: u64) -> bool {
        let mut known = self.changes.iter().take(usize::try_from(number).expect("few"));
        known.rfind(|(_, change)| change.token == token).is_some_and(|(_, change)| change.revoked)
    }
}

#[derive(Debug)]
enum Message {
    Begin(Begin),
    Change(Position, usize),
    Echo { nonce: u64, position: Position, age: Duration },
}

#[derive(Debug)]
struct Stream {
    id: StreamId,
    told: u64,
    to_decider: VecDeque<Message>,
    to_replica: VecDeque<u64>,
}

#[derive(Debug, Default)]
struct Replica {
    /// What it has read: a copy of the database, as that was.
    memory: Database,
    /// When the read that its evidence comes from was sent.
    evidence: Option<u64>,
    reading: Option<(u64, Database)>,
    stream: Option<Stream>,
}

enum OnTheWay {
    Question { token: usize, replica: usize, asking: Asking, sent: Moment },
    Answer { token: usize, asking: Asking, sent: Moment, decision: Box<Decision> },
}

/// An answer that somebody has, and what it was computed from.
struct Held {
    token: usize,
    answer: Answer,
    as_of: Position,
}

pub(super) struct World {
    desk: Desk,
    /// True time, in ticks.
    now: u64,
    database: Database,
    past: u8,
    replicas: [Replica; 2],
    on_the_way: Vec<OnTheWay>,
    in_hand: Vec<Held>,
    /// Since when each token is revoked, by the reply.
    revoked_since: [Option<u64>; TOKENS],
}

/// What went wrong.
pub(super) type Wrong = String;

fn expiry() -> OffsetDateTime {
    START + 12 * SECOND
}

impl World {
    pub(super) fn new(rules: Rules) -> Self {
        let bound = SECOND * u32::try_from(BOUND).expect("small");
        let settings =
            Settings { rules, memory: 1 << 16, max_staleness: bound, ..Settings::new("test", Uuid::from_u128(1)) };
        let database = Database { feed: 1, changes: Vec::new() };
        let replica = || Replica { memory: database.clone(), ..Replica::default() };
        Self {
            desk: Desk::with(&settings),
            now: 0,
            replicas: [replica(), replica()],
            database,
            past: 0,
            on_the_way: Vec::new(),
            in_hand: Vec::new(),
            revoked_since: [None; TOKENS],
        }
    }

    /// Does one step, if it can be done, and looks whether anything is wrong afterwards.
    pub(super) fn step(&mut self, step: Step) -> Result<(), Wrong> {
        match step {
            Step::Commit { token } => self.commit(token),
            Step::Read { replica } => self.read(replica),
            Step::Push { replica } => self.push(replica),
            Step::Deliver { replica } => self.deliver(replica),
            Step::Nonce { replica } => drop(self.nonce(replica)),
            Step::Echo { replica } => self.echo(replica),
            Step::Stream { replica } => match self.replicas[replica].stream.take() {
                Some(stream) => self.desk.core.close(stream.id),
                None => self.open(replica, false),
            },
            Step::Compacted { replica } => {
                self.cut(replica);
                self.open(replica, true);
            }
            Step::Ask { token, replica } => self.ask(token, replica),
            Step::Answer { which } => self.answer(which)?,
            Step::Use { which } => self.use_in_hand(which)?,
            Step::Tick => self.pass(|desk| desk.clock.advance(SECOND)),
            Step::Suspend => self.pass(|desk| desk.clock.suspend(SECOND)),
            Step::SetWall { back } => {
                let by = if back { time::Duration::seconds(-3) } else { time::Duration::seconds(1) };
                self.desk.clock.set_wall(self.desk.clock.wall() + by);
            }
            Step::Restart { replica } => {
                self.cut(replica);
                self.replicas[replica] =
                    Replica { memory: self.replicas[replica].memory.clone(), ..Replica::default() };
            }
            Step::Restore { keeps, new_feed } => self.restore(keeps, new_feed),
            Step::Lose { replica } => {
                if let Some(stream) = &mut self.replicas[replica].stream {
                    stream.to_decider.pop_front();
                }
            }
            Step::Overtake { replica } => {
                if let Some(stream) = &mut self.replicas[replica].stream {
                    let last = stream.to_decider.pop_back();
                    last.into_iter().for_each(|last| stream.to_decider.push_front(last));
                }
            }
        }
        (0..TOKENS).try_for_each(|token| self.examine(token))
    }

    fn pass(&mut self, clock: impl FnOnce(&Desk)) {
        self.now += 1;
        clock(&self.desk);
    }

    fn commit(&mut self, token: usize) {
        let revoked = self.revoked_since[token].is_none();
        self.database.changes.push((self.past, Change { token, revoked }));
        self.revoked_since[token] = revoked.then_some(self.now);
    }

    fn read(&mut self, replica: usize) {
        let replica = &mut self.replicas[replica];
        match replica.reading.take() {
            None => replica.reading = Some((self.now, self.database.clone())),
            Some((sent, read)) => {
                if read.head() >= replica.memory.head() || read.feed != replica.memory.feed {
                    replica.memory = read;
                    replica.evidence = Some(sent);
                }
            }
        }
    }

    fn push(&mut self, replica: usize) {
        let Replica { memory, stream: Some(stream), .. } = &mut self.replicas[replica] else { return };
        while stream.told < memory.head() && stream.to_decider.len() < MOST_ON_THE_WAY {
            stream.told += 1;
            let (_, change) = memory.changes[usize::try_from(stream.told - 1).expect("few")];
            stream.to_decider.push_back(Message::Change(memory.at(stream.told), change.token));
        }
    }

    fn deliver(&mut self, replica: usize) {
        let Some(stream) = &mut self.replicas[replica].stream else { return };
        let Some(message) = stream.to_decider.pop_front() else { return };
        let (core, now) = (&self.desk.core, self.desk.now());
        let went_on = match message {
            Message::Begin(begin) => core.begin(stream.id, begin, now).map(drop),
            Message::Change(position, touched) => {
                core.change(stream.id, position, &[token(id(touched))], None, now).map(drop)
            }
            Message::Echo { nonce, position, age } => {
                let max_staleness = SECOND * u32::try_from(BOUND).expect("small");
                core.echo(stream.id, Echo { nonce, position, age, max_staleness }, now)
            }
        };
        if went_on.is_err() {
            self.cut(replica);
        }
    }

    fn nonce(&mut self, replica: usize) -> Option<u64> {
        let stream = self.replicas[replica].stream.as_mut()?;
        let nonce = self.desk.core.nonce(stream.id, self.desk.now())?.nonce;
        stream.to_replica.push_back(nonce);
        Some(nonce)
    }

    /// Rule 5 as the token service keeps it: the last nonce, everything up to the position before it, the age taken now.
    fn echo(&mut self, replica: usize) {
        let age = self.age(replica);
        self.push(replica);
        let Replica { memory, stream: Some(stream), .. } = &mut self.replicas[replica] else { return };
        let (Some(age), true) = (age, stream.told == memory.head()) else { return };
        if let Some(nonce) = stream.to_replica.drain(..).next_back() {
            stream.to_decider.push_back(Message::Echo { nonce, position: memory.at(stream.told), age });
        }
    }

    /// How old a replica's evidence is; `None` without, or if it is too old to speak.
    fn age(&self, replica: usize) -> Option<Duration> {
        let age = self.now - self.replicas[replica].evidence?;
        (age <= BOUND).then(|| SECOND * u32::try_from(age).expect("small"))
    }

    fn open(&mut self, replica: usize, compacted: bool) {
        let memory = &self.replicas[replica].memory;
        let (id, since) = self.desk.core.open();
        let is_here = since.filter(|since| !compacted && memory.at(since.number.0) == *since);
        let (position, resumed) = match (since, is_here) {
            (_, Some(since)) if since.number.0 <= memory.head() => (since, true),
            // A replica that is behind in the same feed waits until it knows.
            (Some(since), _) if !compacted && since.feed == memory.at(0).feed && since.number.0 > memory.head() => {
                if self.database.at(since.number.0) == since && since.number.0 <= self.database.head() {
                    self.desk.core.close(id);
                    return;
                }
                (memory.at(memory.head()), false)
            }
            _ => (memory.at(memory.head()), false),
        };
        let begin = Message::Begin(Begin { position, identity: None, resumed });
        let (to_decider, to_replica) = (VecDeque::from([begin]), VecDeque::new());
        self.replicas[replica].stream = Some(Stream { id, told: position.number.0, to_decider, to_replica });
    }

    fn cut(&mut self, replica: usize) {
        if let Some(stream) = self.replicas[replica].stream.take() {
            self.desk.core.close(stream.id);
        }
    }

    fn ask(&mut self, token: usize, replica: usize) {
        if self.on_the_way.len() < MOST_ON_THE_WAY {
            let (asking, sent) = (self.desk.core.asking(), self.desk.now());
            self.on_the_way.push(OnTheWay::Question { token, replica, asking, sent });
        }
    }

    fn answer(&mut self, which: usize) -> Result<(), Wrong> {
        if self.on_the_way.is_empty() {
            return Ok(());
        }
        match self.on_the_way.remove(which % self.on_the_way.len()) {
            OnTheWay::Question { token, replica, asking, sent } => {
                // A replica that is behind ought to wait until it is not. Nothing may depend on that.
                let memory = &self.replicas[replica].memory;
                let Some(age) = self.age(replica) else { return Ok(()) };
                let decision = decision(token, memory, memory.head(), age);
                self.on_the_way.push(OnTheWay::Answer { token, asking, sent, decision: Box::new(decision) });
            }
            OnTheWay::Answer { token, asking, sent, decision } => {
                let digest = [digest(token); 32];
                let as_of = decision.as_of.token.expect("computed from something");
                let came = Came { decision: *decision, sent, now: self.desk.now() };
                if let Judged::Use(answer) = self.desk.core.answer(asking, &self.desk.asked(&digest), came, None) {
                    self.judge(token, answer.is_allowed(), Some(as_of), "on the answer that came")?;
                    self.in_hand.push(Held { token, answer, as_of });
                    if self.in_hand.len() > MOST_ON_THE_WAY {
                        self.in_hand.remove(0);
                    }
                }
            }
        }
        Ok(())
    }

    fn use_in_hand(&mut self, which: usize) -> Result<(), Wrong> {
        if self.in_hand.is_empty() {
            return Ok(());
        }
        let Held { token, answer, as_of } = &self.in_hand[which % self.in_hand.len()];
        if answer.is_allowed() && self.desk.core.is_good(answer, self.desk.now(), None) {
            self.judge(*token, true, Some(*as_of), "on an answer in hand")?;
        }
        Ok(())
    }

    /// Restored, with what the backup had; what was revoked since is revoked again. Nobody who served the old one can
    /// answer any more; what they had sent may still be on its way.
    fn restore(&mut self, keeps: usize, new_feed: bool) {
        self.past += 1;
        self.database.changes.truncate(keeps);
        if new_feed {
            self.database.feed += 1;
        }
        for token in 0..TOKENS {
            let (restored, wanted) =
                (self.database.is_revoked(token, self.database.head()), self.revoked_since[token].is_some());
            if wanted && !restored {
                self.database.changes.push((self.past, Change { token, revoked: true }));
            } else if restored && !wanted {
                self.revoked_since[token] = Some(self.now); // enabling was lost
            }
        }
        for replica in 0..2 {
            self.cut(replica);
            self.replicas[replica] = Replica { memory: self.database.clone(), ..Replica::default() };
        }
        let questions = |on_the_way: &OnTheWay| matches!(on_the_way, OnTheWay::Answer { .. });
        self.on_the_way.retain(questions);
    }

    /// Were a request to come now: is what memory says right?
    fn examine(&self, token: usize) -> Result<(), Wrong> {
        match self.desk.look_up(digest(token)) {
            Some(answer) => self.judge(token, answer.is_allowed(), None, "from memory"),
            None => Ok(()),
        }
    }

    /// `as_of` is what an answer in hand was computed from. One from a past that is no more can be younger than all that
    /// the decider has heard of: nothing can tell it then, and its own evidence bounds it.
    fn judge(&self, token: usize, is_allowed: bool, as_of: Option<Position>, how: &str) -> Result<(), Wrong> {
        let applied = self.desk.core.position().token;
        let (database, head) = (&self.database, self.database.head());
        let is_here = |it: &Position| database.at(it.number.0) == *it && it.number.0 <= head;
        // Only of the database's own past can be said what is applied here.
        let known = applied.filter(|it| is_here(it) && as_of.is_none_or(|as_of| is_here(&as_of)));
        let ever = |wanted: bool| {
            known.is_none_or(|known| (known.number.0..=head).any(|at| database.is_revoked(token, at) == wanted))
        };
        let is_expired = token == TOKENS - 1 && self.desk.clock.wall() >= expiry();
        if !is_allowed {
            return if is_expired || ever(true) {
                Ok(())
            } else {
                Err(format!("delivered: token {token} denied {how}, and is enabled"))
            };
        }
        let passed = self.revoked_since[token].map_or(0, |since| self.now - since);
        if passed > BOUND {
            return Err(format!("bounded: token {token} allowed {how}, {passed} ticks after the reply"));
        }
        if !ever(false) {
            return Err(format!("delivered: token {token} allowed {how}, and its revocation was applied"));
        }
        if is_expired {
            return Err(format!("expiry: token {token} allowed {how} after its time"));
        }
        Ok(())
    }

    /// Faults end, and everybody does what they ought to: every token is judged as it should be.
    pub(super) fn heal(&mut self) -> Result<(), Wrong> {
        self.on_the_way.clear();
        for replica in 0..2 {
            self.replicas[replica].reading = None;
        }
        for _ in 0..6 {
            for replica in 0..2 {
                self.read(replica);
                self.read(replica);
                if self.replicas[replica].stream.is_none() {
                    self.open(replica, false);
                }
                self.push(replica);
                self.drain(replica);
                if self.nonce(replica).is_none() {
                    self.cut(replica); // silent, or left behind
                }
                self.echo(replica);
                self.drain(replica);
            }
        }
        (0..TOKENS).try_for_each(|token| {
            let expired = token == TOKENS - 1 && self.desk.clock.wall() >= expiry();
            let wanted = self.revoked_since[token].is_none() && !expired;
            let found = self.desk.look_up(digest(token)).map(|answer| answer.is_allowed());
            let found = found.or_else(|| self.ask_at_once(token));
            if found == Some(wanted) { Ok(()) } else { Err(format!("heals: token {token} is {found:?}")) }
        })?;
        let is_kept = (0..TOKENS - 1).all(|token| self.desk.look_up(digest(token)).is_some());
        if is_kept { Ok(()) } else { Err("heals: nothing is kept".to_owned()) }
    }

    fn drain(&mut self, replica: usize) {
        while self.replicas[replica].stream.as_ref().is_some_and(|stream| !stream.to_decider.is_empty()) {
            self.deliver(replica);
            self.push(replica);
        }
    }

    fn ask_at_once(&self, token: usize) -> Option<bool> {
        let decision = decision(token, &self.database, self.database.head(), Duration::ZERO);
        match self.desk.answered(digest(token), decision) {
            Judged::Use(answer) => Some(answer.is_allowed()),
            Judged::AskAgain | Judged::TooOld { .. } => None,
        }
    }
}

fn id(token: usize) -> u128 {
    u128::try_from(token).expect("small") + 1
}

fn digest(token: usize) -> u8 {
    u8::try_from(token).expect("small") + 1
}

/// What a replica answers about `token` by the first `number` changes of its memory.
fn decision(token: usize, memory: &Database, number: u64, age: Duration) -> Decision {
    let mut decision = if memory.is_revoked(token, number) {
        no(id(token), memory.at(number), Reason::TokenRevoked)
    } else {
        yes(id(token), memory.at(number))
    };
    decision.evidence_age = age;
    if let Some(holder) = &mut decision.holder {
        holder.expires_at = (token == TOKENS - 1).then(expiry);
    }
    decision
}
