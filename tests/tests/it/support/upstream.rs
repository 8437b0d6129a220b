//! An upstream that writes down each byte it gets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A recording HTTP/1.1 upstream. It ends when this is dropped.
pub struct Upstream {
    address: SocketAddr,
    got: Arc<Mutex<Vec<u8>>>,
    _tasks: JoinSet<()>,
}

impl Upstream {
    /// Starts one that answers `200 {"fresh":true}` to everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let got = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let record = Arc::clone(&got);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, Arc::clone(&record)));
            }
        });
        Self { address, got, _tasks: tasks }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that it got so far, as text.
    pub fn got(&self) -> String {
        String::from_utf8_lossy(&self.got.lock().expect("no panic")).into_owned()
    }
}

/// Answers each request head once, and closes.
async fn answer(mut stream: tokio::net::TcpStream, got: Arc<Mutex<Vec<u8>>>) {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                head.extend_from_slice(&piece[..count]);
                got.lock().expect("no panic").extend_from_slice(&piece[..count]);
            }
        }
    }
    let body = r#"{"fresh":true}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    drop(stream.write_all(answer.as_bytes()).await);
    drop(stream.shutdown().await);
}
