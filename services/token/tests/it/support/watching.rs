//! A decider, as far as the stream of changes goes.

use std::time::Duration;

use passgate_proto::token::v1 as pb;
use passgate_proto::token::v1::change_service_client::ChangeServiceClient;
use passgate_proto::token::v1::watch_changes_request::{Message as Say, Nonce, Start};
use passgate_proto::token::v1::watch_changes_response::{Begin, Change, Echo, Keys, Message as Told};
use passgate_proto::r#type::v1::Position;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use uuid::Uuid;

use super::Replica;
use super::calls::with_service;

/// How long a test waits for something that is to come.
pub const SOON: Duration = Duration::from_secs(20);

/// A stream of changes that is open.
pub struct Watching {
    pub begin: Begin,
    pub keys: Keys,
    /// The last position that came.
    pub at: Position,
    /// The changes that came, oldest first.
    pub changes: Vec<Change>,
    stream: Streaming<pb::WatchChangesResponse>,
    questions: mpsc::Sender<pb::WatchChangesRequest>,
    nonce: u64,
}

/// What a decider says first.
pub fn start(name: &str, id: u128, since: Option<Position>) -> Start {
    Start { name: name.to_owned(), decider_id: Uuid::from_u128(id).to_string(), since }
}

/// Opens a stream, with whatever credential `request` makes it with.
pub async fn open(
    channel: Channel,
    start: Start,
    request: impl FnOnce(ReceiverStream<pb::WatchChangesRequest>) -> Request<ReceiverStream<pb::WatchChangesRequest>>,
) -> Result<(Streaming<pb::WatchChangesResponse>, mpsc::Sender<pb::WatchChangesRequest>), Status> {
    let (questions, outbox) = mpsc::channel(16);
    questions.try_send(pb::WatchChangesRequest { message: Some(Say::Start(start)) }).expect("room");
    let stream = ChangeServiceClient::new(channel).watch_changes(request(ReceiverStream::new(outbox))).await?;
    Ok((stream.into_inner(), questions))
}

impl Replica {
    /// Watches as a service.
    pub async fn watch(&self, credential: &str, start: Start) -> Watching {
        let opened = open(self.channel.clone(), start, |questions| with_service(credential, questions)).await;
        Watching::begin(opened.expect("a stream")).await
    }

    /// A connection of its own, which takes no more than `window` bytes that are not read.
    pub fn small_channel(&self, window: u32) -> Channel {
        let address = self.running.addresses[0].1;
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
        endpoint.initial_stream_window_size(window).connect_lazy()
    }
}

impl Watching {
    pub async fn begin(
        (stream, questions): (Streaming<pb::WatchChangesResponse>, mpsc::Sender<pb::WatchChangesRequest>),
    ) -> Self {
        let mut watching = Self {
            begin: Begin::default(),
            keys: Keys::default(),
            at: Position::default(),
            changes: Vec::new(),
            stream,
            questions,
            nonce: 0,
        };
        let Told::Begin(begin) = watching.next().await.expect("it begins") else { panic!("begin comes first") };
        watching.at = begin.position.clone().expect("a position");
        watching.begin = begin;
        let Told::Keys(_) = watching.next().await.expect("keys") else { panic!("keys come next") };
        watching
    }

    /// The next message, or why there is none.
    pub async fn next(&mut self) -> Result<Told, Status> {
        let next = tokio::time::timeout(SOON, self.stream.message()).await.expect("something comes soon");
        let told = next?.ok_or_else(|| Status::ok("it ended"))?.message.expect("a message");
        match &told {
            Told::Change(change) => {
                let position = change.position.clone().expect("a position");
                assert_eq!(position.number, self.at.number + 1, "no holes");
                self.at = position;
                self.changes.push(change.clone());
            }
            Told::Keys(keys) => self.keys = keys.clone(),
            _ => {}
        }
        Ok(told)
    }

    /// The next change, whatever else comes.
    pub async fn change(&mut self) -> Change {
        loop {
            if let Told::Change(change) = self.next().await.expect("a change") {
                return change;
            }
        }
    }

    /// Reads on until a change touches `thing`.
    pub async fn until_touched(&mut self, thing: &str) -> Change {
        loop {
            let change = self.change().await;
            if change.touches.iter().any(|touch| touch == thing) {
                return change;
            }
        }
    }

    /// Reads on until the stream ends.
    pub async fn end(mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }

    /// Says a nonce, with everything acknowledged that came.
    pub async fn say_nonce(&mut self) -> u64 {
        let applied = Some(self.at.clone());
        self.say(applied).await
    }

    /// Says a nonce with this acknowledged.
    pub async fn say(&mut self, applied: Option<Position>) -> u64 {
        self.nonce += 1;
        let nonce = Nonce { nonce: self.nonce, applied };
        let message = pb::WatchChangesRequest { message: Some(Say::Nonce(nonce)) };
        self.questions.send(message).await.expect("the stream is open");
        self.nonce
    }

    /// A lease: says a nonce and waits for its echo.
    pub async fn lease(&mut self) -> Echo {
        let nonce = self.say_nonce().await;
        loop {
            if let Told::Echo(echo) = self.next().await.expect("an echo")
                && echo.nonce == nonce
            {
                return echo;
            }
        }
    }

    /// Whether an echo comes before `beats` heartbeats do.
    pub async fn is_echoed_within(&mut self, beats: usize) -> bool {
        let mut heard = 0;
        while heard < beats {
            match self.next().await.expect("it goes on") {
                Told::Echo(_) => return true,
                Told::Heartbeat(_) => heard += 1,
                _ => {}
            }
        }
        false
    }

    /// Acknowledges everything that comes, for ever, as a decider does.
    pub async fn follow(mut self) {
        self.say_nonce().await;
        while let Ok(told) = self.next().await {
            if matches!(told, Told::Change(_) | Told::Probe(_) | Told::Heartbeat(_)) {
                self.say_nonce().await;
            }
        }
    }
}
