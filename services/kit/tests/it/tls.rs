//! TLS on a port and towards it, over real connections: who gets in, who does not, and that the port outlives both.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use passgate_kit::access::{AccessLayer, AccessParts};
use passgate_kit::client::mark::MarkKey;
use passgate_kit::client::source::{DecisionSource, Undecidable};
use passgate_kit::client::{Ambient, Decision, Question};
use passgate_kit::mark::{FeedOf, Marks};
use passgate_kit::server::{Listener, bind, dial_link, serve, with_standard_services};
use passgate_kit::testing::certificates::Ca;
use passgate_kit::tls::{
    CertificateFiles, ClientTls, LinkTls, ListenerTls, Offers, ServerTls, ServiceName, Speaks, TlsError,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const GATEWAY: &str = "uri:spiffe://passgate/gateway/gateway-1";

/// Knows nothing of any token.
#[derive(Debug)]
struct Away;

#[tonic::async_trait]
impl DecisionSource for Away {
    async fn decide(&self, _: &Question) -> Result<Decision, Undecidable> {
        Err(Undecidable::Unreachable(None))
    }
}

/// A server, its CA and its files.
struct Server {
    ca: Ca,
    folder: TempDir,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Server {
    /// One whose certificate is for `localhost`, and that knows services by the same CA.
    async fn start() -> Self {
        Self::start_with(|tls| tls).await
    }

    async fn start_with(change: impl FnOnce(ServerTls) -> ServerTls) -> Self {
        let (ca, folder) = (Ca::new(), tempfile::tempdir().expect("a folder"));
        let files = files(&ca, folder.path(), &["dns:localhost"]);
        let tls = change(ServerTls::open(&files, Offers::Http2, &Ambient::system()).expect("its files are right"));
        let listener = bind("the test", ([127, 0, 0, 1], 0).into()).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (routes, readiness) = with_standard_services(Routes::default()).await.expect("the contracts");
        readiness.set(true).await;
        let access = AccessLayer::new(AccessParts {
            decisions: Arc::new(Away),
            services: Arc::new(|_| None),
            marks: Marks::new(Arc::new(MarkKey::new([1; 32])), FeedOf::Identity),
            open_reflection: true,
        });
        let stop = CancellationToken::new();
        tokio::spawn(serve(Listener::from(listener).secured(Some(tls)), access, routes, stop.clone()));
        Self { ca, folder, address, stop }
    }

    /// A way to it by its name, that trusts its CA and shows the certificate of `names`, if any.
    fn link(&self, ca: &Ca, names: &[&str]) -> LinkTls {
        let mut link = LinkTls::trusting(Some(&ca.write(self.folder.path(), "trusted")));
        if !names.is_empty() {
            let pair = self.ca.issue(names).write(self.folder.path(), "client");
            (link.certificate_file, link.key_file) = (Some(pair.certificate_file), Some(pair.key_file));
        }
        link
    }

    fn channel(&self, link: &LinkTls) -> Channel {
        let url = format!("https://localhost:{}", self.address.port());
        dial_link(&Ambient::system(), &url, link).expect("a way")
    }

    async fn answers(&self) -> Result<(), tonic::Status> {
        answers(self.channel(&self.link(&self.ca, &[]))).await
    }
}

fn files(ca: &Ca, folder: &Path, names: &[&str]) -> ListenerTls {
    ca.issue(names).write(folder, "server").for_services_of(ca.write(folder, "client-ca"))
}

async fn answers(channel: Channel) -> Result<(), tonic::Status> {
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.map(drop)
}

/// The whole chain of causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[tokio::test]
async fn who_trusts_the_ca_gets_in_with_and_without_a_certificate() {
    let server = Server::start().await;
    answers(server.channel(&server.link(&server.ca, &[]))).await.expect("without one");
    answers(server.channel(&server.link(&server.ca, &[GATEWAY]))).await.expect("with one");
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_not_taken_by_either_side() {
    let server = Server::start().await;
    let other = Ca::new();

    let untrusted = answers(server.channel(&server.link(&other, &[]))).await.expect_err("another CA");
    assert!(told(&untrusted).contains("UnknownIssuer"), "{}", told(&untrusted));

    let mut link = server.link(&server.ca, &[]);
    let pair = other.issue(&[GATEWAY]).write(server.folder.path(), "stranger");
    (link.certificate_file, link.key_file) = (Some(pair.certificate_file), Some(pair.key_file));
    answers(server.channel(&link)).await.expect_err("the stranger's certificate");

    server.answers().await.expect("others are served");
}

#[tokio::test]
async fn a_certificate_that_has_expired_or_is_of_another_name_is_not_taken() {
    let server = Server::start().await;
    let folder = server.folder.path();
    let yesterday = Ambient::system().now() - Duration::from_secs(24 * 3600);

    let expired = server.ca.issue_until(&[GATEWAY], yesterday).write(folder, "expired");
    let link = LinkTls {
        certificate_file: Some(expired.certificate_file),
        key_file: Some(expired.key_file),
        ..server.link(&server.ca, &[])
    };
    answers(server.channel(&link)).await.expect_err("the caller's has expired");

    let url = format!("https://127.0.0.1:{}", server.address.port());
    let channel = dial_link(&Ambient::system(), &url, &server.link(&server.ca, &[])).expect("a way");
    let refusal = answers(channel).await.expect_err("the port's is for localhost");
    assert!(told(&refusal).contains("not valid for name"), "{}", told(&refusal));
}

#[tokio::test]
async fn an_expired_certificate_of_the_ports_is_not_taken_by_those_who_call() {
    let (ca, folder) = (Ca::new(), tempfile::tempdir().expect("a folder"));
    let yesterday = Ambient::system().now() - Duration::from_secs(24 * 3600);
    let files = ca.issue_until(&["dns:localhost"], yesterday).write(folder.path(), "server").into();

    let (server, client) = shake(&files, Offers::Http2, &ca, Speaks::Http2, folder.path()).await;

    assert!(server.is_err());
    assert!(client.expect_err("expired").contains("xpired"));
}

#[tokio::test]
async fn a_certificate_that_names_no_service_ends_the_handshake() {
    let server = Server::start().await;
    let folder = server.folder.path();
    for names in [
        &["dns:gateway-1"][..],
        &["uri:spiffe://passgate/gateway/*"],
        &["uri:spiffe://other/gateway/gateway-1"],
        &["uri:spiffe://passgate/gateway/gateway-1\0"],
        &["uri:spiffe://passgate/gateway/gateway-1\0.example"],
        &["uri:spiffe://passgate/admin/gateway-1"],
        &[GATEWAY, "uri:spiffe://passgate/token/token-1"],
    ] {
        let pair = server.ca.issue(names).write(folder, "wrong");
        let link = LinkTls {
            certificate_file: Some(pair.certificate_file.clone()),
            key_file: Some(pair.key_file.clone()),
            ..server.link(&server.ca, &[])
        };
        let url = format!("https://localhost:{}", server.address.port());
        let own = dial_link(&Ambient::system(), &url, &link).expect_err("it is told at the start").to_string();
        assert!(own.contains("names no service"), "{own}");

        // Somebody who does not ask us first.
        assert!(shown(&server, &pair).await.contains("alert"), "{names:?}");
    }
    let right = server.ca.issue(&[GATEWAY]).write(folder, "right");
    let said = shown(&server, &right).await;
    assert!(said.contains("ALPN protocol: h2") && !said.contains("alert"), "{said}");
    server.answers().await.expect("others are served");
}

/// What is said to whoever shows this certificate. In TLS 1.2 it comes before the handshake ends.
async fn shown(server: &Server, pair: &CertificateFiles) -> String {
    openssl(server, &["-tls1_2", "-cert", path(&pair.certificate_file), "-key", path(&pair.key_file)]).await
}

fn path(file: &Path) -> &str {
    file.to_str().expect("a path")
}

/// What `openssl s_client` says of a handshake.
async fn openssl(server: &Server, arguments: &[&str]) -> String {
    let mut client = tokio::process::Command::new("openssl");
    client.args(["s_client", "-connect", &server.address.to_string(), "-servername", "localhost", "-alpn", "h2"]);
    client.args(arguments).stdin(std::process::Stdio::null());
    let output =
        tokio::time::timeout(Duration::from_secs(30), client.output()).await.expect("it ends").expect("openssl");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn old_versions_of_tls_are_refused_and_1_2_and_1_3_are_spoken() {
    let server = Server::start().await;
    for (version, spoken) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let said = openssl(&server, &[version]).await;
        assert_eq!(said.contains("ALPN protocol: h2"), spoken, "{version}: {said}");
    }
}

#[tokio::test]
async fn plaintext_garbage_and_resets_end_themselves_and_nothing_else() {
    let server = Server::start().await;
    let connect = || async { TcpStream::connect(server.address).await.expect("connected") };

    for bytes in [&b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0xff; 4096]]
    {
        let mut stream = connect().await;
        stream.write_all(bytes).await.expect("sent");
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
        // An alert at most (RFC 8446 §6: a record of type 21), then the end.
        assert!(ended.is_ok() && answer.first().is_none_or(|kind| *kind == 21), "{answer:?}");
    }
    for _ in 0..20 {
        let mut stream = connect().await;
        stream.write_all(&[22, 3, 1]).await.expect("sent");
        stream.set_zero_linger().expect("it is reset when dropped");
        drop(stream);
        drop(connect().await);
    }

    server.answers().await.expect("others are served");
}

#[tokio::test]
async fn a_slow_handshake_is_ended_and_those_that_wait_are_served_then() {
    let server = Server::start_with(|tls| tls.bounded(2, Duration::from_millis(300))).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(TcpStream::connect(server.address).await.expect("connected"));
    }

    server.answers().await.expect("served behind them");

    for mut stream in slow {
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "it is ended");
    }
}

