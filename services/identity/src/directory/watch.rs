//! One stream to the token service.

use std::time::Duration;

use passgate_kit::access::Refusal;
use passgate_kit::caller::ServicePeer;
use passgate_kit::client::{Moment, Position};
use passgate_kit::feed::{BREAK_CURE, Break, Page, ReadError, head, read_current};
use passgate_kit::problem::to_status;
use passgate_kit::store::{Store, StoreError};
use passgate_proto::identity::v1::watch_principals_request::{self, Nonce};
use passgate_proto::identity::v1::watch_principals_response::{
    Echo, Message, SnapshotBegin, SnapshotChunk, SnapshotEnd,
};
use passgate_proto::identity::v1::{WatchPrincipalsRequest, WatchPrincipalsResponse};
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::{Directory, change, group_record, principal_record};
use crate::store::rows;

/// How often the feed is read when nothing wakes the stream.
const POLL: Duration = Duration::from_millis(200);
/// How many principals or groups are read at a time.
const READ: u64 = 500;
/// How long a part of a snapshot may be: a message may have 4 MiB, and one record has at most some 100 KiB.
const PART_BYTES: usize = 1024 * 1024;
/// What a record takes in its message besides itself, at most.
const FRAMING: usize = 8;
/// How long a message may wait for a reader that does not read.
const SLOW_READER: Duration = Duration::from_secs(10);

/// Where the messages go.
pub type Sender = mpsc::Sender<Result<WatchPrincipalsResponse, Status>>;

/// Why a stream ends.
#[derive(Debug)]
enum End {
    /// The reader went, or does not read.
    Gone,
    /// It is told why.
    Told(Status),
}

impl From<ReadError> for End {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Break(broken) => Self::Told(Status::data_loss(broken.to_string())),
            ReadError::Store(error) => Self::Told(error.into()),
        }
    }
}

/// Runs a stream of `reader` to its end: `since` is what the reader said first. It ends with the reader's credential.
pub async fn watch(
    directory: Directory,
    reader: ServicePeer,
    since: Option<Position>,
    requests: Streaming<WatchPrincipalsRequest>,
    sender: Sender,
) {
    let stop = directory.stop.clone();
    let stream = Stream { store: directory.store, sender: sender.clone(), asked: None };
    // Stopping in the middle leaves a prefix of the stream, from which the reader goes on elsewhere.
    let end = tokio::select! {
        biased;
        () = stop.cancelled() => End::Told(StoreError::ShuttingDown.into()),
        () = directory.accepted.until_removed(&reader) => {
            tracing::warn!("the credential of {} was removed: its stream ends", reader.instance);
            End::Told(to_status(&Refusal::NotThatService { known: false }))
        }
        end = stream.run(since, requests) => end,
    };
    if let End::Told(status) = end {
        let _ = tokio::time::timeout(SLOW_READER, sender.send(Err(status))).await;
    }
}

struct Stream {
    store: Store,
    sender: Sender,
    /// The latest nonce that has no echo yet.
    asked: Option<Nonce>,
}

