//! Watches one replica of the token service: the stream's side of the decider.
//!
//! A nonce goes out when the stream begins, then several times within a lease, soon after changes were applied (it also
//! acknowledges them), and at once when the replica asks for it. The messages are worked off in order, so an echo is looked
//! at after everything before it. When the stream ends, says nothing for as long as a lease lasts, or does not go on where
//! the memory is, another is opened from there, after a pause that grows and is never the same twice.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use passgate_proto::token::v1::WatchChangesRequest;
use passgate_proto::token::v1::change_service_client::ChangeServiceClient;
use passgate_proto::token::v1::watch_changes_request::{self as ask, Message as Ask};
use passgate_proto::token::v1::watch_changes_response::{self as told, Message as Told};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::edge::read_keys;
use super::feed::{Applied, Begin, Begun};
use super::source::Shared;
use super::stats::count;
use super::streams::{Broken, Echo, StreamId};
use super::thing::Thing;
use crate::client::present;
use crate::convert::{Unreadable, read_age};
use crate::position::Position;
use crate::secret::SecretString;

/// A nonce goes out at least this often, and five times within the bound.
const SLOWEST: Duration = Duration::from_secs(1);
/// Changes that are applied within this time are acknowledged together.
const TOGETHER: Duration = Duration::from_millis(10);
/// Questions that wait to be sent; when there are more, the line is full and an older one is still on its way.
const OUTBOX: usize = 8;
/// The pauses before another stream is opened: the first, and what they grow to. Up to as much again is added by chance.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{}", .0.message())]
    Refused(#[from] Status),
    #[error("it did not answer within {0:?}")]
    NoAnswer(Duration),
    #[error("it said nothing for {0:?}")]
    Silent(Duration),
    #[error("it closed the stream")]
    Closed,
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("it said something that cannot be read: {0}")]
    Unreadable(#[from] Unreadable),
}

/// Watches one replica.
#[derive(Debug)]
pub(super) struct Watcher {
    shared: Arc<Shared>,
    channel: Channel,
    credential: Arc<SecretString>,
    is_watched: Arc<AtomicBool>,
}

/// When the next nonce is due, as far as the stream knows.
enum Due {
    InTime,
    Soon,
    Now,
}

impl Watcher {
    pub(super) fn new(
        shared: Arc<Shared>,
        channel: Channel,
        credential: Arc<SecretString>,
        is_watched: Arc<AtomicBool>,
    ) -> Self {
        Self { shared, channel, credential, is_watched }
    }

