//! What a stream's task has to say, on its way to the decider.
//!
//! The queue is short and bounded. A task waits for room for a while and then gives up, so that a decider that does not
//! read costs this much memory, a task for ten seconds, and nobody else anything. Why the stream ended needs no room.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use parking_lot::Mutex;
use passgate_proto::token::v1::WatchChangesResponse;
use passgate_proto::token::v1::watch_changes_response::Message;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tonic::Status;

use super::end::End;

/// How many messages wait for the reader.
pub const QUEUED: usize = 64;
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// The task's end.
#[derive(Debug)]
pub struct Outbox {
    queue: mpsc::Sender<WatchChangesResponse>,
    last_word: Arc<Mutex<Option<Status>>>,
}

/// The decider's end.
#[derive(Debug)]
pub struct Messages {
    queue: mpsc::Receiver<WatchChangesResponse>,
    last_word: Arc<Mutex<Option<Status>>>,
}

/// Both ends of a new queue.
#[must_use]
pub fn outbox() -> (Outbox, Messages) {
    let (sender, receiver) = mpsc::channel(QUEUED);
    let last_word = Arc::default();
    (Outbox { queue: sender, last_word: Arc::clone(&last_word) }, Messages { queue: receiver, last_word })
}

impl Outbox {
    /// Says something.
    ///
    /// # Errors
    /// If the decider is gone, or reads nothing for ten seconds.
    pub async fn say(&self, message: Message) -> Result<(), End> {
        self.send(WatchChangesResponse { message: Some(message) }).await
    }

    /// Sends a message that is ready.
    ///
    /// # Errors
    /// As [`Outbox::say`].
    pub async fn send(&self, message: WatchChangesResponse) -> Result<(), End> {
        let message = match self.queue.try_send(message) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(End::Gone),
            Err(TrySendError::Full(message)) => message,
        };
        match tokio::time::timeout(PATIENCE, self.queue.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Slow(PATIENCE)),
        }
    }

    /// Ends the stream, with a reason.
    pub fn close(self, why: Status) {
        *self.last_word.lock() = Some(why);
    }
}

impl Stream for Messages {
    type Item = Result<WatchChangesResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match ready!(self.queue.poll_recv(cx)) {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None => Poll::Ready(self.last_word.lock().take().map(Err)),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use passgate_proto::token::v1::watch_changes_response::Heartbeat;

    use super::*;

    fn heartbeat() -> Message {
        Message::Heartbeat(Heartbeat {})
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_does_not_read_is_given_up_after_ten_seconds_and_the_queue_stays_short() {
        let (outbox, messages) = outbox();
        for _ in 0..QUEUED {
            outbox.say(heartbeat()).await.expect("room");
        }
        let before = tokio::time::Instant::now();

        let refused = outbox.say(heartbeat()).await;

        assert!(matches!(refused, Err(End::Slow(_))), "{refused:?}");
        assert_eq!(before.elapsed(), PATIENCE);
        outbox.close(Status::unavailable("slow"));
        let told: Vec<_> = messages.collect().await;
        assert_eq!(told.len(), QUEUED + 1, "what waited, and why it ended");
        assert!(told.last().is_some_and(Result::is_err));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_reads_late_misses_nothing() {
        let (outbox, mut messages) = outbox();
        for _ in 0..QUEUED {
            outbox.say(heartbeat()).await.expect("room");
        }

        let (said, read) = tokio::join!(outbox.say(heartbeat()), async {
            tokio::time::sleep(PATIENCE / 2).await;
            messages.next().await
        });

        assert!(said.is_ok() && read.is_some_and(|read| read.is_ok()));
    }

    #[tokio::test]
    async fn a_reader_that_went_is_noticed() {
        let (outbox, messages) = outbox();
        drop(messages);

        assert!(matches!(outbox.say(heartbeat()).await, Err(End::Gone)));
    }
}