impl Stream {
    async fn run(mut self, since: Option<Position>, mut requests: Streaming<WatchPrincipalsRequest>) -> End {
        let mut wake = self.store.wake();
        let mut at = match self.start(since).await {
            Ok(at) => at,
            Err(end) => return end,
        };
        loop {
            match self.advance(&mut at).await {
                Ok(true) => {}
                Ok(false) => continue, // there is more to read
                Err(end) => return end,
            }
            // Each branch is cancel safe: a message that was not taken, a ring that was not heard come again.
            tokio::select! {
                biased;
                request = requests.message() => match request {
                    Ok(Some(request)) => self.ask(request),
                    Ok(None) | Err(_) => return End::Gone,
                },
                () = wake.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// A nonce, whose echo rests on what is read from now on.
    fn ask(&mut self, request: WatchPrincipalsRequest) {
        if let Some(watch_principals_request::Message::Nonce(nonce)) = request.message {
            self.asked = Some(nonce);
        }
    }

    /// Goes on after `since` if the feed still has it, and starts over with a snapshot otherwise.
    async fn start(&self, since: Option<Position>) -> Result<Position, End> {
        if let Some(since) = since {
            match read_current(&self.store, since).await {
                Ok(_) => return Ok(since),
                Err(ReadError::Break(broken @ Break::OtherFeed { .. })) => {
                    tracing::warn!("the token service's copy is of another feed, and starts over: {broken}");
                }
                // This feed, and the copy has more of it: a restore that nobody announced. What was taken away and is
                // forgotten must not come back by itself, so there is no copy and no lease until the feed is adopted.
                Err(ReadError::Break(broken)) => {
                    tracing::error!(
                        "the database went back, as the token service's copy shows: {broken}: {BREAK_CURE}"
                    );
                    return Err(End::Told(Status::data_loss(format!("{broken}: {BREAK_CURE}"))));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.snapshot().await
    }

    async fn snapshot(&self) -> Result<Position, End> {
        let sender = self.sender.clone();
        let sent = self.store.snapshot(move |txn| Box::pin(async move { snapshot(txn, &sender).await }));
        sent.await.map_err(|error| match error {
            SnapshotError::Gone => End::Gone,
            SnapshotError::Store(error) => End::Told(error.into()),
        })
    }

    /// Reads on once, and sends what was read, and the echo if it reached the head. False if there is more.
    async fn advance(&mut self, at: &mut Position) -> Result<bool, End> {
        let nonce = self.asked;
        let began = self.store.ambient().moment(); // before the statement is sent, after the nonce arrived
        let page = match read_current(&self.store, *at).await {
            Ok(page) => page,
            Err(ReadError::Store(error)) => {
                tracing::warn!("the directory does not read on: {error}");
                tokio::time::sleep(POLL).await;
                return Ok(true); // no evidence, no echo
            }
            Err(error) => return Err(error.into()),
        };
        let reached = page.reaches_head(at);
        let head = page.head;
        self.send_changes(page, at).await?;
        if let Some(nonce) = nonce.filter(|_| reached) {
            self.asked = None;
            self.echo(nonce, head, began).await?;
        }
        Ok(reached)
    }

    async fn send_changes(&self, page: Page, at: &mut Position) -> Result<(), End> {
        for row in page.rows {
            let position = row.position;
            let change = change(row).map_err(|error| {
                End::Told(StoreError::unreadable(format!("change {} of the feed: {error}", position.number)).into())
            })?;
            send(&self.sender, Message::Change(change)).await.map_err(|_| End::Gone)?;
            *at = position;
        }
        Ok(())
    }

    async fn echo(&self, nonce: Nonce, head: Position, began: Moment) -> Result<(), End> {
        let age = self.store.ambient().moment().since(began);
        let echo =
            Echo { nonce: nonce.nonce, position: Some(head.into()), age: prost_types::Duration::try_from(age).ok() };
        send(&self.sender, Message::Echo(echo)).await.map_err(|_| End::Gone)
    }
}

enum SnapshotError {
    Gone,
    Store(StoreError),
}

impl From<StoreError> for SnapshotError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// All principals and groups, and the head that they are true for.
async fn snapshot(txn: &sea_orm::DatabaseTransaction, sender: &Sender) -> Result<Position, SnapshotError> {
    let as_of = head(txn).await?;
    let gone = |_| SnapshotError::Gone;
    send(sender, Message::SnapshotBegin(SnapshotBegin { as_of: Some(as_of.into()) })).await.map_err(gone)?;
    let mut parts = Parts { sender, part: SnapshotChunk::default(), bytes: 0 };
    let mut after = String::new();
    loop {
        let found = rows::groups_after(txn, &after, READ).await?;
        let Some(last) = found.last() else { break };
        after = last.group.clone();
        for group in found.into_iter().map(group_record) {
            parts.make_room(group.encoded_len()).await?;
            parts.part.groups.push(group);
        }
    }
    after.clear();
    loop {
        let found = rows::principals_after(txn, &after, READ).await?;
        let Some(last) = found.last() else { break };
        after = last.principal.clone();
        for principal in found.into_iter().map(principal_record) {
            parts.make_room(principal.encoded_len()).await?;
            parts.part.principals.push(principal);
        }
    }
    parts.send().await?;
    send(sender, Message::SnapshotEnd(SnapshotEnd {})).await.map_err(gone)?;
    Ok(as_of)
}

/// The parts of a snapshot, each sent once the next record would make it too long.
struct Parts<'a> {
    sender: &'a Sender,
    part: SnapshotChunk,
    bytes: usize,
}

impl Parts<'_> {
    /// Makes room for a record of `bytes`.
    async fn make_room(&mut self, bytes: usize) -> Result<(), SnapshotError> {
        let bytes = bytes.saturating_add(FRAMING);
        if self.bytes.saturating_add(bytes) > PART_BYTES {
            self.send().await?;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    /// Sends what there is, if there is anything.
    async fn send(&mut self) -> Result<(), SnapshotError> {
        self.bytes = 0;
        let part = std::mem::take(&mut self.part);
        if part == SnapshotChunk::default() {
            return Ok(());
        }
        send(self.sender, Message::SnapshotChunk(part)).await.map_err(|NotSent| SnapshotError::Gone)
    }
}

/// The reader is gone, or reads nothing.
struct NotSent;

async fn send(sender: &Sender, message: Message) -> Result<(), NotSent> {
    let message = Ok(WatchPrincipalsResponse { message: Some(message) });
    match tokio::time::timeout(SLOW_READER, sender.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(NotSent),
    }
}
