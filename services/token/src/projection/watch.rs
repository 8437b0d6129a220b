//! Watches the identity service: writes what it tells, and keeps this replica's lease.
//!
//! A nonce goes out every half second, and what is said about freshness counts from when it went out. The stream's messages
//! are worked off in order, so an echo is looked at after everything before it was written. When the stream ends, or says
//! nothing for a while, it begins anew where the copy stands.

use std::collections::VecDeque;
use std::time::Duration;

use passgate_kit::client::{Ambient, Moment, Position, TokenId};
use passgate_proto::identity::v1 as pb;
use passgate_proto::identity::v1::watch_principals_request as ask;
use passgate_proto::identity::v1::watch_principals_response::{self as told, Message};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::apply::{Applier, ApplyError, IdentityChange};
use super::directory::{Directory, position, unreadable};
use super::record::{GroupRecord, PrincipalRecord};
use crate::memory::IdentityLease;

/// How often a nonce is sent.
const NONCE_EVERY: Duration = Duration::from_millis(500);
/// A stream that says nothing for this long is begun anew: an echo was due long ago.
const SILENCE: Duration = Duration::from_secs(5);
/// Nonces that are waited for at most.
const MAX_WAITING: usize = 64;
/// How long it waits before it tries again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{}", .0.message())]
    Stream(#[from] Status),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("it said nothing for {SILENCE:?}")]
    Silent,
    #[error("it closed the stream")]
    Closed,
}

/// Watches.
#[derive(Debug)]
pub struct Watcher {
    directory: Directory,
    applier: Applier,
    lease: IdentityLease,
    ambient: Ambient,
}

/// One stream's state.
struct Watching {
    since: Option<Position>,
    snapshot: Option<Snapshot>,
    sent: VecDeque<(u64, Moment)>,
    next_nonce: u64,
}

struct Snapshot {
    as_of: Position,
    principals: Vec<PrincipalRecord>,
    groups: Vec<GroupRecord>,
}

impl Watcher {
    /// Writes what `directory` tells by `applier`, and keeps `lease`.
    #[must_use]
    pub const fn new(directory: Directory, applier: Applier, lease: IdentityLease, ambient: Ambient) -> Self {
        Self { directory, applier, lease, ambient }
    }

