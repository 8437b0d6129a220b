//! Nothing in plaintext: three processes that know each other by certificates, and an upstream with TLS. The certificates
//! are made by the commands that docs/tls.md shows.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::configuration::Ports;
use crate::support::program::{Program, run};
use crate::support::system::{ADMINISTRATOR, PASSWORD, private_folder};

/// Makes a CA and the certificates, as the document says.
fn make_certificates(folder: &Path) {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tls.md")).expect("docs/tls.md");
    let block = text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the commands");
    let output = Command::new("bash").args(["-e", "-c", block]).current_dir(folder).output().expect("bash");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The configuration of one service with TLS everywhere.
fn configuration(ports: &Ports, service: &str, folder: &Path, upstream: SocketAddr) -> String {
    let url = format!("sqlite:{}", folder.join(format!("{service}.db")).display());
    let plain = ports.configuration(service, folder, &url);
    let file = |name: &str| format!("\"{}\"", folder.join(name).display());
    let pair = format!(
        "certificate_file = {}\nkey_file = {}\n",
        file(&format!("{service}.pem")),
        file(&format!("{service}.key"))
    );
    let ca = file("ca.pem");
    let mut text = plain.replace("http://", "https://");
    text.push_str(&format!("\n[link_tls]\nca_file = {ca}\n{pair}\n[tls]\n{pair}"));
    match service {
        "gateway" => text.push_str(&format!("\n[admin_tls]\n{pair}\n[upstream_ca_files]\n\"{upstream}\" = {ca}\n")),
        _ => text.push_str(&format!("client_ca_file = {ca}\n")),
    }
    text
}

/// Takes the secrets out of the file of accepted credentials: only certificates are left.
fn only_certificates(folder: &Path) {
    let file = folder.join("credentials/accepted.toml");
    let text = fs::read_to_string(&file).expect("the accepted credentials");
    let kept: String =
        text.lines().filter(|line| !line.starts_with("sha256")).map(|line| format!("{line}\n")).collect();
    assert_ne!(kept, text);
    fs::write(&file, kept).expect("written");
}

/// An HTTPS server that answers with what it knows of the connection. It ends when this is dropped.
struct Upstream {
    child: Child,
    address: SocketAddr,
}

impl Upstream {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "gateway.pem", "-key", "gateway.key", "-www"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("ACCEPT ")?.parse().ok());
        Self { child, address: address.expect("where it listens") }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A running system.
struct Secure {
    folder: tempfile::TempDir,
    upstream: Upstream,
    programs: BTreeMap<&'static str, Program>,
    _ports: Ports,
}

impl Secure {
    fn start() -> Self {
        let (folder, ports) = (private_folder(), Ports::reserve());
        let path = folder.path();
        make_certificates(path);
        let made = run(&["credentials", "init", "--folder", path.join("credentials").to_str().expect("a path")]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        only_certificates(path);
        let upstream = Upstream::start(path);
        let mut programs = BTreeMap::new();
        for service in ["gateway", "identity", "token"] {
            let file = path.join(format!("{service}.toml"));
            fs::write(&file, configuration(&ports, service, path, upstream.address)).expect("written");
            let arguments = [service, "--config", file.to_str().expect("a path")];
            programs.insert(service, Program::start(&arguments, &path.join(format!("{service}.log"))));
        }
        for program in programs.values_mut() {
            program.until_ready();
        }
        Self { folder, upstream, programs, _ports: ports }
    }

    fn address(&self, service: &str, listener: &str) -> String {
        let port = self.programs.get(service).expect("a program").address(listener).port();
        format!("localhost:{port}")
    }

    /// `grpcurl -cacert ca.pem …` at the gateway.
    fn call(&self, token: Option<&str>, method: &str, body: &Value) -> Output {
        let grpcurl = std::env::var_os("PASSGATE_TEST_GRPCURL").expect("PASSGATE_TEST_GRPCURL: run tests/run.sh");
        let mut command = Command::new(grpcurl);
        command.args(["-cacert", "ca.pem", "-max-time", "60"]).current_dir(self.folder.path());
        if let Some(token) = token {
            command.args(["-H", &format!("authorization: Bearer {token}")]);
        }
        command.args(["-d", &body.to_string(), &self.address("gateway", "gateway"), method]);
        command.output().expect("grpcurl runs")
    }

    #[track_caller]
    fn answered(&self, token: Option<&str>, method: &str, body: &Value) -> Value {
        let output = self.call(token, method, body);
        let error = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|wrong| panic!("{method}: {wrong}: {error}"))
    }

    /// `curl --cacert ca.pem {arguments} https://localhost/endpoints/{name}/`.
    fn curl(&self, name: &str, arguments: &[&str]) -> String {
        let url = format!("https://{}/endpoints/{name}/", self.address("gateway", "gateway"));
        let mut command = Command::new("curl");
        command.args(["-sS", "-i", "--cacert", "ca.pem", "-m", "60"]).args(arguments).arg(url);
        let output = command.current_dir(self.folder.path()).output().expect("curl runs");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    fn sign_in(&self) -> String {
        let password = fs::read_to_string(self.folder.path().join("first-password")).expect("the first password");
        let body = json!({"email": ADMINISTRATOR, "password": password.trim(), "newPassword": PASSWORD});
        let answer = self.answered(None, "passgate.identity.v1.SessionService/SignIn", &body);
        answer["sessionToken"].as_str().expect("a session").to_owned()
    }
}

#[test]
fn the_whole_system_works_off_plaintext_with_certificates_in_the_place_of_credentials() {
    let system = Secure::start();
    let session = system.sign_in();

    for (name, upstream) in [
        ("sales", format!("https://{}", system.upstream.address)),
        // The same server by another name: for that one the operating system's CAs count, and this one is none of them.
        ("stranger", format!("https://localhost:{}", system.upstream.address.port())),
    ] {
        let body = json!({"endpoint": {"name": name, "upstream": upstream}});
        system.answered(Some(&session), "passgate.gateway.v1.EndpointService/CreateEndpoint", &body);
    }
    let bearer = format!("authorization: Bearer {session}");

    for (protocol, answer) in [("--http1.1", "HTTP/1.1 200"), ("--http2", "HTTP/2 200")] {
        let said = system.curl("sales", &["-H", &bearer, protocol]);
        assert!(said.starts_with(answer) && said.contains("s_server"), "{said}");
    }
    let untrusted = system.curl("stranger", &["-H", &bearer]);
    assert!(untrusted.starts_with("HTTP/2 502") || untrusted.starts_with("HTTP/2 503"), "{untrusted}");
    assert!(system.curl("sales", &[]).contains(" 401"), "nobody gets in without a token");

    only_tls_is_spoken(&system);
}

/// No port answers in plaintext, and each survives the question.
fn only_tls_is_spoken(system: &Secure) {
    use std::io::{Read as _, Write as _};
    for (service, listener) in
        [("gateway", "gateway"), ("gateway", "gateway-admin"), ("identity", "identity"), ("token", "token")]
    {
        let mut stream = TcpStream::connect(system.address(service, listener)).expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("sent");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer); // a reset is an end as well
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{listener}: {answer:?}");
    }
    assert!(system.curl("sales", &[]).contains(" 401"), "it is still served");
}

#[test]
fn a_certificate_whose_line_is_taken_out_opens_nothing() {
    let system = Secure::start();
    let session = system.sign_in();
    let list = "passgate.identity.v1.UserService/ListUsers";
    system.answered(Some(&session), list, &json!({}));

    let folder = system.folder.path().join("credentials");
    let removed =
        run(&["credentials", "remove", "--instance", "gateway", "--folder", folder.to_str().expect("a path")]);
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));

    let refused = system.call(Some(&session), list, &json!({}));
    assert!(!refused.status.success(), "{}", String::from_utf8_lossy(&refused.stdout));
}
