//! What a stream has to say, on its way to whoever watches.
//!
//! The queue is short. A task waits for room for ten seconds and then gives up, so that a reader that does not read costs
//! this much memory and nobody else anything. Why the stream ended needs no room.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use parking_lot::Mutex;
use passgate_proto::r#type::v1::AuditEvent;
use tokio::sync::mpsc;
use tonic::Status;

use super::AuditError;

/// How many events wait for the reader.
pub(super) const QUEUED: usize = 64;
/// How long one waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The task's end.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: mpsc::Sender<AuditEvent>,
    last_word: Arc<Mutex<Option<Status>>>,
}

/// The reader's end: the changes, and at last why there are no more.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<AuditEvent>,
    last_word: Arc<Mutex<Option<Status>>>,
}

/// Both ends of a new queue.
pub(super) fn outbox() -> (Outbox, Events) {
    let (sender, receiver) = mpsc::channel(QUEUED);
    let last_word = Arc::default();
    (Outbox { queue: sender, last_word: Arc::clone(&last_word) }, Events { queue: receiver, last_word })
}

impl Outbox {
    /// Says one event.
    ///
    /// # Errors
    /// If the reader is gone, or reads nothing for ten seconds.
    pub(super) async fn say(&self, event: AuditEvent) -> Result<(), AuditError> {
        match tokio::time::timeout(PATIENCE, self.queue.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(AuditError::Gone),
            Err(_) => Err(AuditError::Slow(PATIENCE)),
        }
    }

    /// Ends once nobody reads any more. Cancel safe.
    pub(super) async fn closed(&self) {
        self.queue.closed().await;
    }

    /// Ends the stream, with a reason.
    pub(super) fn close(self, why: AuditError) {
        if !matches!(why, AuditError::Gone) {
            *self.last_word.lock() = Some(why.into());
        }
    }
}

impl Stream for Events {
    type Item = Result<AuditEvent, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match ready!(self.queue.poll_recv(cx)) {
            Some(event) => Poll::Ready(Some(Ok(event))),
            None => Poll::Ready(self.last_word.lock().take().map(Err)),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_does_not_read_is_cut_off_after_ten_seconds_and_the_queue_stays_short() {
        let (outbox, events) = outbox();
        for _ in 0..QUEUED {
            outbox.say(AuditEvent::default()).await.expect("room");
        }
        let before = tokio::time::Instant::now();

        let refused = outbox.say(AuditEvent::default()).await.expect_err("no room");

        assert!(matches!(refused, AuditError::Slow(_)), "{refused:?}");
        assert_eq!(before.elapsed(), PATIENCE);
        outbox.close(refused);
        let told: Vec<_> = events.collect().await;
        assert_eq!(told.len(), QUEUED + 1, "what waited, and why it ended");
        assert!(told.last().is_some_and(Result::is_err));
    }

    #[tokio::test]
    async fn a_reader_that_went_is_noticed() {
        let (outbox, events) = outbox();
        drop(events);

        assert!(matches!(outbox.say(AuditEvent::default()).await, Err(AuditError::Gone)));
        outbox.closed().await;
    }
}