    /// Watches until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = PAUSE.0;
        loop {
            let mut heard = false;
            // What is under way when it stops was either committed, or comes again at the next start.
            let ended = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Err(ended) = self.watch(&mut heard) => ended,
            };
            if heard {
                pause = PAUSE.0;
            }
            tracing::warn!("the identity service is not followed; trying again: {ended}");
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// One stream, to its end.
    async fn watch(&self, heard: &mut bool) -> Result<std::convert::Infallible, Ended> {
        let since = self.applier.position().await.map_err(ApplyError::from)?;
        let (questions, outbox) = mpsc::channel(4);
        let start = ask::Start { since: since.map(Into::into) };
        let start = pb::WatchPrincipalsRequest { message: Some(ask::Message::Start(start)) };
        questions.try_send(start).map_err(|_| Ended::Closed)?;
        let mut stream = self.directory.watch(ReceiverStream::new(outbox)).await?;

        let mut watching = Watching { since, snapshot: None, sent: VecDeque::new(), next_nonce: 1 };
        let mut ticks = tokio::time::interval(NONCE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut silent = std::pin::pin!(tokio::time::sleep(SILENCE));
        loop {
            tokio::select! {
                biased;
                () = &mut silent => return Err(Ended::Silent),
                _ = ticks.tick() => self.ask(&mut watching, &questions),
                // `message` is cancel safe: what was read of a message stays in the stream.
                message = next(&mut stream) => {
                    self.take(&mut watching, message?).await?;
                    *heard = true;
                    silent.as_mut().reset(tokio::time::Instant::now() + SILENCE);
                }
            }
        }
    }

    /// Sends a nonce, unless the line is full: then an older one is still on its way.
    fn ask(&self, watching: &mut Watching, questions: &mpsc::Sender<pb::WatchPrincipalsRequest>) {
        let sent = self.ambient.moment(); // before it is sent
        let nonce = watching.next_nonce;
        let applied = self.lease.position().map_or(0, |position| position.number.0);
        let message = Some(ask::Message::Nonce(ask::Nonce { nonce, applied }));
        if questions.try_send(pb::WatchPrincipalsRequest { message }).is_ok() {
            watching.next_nonce = nonce.saturating_add(1);
            if watching.sent.len() == MAX_WAITING {
                watching.sent.pop_front();
            }
            watching.sent.push_back((nonce, sent));
        }
    }

    async fn take(&self, watching: &mut Watching, message: Message) -> Result<(), Ended> {
        match message {
            Message::SnapshotBegin(begin) => {
                let as_of = position(begin.as_of.as_ref())?;
                watching.snapshot = Some(Snapshot { as_of, principals: Vec::new(), groups: Vec::new() });
            }
            Message::SnapshotChunk(chunk) => watching.collect(&chunk)?,
            Message::SnapshotEnd(told::SnapshotEnd {}) => {
                let snapshot =
                    watching.snapshot.take().ok_or_else(|| unreadable("a snapshot ends that did not begin"))?;
                let Snapshot { as_of, principals, groups } = snapshot;
                self.applier.snapshot(watching.since, as_of, principals, groups).await?;
                watching.since = Some(as_of);
            }
            Message::Change(change) => {
                let change = read_change(&change)?;
                let position = change.position;
                self.applier.change(change).await?;
                watching.since = Some(position);
            }
            Message::Echo(echo) => self.echoed(watching, &echo)?,
        }
        Ok(())
    }

    fn echoed(&self, watching: &mut Watching, echo: &told::Echo) -> Result<(), Ended> {
        let position = position(echo.position.as_ref())?;
        let age =
            echo.age.and_then(|age| Duration::try_from(age).ok()).ok_or_else(|| unreadable("an echo without age"))?;
        while let Some((nonce, sent)) = watching.sent.pop_front() {
            if nonce == echo.nonce {
                self.lease.echoed(position, sent, age);
                break;
            }
            if nonce > echo.nonce {
                watching.sent.push_front((nonce, sent)); // an echo of what was never asked, or twice: says nothing
                break;
            }
        }
        Ok(())
    }
}

impl Watching {
    fn collect(&mut self, chunk: &told::SnapshotChunk) -> Result<(), Ended> {
        let snapshot = self.snapshot.as_mut().ok_or_else(|| unreadable("a part of a snapshot that did not begin"))?;
        for record in &chunk.principals {
            snapshot.principals.push(PrincipalRecord::try_from(record).map_err(unreadable)?);
        }
        for record in &chunk.groups {
            snapshot.groups.push(GroupRecord::try_from(record).map_err(unreadable)?);
        }
        Ok(())
    }
}

async fn next(stream: &mut Streaming<pb::WatchPrincipalsResponse>) -> Result<Message, Ended> {
    let message = stream.message().await?.ok_or(Ended::Closed)?;
    Ok(message.message.ok_or_else(|| unreadable("a message of a kind that is not known here"))?)
}

fn read_change(change: &told::PrincipalChange) -> Result<IdentityChange, Status> {
    let principals = change.principals.iter().map(PrincipalRecord::try_from).collect::<Result<_, _>>();
    let groups = change.groups.iter().map(GroupRecord::try_from).collect::<Result<_, _>>();
    let committed = change.committed_token_ids.iter().map(|id| TokenId::parse(id)).collect::<Result<_, _>>();
    Ok(IdentityChange {
        position: position(change.position.as_ref())?,
        principals: principals.map_err(unreadable)?,
        groups: groups.map_err(unreadable)?,
        committed: committed.map_err(unreadable)?,
        actor: change.actor.clone(),
    })
}
