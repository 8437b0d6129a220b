//! Decisions from memory, and from the token service where memory cannot say.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Channel;

use super::core::Core;
use super::flight::Flights;
use super::held::{Hold, Holds};
use super::known::{Answer, Asked};
use super::replica::{Replica, Replicas};
use super::settings::Settings;
use super::stats::{Counters, Stats, count, read};
use super::watch::Watcher;
use crate::ambient::Ambient;
use crate::client::DecisionClient;
use crate::decision::{Decision, Question};
use crate::mark::{ChangeMark, MarkKey};
use crate::position::Vector;
use crate::secret::SecretString;
use crate::source::{DecisionSource, Undecidable};

/// What a decider is made of.
#[derive(Debug)]
pub struct Parts {
    /// One channel to each replica of the token service.
    pub replicas: Vec<Channel>,
    /// The credential that it asks and watches with.
    pub service_credential: Arc<SecretString>,
    /// The installation's key for change marks. Without it a question with a mark is asked each time.
    pub marks: Option<Arc<MarkKey>>,
    /// Clock and randomness.
    pub ambient: Ambient,
    /// The rest.
    pub settings: Settings,
}

/// Decides from memory what it can, and asks for the rest. Clones share the memory.
///
/// Three ways to use it, from the quickest:
/// - [`cached`](Self::cached) looks into memory: no allocation, no waiting;
/// - [`answer`](Self::answer) asks where that says nothing;
/// - as a [`DecisionSource`] it gives whole decisions.
#[derive(Clone, Debug)]
pub struct CachedDecisions(pub(super) Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) core: Core,
    pub(super) replicas: Replicas,
    pub(super) flights: Arc<Flights>,
    marks: Option<Arc<MarkKey>>,
    pub(super) ambient: Ambient,
    pub(super) settings: Settings,
    pub(super) counters: Counters,
    pub(super) holds: Holds,
    /// The flights under way.
    pub(super) tasks: TaskTracker,
    pub(super) lease: tokio::sync::watch::Sender<()>,
}

/// The work behind a [`CachedDecisions`]: watching every replica, and waking open streams. Nothing is fresh without it.
#[derive(Debug)]
pub struct Watching {
    shared: Arc<Shared>,
    watchers: Vec<Watcher>,
}

impl CachedDecisions {
    /// A decider that knows nothing yet, and the work that has to run for it.
    #[must_use]
    pub fn new(parts: Parts) -> (Self, Watching) {
        let Parts { replicas: channels, service_credential, marks, ambient, settings } = parts;
        let client = |channel: &Channel| {
            DecisionClient::new(
                channel.clone(),
                Arc::clone(&service_credential),
                ambient.clone(),
                settings.max_staleness,
            )
        };
        let replica = |channel| Replica { client: client(channel), is_watched: Arc::default() };
        let replicas = Replicas(channels.iter().map(replica).collect());
        let watched: Vec<_> = replicas.0.iter().map(|replica| Arc::clone(&replica.is_watched)).collect();
        let shared = Arc::new(Shared {
            core: Core::new(&settings),
            replicas,
            flights: Arc::default(),
            marks,
            ambient,
            settings,
            counters: Counters::default(),
            holds: Holds::default(),
            tasks: TaskTracker::new(),
            lease: tokio::sync::watch::Sender::new(()),
        });
        let watcher = |(channel, is_watched)| {
            Watcher::new(Arc::clone(&shared), channel, Arc::clone(&service_credential), is_watched)
        };
        let watchers = channels.into_iter().zip(watched).map(watcher).collect();
        (Self(Arc::clone(&shared)), Watching { shared, watchers })
    }

    /// The decision in memory, if it may be used now; within a bound of the use's own, if it has one. It counts for this
    /// instant: after any wait, ask [`is_good`](Self::is_good) again, last of all before the first byte goes on.
    #[must_use]
    pub fn cached(&self, asked: &Asked<'_>, bound: Option<Duration>) -> Option<Answer> {
        let answer = self.0.core.look_up(asked, self.0.ambient.moment(), bound)?;
        count(&self.0.counters.hits);
        Some(answer)
    }

