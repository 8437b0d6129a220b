//! How a process ends: what is under way is finished, nothing new is taken, and a second word cuts it short.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::patience::until;
use crate::support::system::{Database, System};

/// A request that the gateway has passed on and whose answer is held back.
struct UnderWay {
    caller: TcpStream,
    upstream: TcpStream,
}

impl UnderWay {
    async fn start(system: &System) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let endpoint = json!({"endpoint": {"name": "slow", "upstream": url}});
        system.registry("EndpointService/CreateEndpoint").body(endpoint).answered();
        let made = system.create_token(json!({"name": "laptop"}));
        let secret = made["secret"].as_str().expect("the secret");
        let mut caller = TcpStream::connect(system.gateway).await.expect("the gateway");
        let head = format!("GET /endpoints/slow/1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n\r\n");
        caller.write_all(head.as_bytes()).await.expect("sent");
        let (mut upstream, _) = listener.accept().await.expect("the gateway calls");
        let mut got = [0; 1024];
        assert!(upstream.read(&mut got).await.expect("a request") > 0);
        Self { caller, upstream }
    }

    /// Lets the upstream answer, and gives what the caller gets.
    async fn finish(mut self) -> String {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlate";
        self.upstream.write_all(answer.as_bytes()).await.expect("answered");
        let mut got = Vec::new();
        self.caller.read_to_end(&mut got).await.expect("an answer");
        String::from_utf8_lossy(&got).into_owned()
    }
}

async fn refuses_connections(address: SocketAddr) {
    until("a port that is closed", || async move { TcpStream::connect(address).await.is_err().then_some(()) }).await;
}

#[tokio::test]
async fn a_process_that_is_told_to_end_finishes_what_is_under_way_and_takes_nothing_new() {
    let mut system = System::processes(Database::Sqlite).await;
    let under_way = UnderWay::start(&system).await;
    let mut gateway = system.take("gateway");

    gateway.ask_to_end();
    refuses_connections(system.gateway).await;

    assert!(gateway.is_running(), "a request is under way");
    let answer = under_way.finish().await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("late"), "{answer}");
    assert_eq!(gateway.ended().code(), Some(0));
    for service in ["identity", "token"] {
        assert_eq!(system.take(service).stop().code(), Some(0), "{service}");
    }
}

#[tokio::test]
async fn a_process_that_is_told_to_end_twice_cuts_off_what_is_under_way() {
    let mut system = System::processes(Database::Sqlite).await;
    let mut under_way = UnderWay::start(&system).await;
    let mut gateway = system.take("gateway");
    gateway.ask_to_end();
    refuses_connections(system.gateway).await;
    assert!(gateway.is_running(), "a request is under way");

    gateway.ask_to_end();

    assert_eq!(gateway.ended().code(), Some(1));
    let mut got = Vec::new();
    drop(under_way.caller.read_to_end(&mut got).await); // an end or a reset
    assert!(!String::from_utf8_lossy(&got).contains("200 OK"), "nobody answered");
}
