//! One stream to a decider.

use std::sync::Arc;
use std::time::Duration;

use passgate_kit::client::convert::age as told_age;
use passgate_kit::client::{Ambient, Moment, Position};
use passgate_kit::fields::FieldViolations;
use passgate_kit::store::StoreError;
use passgate_proto::token::v1::WatchChangesRequest;
use passgate_proto::token::v1::watch_changes_request::{Message as Asked, Nonce};
use passgate_proto::token::v1::watch_changes_response::{self as told, Message};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Streaming;
use uuid::Uuid;

use super::deciders::{Deciders, Registered};
use super::doubt::Doubt;
use super::end::End;
use super::guests::{Guest, Guests};
use super::log::{ChangeLog, Entry, Found, News, Next};
use super::outbox::{Messages, Outbox, QUEUED, outbox};
use super::stats::{Counted, StreamCounters, StreamStats};
use crate::decision::{Fresh, Freshness};
use crate::key::Keys;
use crate::store::decider::DeciderKey;

/// How often something is said when nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Makes the message of the keys.
pub type KeysMessage = fn(&Keys) -> told::Keys;

/// What the streams are made of. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The changes.
    pub log: ChangeLog,
    /// What is provable of them.
    pub freshness: Freshness,
    /// Whether they can be believed.
    pub doubt: Doubt,
    /// Who watches.
    pub deciders: Deciders,
    /// Who may.
    pub guests: Guests,
    /// The keys that tokens are signed with.
    pub keys: Keys,
    /// How the contract has them.
    pub keys_message: KeysMessage,
    /// The clock.
    pub ambient: Ambient,
    /// How long a lease holds.
    pub bound: Duration,
    /// What there is to count.
    pub counters: Arc<StreamCounters>,
    /// Told when streams are to end.
    pub stop: CancellationToken,
    /// Owns the streams' tasks.
    pub tasks: TaskTracker,
}

/// What a decider says first.
#[derive(Clone, Debug)]
pub struct Start {
    /// What it calls itself.
    pub name: String,
    /// Its own id.
    pub id: Uuid,
    /// Where it stands; `None` to start over.
    pub since: Option<Position>,
}

impl Changes {
    /// Opens a stream for `guest`: its messages. It runs as a task of its own, to its end.
    ///
    /// # Errors
    /// If there are too many deciders.
    pub fn open(&self, guest: Guest, start: Start, requests: Streaming<WatchChangesRequest>) -> Result<Messages, End> {
        let key = DeciderKey { principal: guest.principal(), id: start.id };
        let registered = self.deciders.register(key, &start.name).map_err(|_| End::TooMany)?;
        let (outbox, messages) = outbox();
        self.counters.count(Counted::Opened);
        self.tasks.spawn(self.clone().run(guest, registered, start.since, requests, outbox));
        Ok(messages)
    }

    /// How the streams stand.
    #[must_use]
    pub fn stats(&self) -> StreamStats {
        let head = self.log.head().position.number;
        let standing = self.deciders.standing();
        let watching = standing.iter().filter(|decider| decider.watches);
        let behind = |applied: Option<Position>| applied.map(|at| head.0.saturating_sub(at.number.0));
        let lag = watching.clone().filter_map(|decider| behind(decider.applied)).max().unwrap_or(0);
        self.counters.with(u64::try_from(watching.count()).unwrap_or(u64::MAX), lag, head.0)
    }

    async fn run(
        self,
        guest: Guest,
        registered: Registered,
        since: Option<Position>,
        requests: Streaming<WatchChangesRequest>,
        outbox: Outbox,
    ) {
        let stop = self.stop.clone();
        let told = async {
            let begun = self.begin(&guest, since).await?;
            let mut stream = Stream::new(&self, &guest, &registered, &outbox, begun.place.position);
            stream.tell_begin(begun.place.identity, begun.resumed).await?;
            stream.run(requests).await
        };
        // Ending in the middle leaves a prefix of the stream, from which the decider goes on elsewhere.
        let end = tokio::select! {
            biased;
            () = stop.cancelled() => End::Stopping(StoreError::ShuttingDown),
            () = guest.removed() => {
                tracing::warn!("the credential of {} was removed: its stream ends", guest.principal());
                End::NotAllowed(passgate_kit::access::Refusal::NotThatService { known: false })
            }
            end = told => match end { Ok(never) => match never {}, Err(end) => end },
        };
        if matches!(end, End::Slow(_) | End::Behind) {
            self.counters.count(Counted::CutOff);
            let decider = registered.key();
            tracing::warn!(decider = %decider.id, "the stream of {} was cut off: {end}", decider.principal);
        }
        if !matches!(end, End::Gone) {
            outbox.close(end.into());
        }
    }
}

/// One stream's state.
struct Stream<'a> {
    changes: &'a Changes,
    guest: &'a Guest,
    registered: &'a Registered,
    outbox: &'a Outbox,
    /// The last change that was sent.
    at: Position,
    /// The latest nonce that has no echo yet.
    asked: Option<Asking>,
    /// Whether anything was sent since the last heartbeat was due.
    spoke: bool,
}

/// A nonce that waits for its echo.
#[derive(Clone, Copy, Debug)]
struct Asking {
    nonce: u64,
    arrived: Moment,
    /// Whether an echo was withheld already.
    withheld: bool,
}

impl<'a> Stream<'a> {
    fn new(
        changes: &'a Changes,
        guest: &'a Guest,
        registered: &'a Registered,
        outbox: &'a Outbox,
        at: Position,
    ) -> Self {
        Self { changes, guest, registered, outbox, at, asked: None, spoke: true }
    }