#[tokio::test]
async fn a_changed_pair_is_used_by_new_connections_a_wrong_one_by_none_and_open_ones_stay() {
    let server = Server::start().await;
    let folder = server.folder.path();
    let before = server.channel(&server.link(&server.ca, &[]));
    answers(before.clone()).await.expect("served");

    // A key that does not belong to the certificate: what was there stays in force.
    let (next, other) = (Ca::new(), Ca::new());
    let _ = other.issue(&["dns:localhost"]).write(folder, "server");
    std::fs::write(folder.join("server.pem"), next.issue(&["dns:localhost"]).certificate).expect("written");
    looked_at(&server).await;
    server.answers().await.expect("the old pair is in force");

    let _ = next.issue(&["dns:localhost"]).write(folder, "server");
    let link = LinkTls::trusting(Some(&next.write(folder, "next")));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while answers(server.channel(&link)).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the new pair is never used");
        tokio::task::yield_now().await;
    }

    answers(before).await.expect("the open connection stays");
    server.answers().await.expect_err("a new one with the old CA");
}

/// Returns when the files have been looked at and read again, wrong or right: three seconds are three looks.
async fn looked_at(server: &Server) {
    let start = tokio::time::Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        server.answers().await.expect("served meanwhile");
    }
}

#[tokio::test]
async fn each_side_gets_the_protocol_that_both_speak() {
    let (ca, folder) = (Ca::new(), tempfile::tempdir().expect("a folder"));
    let files = files(&ca, folder.path(), &["dns:localhost"]);
    for (offers, speaks, agreed) in [
        (Offers::Http, Speaks::Http1, Some("http/1.1")),
        (Offers::Http, Speaks::Http2, Some("h2")),
        (Offers::Http2, Speaks::Http2, Some("h2")),
        (Offers::Http2, Speaks::Http1, None),
    ] {
        let (server, client) = shake(&files, offers, &ca, speaks, folder.path()).await;
        assert_eq!(server.ok().as_deref(), agreed, "{offers:?} {speaks:?}");
        assert_eq!(client.is_ok(), agreed.is_some(), "{offers:?} {speaks:?}");
    }
}

