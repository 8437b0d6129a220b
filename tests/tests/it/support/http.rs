//! A plain HTTP/1.1 client: one request, one connection.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// A request to make.
pub struct Call {
    request: http::request::Builder,
    body: Bytes,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A request of `path` on `address`.
pub fn call(method: Method, address: SocketAddr, path: &str) -> Call {
    Call { request: http::Request::builder().method(method).uri(format!("http://{address}{path}")), body: Bytes::new() }
}

/// `GET`.
pub fn get(address: SocketAddr, path: &str) -> Call {
    call(Method::GET, address, path)
}

impl Call {
    /// With a token.
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// With a body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let request = self.request.body(Full::new(self.body)).expect("a request");
        let response = client.request(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        Answer { status: head.status, headers: head.headers, body: body.collect().await.expect("a body").to_bytes() }
    }
}

impl Answer {
    /// The status and `x-passgate-reason`, which an upstream's answer does not have.
    pub fn outcome(&self) -> (u16, &str) {
        (self.status.as_u16(), self.header("x-passgate-reason"))
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}