    async fn tell_begin(&mut self, identity: Option<Position>, resumed: bool) -> Result<(), End> {
        if resumed {
            self.changes.counters.count(Counted::Resumed);
        }
        let begin = told::Begin { position: Some(self.at.into()), identity: identity.map(Into::into), resumed };
        self.say(Message::Begin(begin)).await?;
        self.tell_keys().await
    }

    async fn run(&mut self, mut requests: Streaming<WatchChangesRequest>) -> Result<std::convert::Infallible, End> {
        let mut news = self.changes.log.news();
        let mut applied = self.changes.freshness.applied();
        let mut probes = news.borrow().probes;
        let mut beats = tokio::time::interval(HEARTBEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.tell_changes().await?;
            self.answer().await?;
            // Each branch is cancel safe: a message that was not taken, a ring that was not heard come again.
            tokio::select! {
                biased;
                request = requests.message() => match request {
                    Ok(Some(request)) => self.hear(request)?,
                    Ok(None) | Err(_) => return Err(End::Gone),
                },
                () = heard(&mut news) => {
                    let now = news.borrow_and_update().probes;
                    if std::mem::replace(&mut probes, now) != now {
                        self.say(Message::Probe(told::Probe {})).await?;
                    }
                }
                () = applied.changed(), if self.asked.is_some() => {}
                _ = beats.tick() => self.beat().await?,
            }
        }
    }

    /// Sends everything that the log has by now.
    async fn tell_changes(&mut self) -> Result<(), End> {
        loop {
            let entries = match self.changes.log.after(self.at.number, QUEUED) {
                Next::Changes(entries) if entries.is_empty() => return Ok(()),
                Next::Changes(entries) => entries,
                Next::Compacted => return Err(End::Behind),
                Next::Broken => return Err(End::Broken),
            };
            for entry in &entries {
                self.outbox.send(entry.message.clone()).await?;
                self.at = entry.position;
                if entry.touches_keys() {
                    self.tell_keys().await?;
                }
            }
            self.spoke = true;
            self.changes.counters.count(Counted::Changes(entries.len()));
            self.judge_after(&entries).await?;
        }
    }

    /// A token that opened the stream may not be good for it any more.
    async fn judge_after(&self, entries: &[Arc<Entry>]) -> Result<(), End> {
        match self.guest.holder() {
            Some(holder) if entries.iter().any(|entry| holder.is_touched_by(entry)) => {
                self.changes.guests.judge(holder).await
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn tell_keys(&mut self) -> Result<(), End> {
        let keys = (self.changes.keys_message)(&self.changes.keys);
        self.say(Message::Keys(keys)).await
    }

    /// A nonce, whose echo rests on evidence whose age is taken from now on.
    fn hear(&mut self, request: WatchChangesRequest) -> Result<(), End> {
        let Some(Asked::Nonce(Nonce { nonce, applied })) = request.message else {
            return Err(FieldViolations::one("nonce", "must be every message of the stream but the first").into());
        };
        let arrived = self.changes.ambient.moment();
        let applied = applied.as_ref().map(Position::try_from).transpose();
        let applied = applied.map_err(|error| FieldViolations::one("nonce.applied", error.to_string()))?;
        if let Some(applied) = applied
            && matches!(self.changes.log.find(&applied), Found::OtherFeed | Found::OtherHash)
        {
            return Err(End::Diverged);
        }
        self.registered.acknowledge(applied);
        self.asked = Some(Asking { nonce, arrived, withheld: false });
        Ok(())
    }

    /// Answers the latest nonce, if there is evidence; else it waits.
    async fn answer(&mut self) -> Result<(), End> {
        let Some(asking) = self.asked.as_mut() else { return Ok(()) };
        let Asking { nonce, arrived, .. } = *asking;
        let Some(fresh) = evidence(self.changes, self.registered) else {
            if !std::mem::replace(&mut asking.withheld, true) {
                self.changes.counters.count(Counted::Withheld);
            }
            return Ok(());
        };
        // What the evidence is about is in the log by now. All of that first, then the echo.
        self.tell_changes().await?;
        let Ok(age) = self.changes.freshness.age(fresh) else { return Ok(()) };
        self.asked = None;
        self.registered.leased(arrived); // before it is said
        self.changes.counters.count(Counted::Echo);
        self.say(Message::Echo(told::Echo {
            nonce,
            position: Some(self.at.into()),
            age: Some(told_age(age)),
            max_staleness: Some(told_age(self.changes.bound)),
        }))
        .await
    }

    async fn beat(&mut self) -> Result<(), End> {
        if let Some(holder) = self.guest.holder() {
            self.changes.guests.judge(holder).await?; // its time may be over
        }
        if !std::mem::replace(&mut self.spoke, false) {
            self.outbox.say(Message::Heartbeat(told::Heartbeat {})).await?;
        }
        Ok(())
    }

    async fn say(&mut self, message: Message) -> Result<(), End> {
        self.spoke = true;
        self.outbox.say(message).await
    }
}

/// Evidence that a lease of this decider may rest on; `None` if there is none.
fn evidence(changes: &Changes, registered: &Registered) -> Option<Fresh> {
    let own = changes.freshness.applied().evidence()?;
    registered.may_lease(own.asked).then_some(())?;
    changes.freshness.now().ok()
}

/// Ends with the next news. The log lives as long as the streams.
async fn heard(news: &mut watch::Receiver<News>) {
    if news.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