/// One handshake: the protocol that the port agreed to, and the error of who called.
async fn shake(
    files: &ListenerTls,
    offers: Offers,
    ca: &Ca,
    speaks: Speaks,
    folder: &Path,
) -> (Result<String, String>, Result<(), String>) {
    let server = ServerTls::open(files, offers, &Ambient::system()).expect("its files are right");
    let link = LinkTls::trusting(Some(&ca.write(folder, "trusted")));
    let client = ClientTls::open(&link, speaks, &Ambient::system()).expect("its files are right");
    let listener = bind("the test", ([127, 0, 0, 1], 0).into()).await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let taken = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        let stream = server.accept(server.room().await, stream).await.map_err(|error| error.to_string())?;
        let agreed = stream.get_ref().1.alpn_protocol().unwrap_or_default().to_vec();
        Ok(String::from_utf8(agreed).expect("text"))
    };
    let called = async {
        let stream = TcpStream::connect(address).await.expect("connected");
        client.connect("localhost", stream).await.map(drop).map_err(|error| error.to_string())
    };
    tokio::join!(taken, called)
}

#[test]
fn files_that_cannot_be_used_are_told_with_what_to_do_and_never_with_what_is_in_them() {
    let (ca, folder) = (Ca::new(), tempfile::tempdir().expect("a folder"));
    let good = files(&ca, folder.path(), &["dns:localhost"]);
    let open = |files: &ListenerTls| ServerTls::open(files, Offers::Http2, &Ambient::system()).map(drop);
    open(&good).expect("right");

    let text = folder.path().join("text");
    std::fs::write(&text, "nothing of the kind").expect("written");
    let other = ca.issue(&["dns:localhost"]).write(folder.path(), "other");
    let gone = folder.path().join("gone");
    for (files, rule) in [
        (ListenerTls { certificate_file: gone.clone(), ..good.clone() }, "cannot read the certificates"),
        (ListenerTls { certificate_file: text.clone(), ..good.clone() }, "holds no certificate"),
        (ListenerTls { client_ca_file: Some(text.clone()), ..good.clone() }, "holds no certificate"),
        (ListenerTls { key_file: gone, ..good.clone() }, "is missing"),
        (ListenerTls { key_file: text.clone(), ..good.clone() }, "chmod 600"),
        (ListenerTls { key_file: other.key_file, ..good.clone() }, "cannot be used together"),
    ] {
        let told = open(&files).expect_err(rule).to_string();
        assert!(told.contains(rule) && !told.contains("nothing of the kind"), "{told}");
    }
    assert!(matches!(
        ClientTls::open(&LinkTls::trusting(Some(&text)), Speaks::Http2, &Ambient::system()),
        Err(TlsError::NoCertificate { .. })
    ));
}

#[test]
fn the_name_in_a_certificate_is_read_exactly() {
    let ca = Ca::new();
    let name = |names: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        let files = ca.issue(names).write(folder.path(), "x");
        let der = der(&files.certificate_file);
        ServiceName::of_certificate(&der).map(|name| name.to_string())
    };
    assert_eq!(name(&[GATEWAY]).as_deref(), Some("spiffe://passgate/gateway/gateway-1"));
    assert_eq!(name(&[GATEWAY, "dns:localhost"]).as_deref(), Some("spiffe://passgate/gateway/gateway-1"));
    assert_eq!(name(&[GATEWAY, GATEWAY]), None, "two are one too many");
    assert_eq!(name(&["dns:localhost"]), None);
    assert_eq!(ServiceName::of_certificate(b"no certificate"), None);
}

fn der(file: &Path) -> Vec<u8> {
    let output = std::process::Command::new("openssl").args(["x509", "-outform", "DER", "-in", path(file)]).output();
    output.expect("openssl").stdout
}