    /// The decision, from memory or from the token service.
    ///
    /// # Errors
    /// If it cannot be known.
    pub async fn answer(&self, question: &Question, bound: Option<Duration>) -> Result<Answer, Undecidable> {
        let mark = self.read_mark(question)?;
        let digest = question.token.digest();
        let known_mark = match &mark {
            Mark::None => None,
            Mark::Read(vector) => Some(vector),
            Mark::Sealed => return self.find(question, digest, None, bound).await,
        };
        match self.cached(&Asked::of(question, &digest, known_mark), bound) {
            Some(answer) => Ok(answer),
            None => self.find(question, digest, known_mark, bound).await,
        }
    }

    /// Whether an answer that is in hand may still be used.
    #[must_use]
    pub fn is_good(&self, answer: &Answer, bound: Option<Duration>) -> bool {
        self.0.core.is_good(answer, self.0.ambient.moment(), bound)
    }

    /// Holds an open stream to the answer that let it begin (rule 9).
    #[must_use]
    pub fn hold(&self, question: Question, answer: Answer, bound: Option<Duration>) -> Hold {
        Hold::new(self.clone(), question, answer, bound)
    }

    /// The core, for who drives or examines it.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.0.core
    }

    /// Whether there is a live lease: whether it is ready.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.0.core.lease_left(self.0.ambient.moment()).is_zero()
    }

    /// Waits for a live lease.
    pub async fn live(&self) {
        let mut renewed = self.0.lease.subscribe();
        while !self.is_live() {
            if renewed.changed().await.is_err() {
                return; // never: the sender is in `self`
            }
        }
    }

    /// How it does.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Shared { core, counters, .. } = &*self.0;
        let (now, memory) = (self.0.ambient.moment(), core.memory());
        Stats {
            lease_left: core.lease_left(now),
            evidence_age: core.evidence_age(now),
            position: core.position().token,
            changes: read(&counters.changes),
            hits: read(&counters.hits),
            misses: read(&counters.misses),
            asks: read(&counters.asks),
            asked_again: read(&counters.asked_again),
            asks_in_flight: number(self.0.flights.count()),
            undecidable: read(&counters.undecidable),
            refused_at_the_edge: read(&counters.refused_at_the_edge),
            bytes: memory.bytes,
            entries: memory.entries,
            evictions: memory.evictions,
            streams: number(core.streams()),
            reconnects: read(&counters.reconnects),
            started_over: read(&counters.started_over),
            held: number(self.0.holds.count()),
            stalls: read(&counters.stalls),
            ended: read(&counters.ended),
        }
    }

    fn read_mark(&self, question: &Question) -> Result<Mark, Undecidable> {
        match (&question.at_least, &self.0.marks) {
            (None, _) => Ok(Mark::None),
            (Some(_), None) => Ok(Mark::Sealed),
            (Some(text), Some(key)) => ChangeMark::decode(text, key).map(Mark::Read).map_err(|error| {
                Undecidable::BadQuestion(Box::new(tonic::Status::invalid_argument(error.to_string())))
            }),
        }
    }
}

/// The change mark of a question.
enum Mark {
    None,
    Read(Vector),
    /// There is one, and no key to read it with.
    Sealed,
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[tonic::async_trait]
impl DecisionSource for CachedDecisions {
    async fn decide(&self, question: &Question) -> Result<Decision, Undecidable> {
        self.answer(question, None).await.map(|answer| answer.to_decision())
    }
}

impl Watching {
    /// Works until `stop`, and then until the questions that are being asked have ended.
    pub async fn run(self, stop: CancellationToken) {
        let Self { shared, watchers } = self;
        let watching = futures_util::future::join_all(watchers.into_iter().map(|watcher| watcher.run(stop.clone())));
        tokio::join!(watching, shared.holds.wake(&shared, &stop));
        shared.tasks.close();
        shared.tasks.wait().await;
    }
}