    /// Watches until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut pauses = self.pauses();
        loop {
            let ended = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                ended = self.watch() => ended,
            };
            let had_begun = self.is_watched.swap(false, Ordering::Relaxed);
            if had_begun {
                pauses = self.pauses();
            }
            tell(&ended, had_begun);
            let pause = pauses.next().unwrap_or(PAUSES.1);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sleep(pause) => count(&self.shared.counters.reconnects),
            }
        }
    }

    fn pauses(&self) -> impl Iterator<Item = Duration> + use<> {
        let mut seed = [0; 8];
        self.shared.ambient.fill(&mut seed);
        let (first, most) = PAUSES;
        let series = ExponentialBuilder::new().with_min_delay(first).with_max_delay(most).without_max_times();
        series.with_jitter().with_jitter_seed(u64::from_be_bytes(seed)).build()
    }

    /// One stream, from its opening to its end.
    async fn watch(&self) -> Ended {
        let (stream, since) = self.shared.core.open();
        let _closed = Closing { shared: &self.shared, stream };
        match self.follow(stream, since).await {
            Err(ended) => ended,
            Ok(never) => match never {},
        }
    }

    async fn follow(&self, stream: StreamId, since: Option<Position>) -> Result<std::convert::Infallible, Ended> {
        let (outbox, questions) = mpsc::channel(OUTBOX);
        outbox.try_send(self.start(since)).map_err(|_| Ended::Closed)?;
        let mut request = Request::new(ReceiverStream::new(questions));
        present(&self.credential, request.metadata_mut())?;
        let patience = self.shared.core.bound();
        let mut service = ChangeServiceClient::new(self.channel.clone());
        let answer = timeout(patience, service.watch_changes(request)).await;
        let mut messages = answer.map_err(|_| Ended::NoAnswer(patience))??.into_inner();

        let mut due = std::pin::pin!(sleep(SLOWEST));
        let mut silent = std::pin::pin!(sleep(patience));
        let mut last_nonce = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = &mut due => {
                    last_nonce = Instant::now();
                    self.send_nonce(stream, &outbox);
                    due.as_mut().reset(last_nonce + self.period());
                }
                // `message` is cancel safe: what was read of a message stays in the stream.
                message = messages.message() => {
                    let message = message?.and_then(|it| it.message).ok_or(Ended::Closed)?;
                    hasten(due.as_mut(), last_nonce, &self.take(stream, message)?);
                    silent.as_mut().reset(Instant::now() + self.shared.core.bound());
                }
                () = &mut silent => return Err(Ended::Silent(self.shared.core.bound())),
            }
        }
    }

    fn start(&self, since: Option<Position>) -> WatchChangesRequest {
        let settings = &self.shared.settings;
        let start = ask::Start {
            name: settings.name.clone(),
            decider_id: settings.id.to_string(),
            since: since.map(Into::into),
        };
        WatchChangesRequest { message: Some(Ask::Start(start)) }
    }

    fn period(&self) -> Duration {
        (self.shared.core.bound() / 5).min(SLOWEST)
    }

    /// Sends a nonce, unless the line is full.
    fn send_nonce(&self, stream: StreamId, outbox: &mpsc::Sender<WatchChangesRequest>) {
        let Ok(place) = outbox.try_reserve() else { return };
        // The moment is taken before it is sent.
        let Some(nonce) = self.shared.core.nonce(stream, self.shared.ambient.moment()) else { return };
        let nonce = ask::Nonce { nonce: nonce.nonce, applied: Some(nonce.applied.into()) };
        place.send(WatchChangesRequest { message: Some(Ask::Nonce(nonce)) });
    }

    /// Takes one message.
    fn take(&self, stream: StreamId, message: Told) -> Result<Due, Ended> {
        match message {
            Told::Begin(begin) => self.begin(stream, &begin),
            Told::Keys(keys) => {
                self.shared.core.tell_keys(stream, read_keys(&keys)?)?;
                Ok(Due::InTime)
            }
            Told::Change(change) => self.change(stream, &change),
            Told::Echo(echo) => self.echo(stream, &echo),
            Told::Heartbeat(told::Heartbeat {}) => Ok(Due::InTime),
            Told::Probe(told::Probe {}) => Ok(Due::Now),
        }
    }

    fn begin(&self, stream: StreamId, begin: &told::Begin) -> Result<Due, Ended> {
        let begin = Begin {
            position: needed(begin.position.as_ref())?,
            identity: begin.identity.as_ref().map(Position::try_from).transpose()?,
            resumed: begin.resumed,
        };
        let begun = self.shared.core.begin(stream, begin, self.shared.ambient.moment())?;
        self.is_watched.store(true, Ordering::Relaxed);
        let number = begin.position.number;
        match begun {
            Begun::GoesOn => tracing::info!(passgate.change = %number, "the change stream goes on after {number}"),
            Begun::StartedOver => {
                count(&self.shared.counters.started_over);
                self.shared.holds.stir();
                tracing::info!(passgate.change = %number, "the change stream begins after {number}, with an empty memory");
            }
        }
        Ok(Due::Now)
    }

    fn change(&self, stream: StreamId, change: &told::Change) -> Result<Due, Ended> {
        let position = needed(change.position.as_ref())?;
        let identity = change.identity.as_ref().map(Position::try_from).transpose()?;
        let touches: Vec<Thing> = change.touches.iter().map(|touch| Thing::parse(touch)).collect();
        let now = self.shared.ambient.moment();
        if self.shared.core.change(stream, position, &touches, identity, now)? == Applied::New {
            count(&self.shared.counters.changes);
            if !touches.is_empty() {
                self.shared.holds.stir();
            }
        }
        Ok(Due::Soon)
    }

    fn echo(&self, stream: StreamId, echo: &told::Echo) -> Result<Due, Ended> {
        let now = self.shared.ambient.moment();
        let echo = Echo {
            nonce: echo.nonce,
            position: needed(echo.position.as_ref())?,
            age: read_age(echo.age)?,
            max_staleness: read_age(echo.max_staleness).map_err(|_| Unreadable("max_staleness"))?,
        };
        let was_live = !self.shared.core.lease_left(now).is_zero();
        self.shared.core.echo(stream, echo, now)?;
        if !was_live {
            self.shared.holds.stir();
            self.shared.lease.send_replace(());
        }
        Ok(Due::InTime)
    }
}

/// Brings the next nonce forward, if it is due earlier than planned.
fn hasten(mut due: Pin<&mut Sleep>, last_nonce: Instant, wanted: &Due) {
    let at = match wanted {
        Due::InTime => return,
        Due::Soon => last_nonce + TOGETHER,
        Due::Now => Instant::now(),
    };
    if at < due.deadline() {
        due.as_mut().reset(at);
    }
}

fn needed(position: Option<&passgate_proto::r#type::v1::Position>) -> Result<Position, Unreadable> {
    position.ok_or(Unreadable("position"))?.try_into()
}

/// Ends the stream in the core's books, however it ends.
struct Closing<'a> {
    shared: &'a Shared,
    stream: StreamId,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.shared.core.close(self.stream);
    }
}

/// Logs the end of a stream: once where it had begun; of those that never begin, what somebody has to mend.
fn tell(ended: &Ended, had_begun: bool) {
    match ended {
        Ended::Refused(status) if matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied) => {
            tracing::warn!("the token service refuses this service's credential for the change stream: {ended}");
        }
        Ended::Broken(_) => tracing::info!("the change stream is opened anew: {ended}"),
        _ if had_begun => tracing::warn!("the change stream has ended, and is opened again: {ended}"),
        _ => tracing::debug!("the change stream does not begin: {ended}"),
    }
}
