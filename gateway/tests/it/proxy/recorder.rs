//! An upstream that records each byte it gets.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What an upstream answers unless it is told otherwise.
pub const PLAIN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";

/// A raw TCP server. It ends when dropped.
pub struct Recorder {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    task: JoinHandle<()>,
}

impl Recorder {
    /// Answers every request with `answer`.
    pub async fn start(answer: impl Into<String>) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.expect("a listener"), answer.into())
    }

    pub fn serve(listener: TcpListener, answer: String) -> Self {
        let address = listener.local_addr().expect("its address");
        let requests: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(record(stream, answer.clone(), Arc::clone(&seen)));
            }
        });
        Self { address, requests, task }
    }

    /// The only request so far, as it came.
    pub fn only(&self) -> String {
        let requests = self.requests.lock();
        assert_eq!(requests.len(), 1, "requests at the upstream");
        String::from_utf8(requests[0].clone()).expect("text")
    }

    /// All requests so far.
    pub fn all(&self) -> Vec<String> {
        self.requests.lock().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// How many connections brought something.
    pub fn count(&self) -> usize {
        self.requests.lock().len()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn record(mut stream: TcpStream, answer: String, seen: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&bytes) {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
    if bytes.is_empty() {
        return;
    }
    seen.lock().push(bytes);
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n") || (body.contains("0\r\n") && body.ends_with("\r\n\r\n"));
    }
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().expect("a length"));
    body.len() >= length
}
