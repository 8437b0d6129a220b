//! The demo's two clients: unary gRPC and plain HTTP/1.1, as any caller would write them.

use anyhow::{Context as _, Result};
use bytes::{Buf as _, BufMut as _, Bytes};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use passgate_kit::client::{AT_LEAST_HEADER, MARK_HEADER, REASON_HEADER};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::transport::Endpoint;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::step::{Http, Outcome, Rpc};
use super::world::World;

/// What came back.
pub struct Answer {
    /// The call, for people.
    pub called: String,
    /// What the answer was.
    pub outcome: Outcome,
    /// What it said, for people.
    pub said: String,
}

/// Makes a gRPC call.
///
/// # Errors
/// Fails if an earlier step kept nothing for it, or the server cannot be reached; a refusal is an answer.
pub async fn rpc(rpc: &Rpc, world: &mut World) -> Result<Answer> {
    let body = (rpc.request)(world)?;
    let channel = Endpoint::from_shared(format!("http://{}", world.address(rpc.to)))?.connect().await?;
    let mut request = Request::new(Bytes::from(body.bytes));
    if let Some(name) = rpc.token {
        request.metadata_mut().insert("authorization", bearer(world.kept(name)?).parse()?);
    }
    if let Some(mark) = world.mark() {
        request.metadata_mut().insert(AT_LEAST_HEADER, mark.parse::<MetadataValue<Ascii>>()?);
    }
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;
    let path = http::uri::PathAndQuery::try_from(format!("/{}", rpc.method))?;
    let shown = if body.shown.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", body.shown) };
    let called = format!("{} {shown}{}", rpc.method, as_who(rpc.token));
    match client.unary(request, path, Raw).await {
        Ok(response) => {
            note_mark(world, response.metadata());
            let said = (rpc.read)(world, response.get_ref())?;
            Ok(Answer { called, outcome: Outcome::Good, said })
        }
        Err(status) => Ok(Answer { called, outcome: refused(&status), said: status.message().to_owned() }),
    }
}

/// Makes an HTTP request.
///
/// # Errors
/// As [`rpc`].
pub async fn http(wanted: &Http, world: &World) -> Result<Answer> {
    let uri = format!("http://{}{}", world.addresses.gateway, wanted.path);
    let mut request = http::Request::builder().method(&wanted.method).uri(uri);
    if let Some(name) = wanted.token {
        request = request.header(http::header::AUTHORIZATION, bearer(world.kept(name)?));
    }
    if let Some(mark) = world.mark() {
        request = request.header(AT_LEAST_HEADER, mark);
    }
    let client: Client<HttpConnector, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request.body(Empty::new())?).await.context("the gateway does not answer")?;
    let called = format!("{} {}{}", wanted.method, wanted.path, as_who(wanted.token));
    let status = response.status().as_u16();
    let reason = response.headers().get(REASON_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let text = response.into_body().collect().await?.to_bytes();
    let outcome = match reason {
        None if status == 200 => Outcome::Good,
        reason => Outcome::Status(status, reason.unwrap_or_default()),
    };
    Ok(Answer { called, outcome, said: summary(&text) })
}

/// The answer's `detail` if it is a problem (RFC 9457), else all of it.
fn summary(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    problem.and_then(|problem| problem.get("detail")?.as_str().map(str::to_owned)).unwrap_or_else(|| text.into_owned())
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn as_who(token: Option<&str>) -> String {
    token.map_or_else(|| " without a token".to_owned(), |name| format!(" with {name}"))
}

fn note_mark(world: &mut World, metadata: &MetadataMap) {
    if let Some(mark) = metadata.get(MARK_HEADER).and_then(|mark| mark.to_str().ok()) {
        world.note_mark(mark.to_owned());
    }
}

fn refused(status: &Status) -> Outcome {
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    Outcome::Refused(status.code(), reason)
}

/// Messages as bytes: the steps encode and decode them.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
