//! One caller: a kept connection to one gateway.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection on which requests go one after the other.
pub struct Caller {
    sender: SendRequest<Empty<Bytes>>,
    host: String,
}

impl Caller {
    /// Connects.
    pub async fn connect(gateway: SocketAddr) -> Self {
        let stream = TcpStream::connect(gateway).await.expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        Self { sender, host: gateway.to_string() }
    }

    /// Calls the endpoint with a token; the status, once the whole answer is there.
    pub async fn call(&mut self, token: &str) -> StatusCode {
        let request = Request::get("/endpoints/bench/")
            .header("host", &self.host)
            .header("authorization", format!("Bearer {token}"))
            .body(Empty::new())
            .expect("a request");
        self.sender.ready().await.expect("an open connection");
        let answer = self.sender.send_request(request).await.expect("an answer");
        let status = answer.status();
        answer.into_body().collect().await.expect("a body");
        status
    }

    /// Calls until it is let through.
    pub async fn until_allowed(&mut self, token: &str) {
        for _ in 0..10_000 {
            if self.call(token).await == StatusCode::OK {
                return;
            }
        }
        panic!("the token is not let through");
    }
}
