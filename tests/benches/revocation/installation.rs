//! Four processes that know each other, and an upstream.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use passgate_proto::gateway::v1::endpoint_service_client::EndpointServiceClient;
use passgate_proto::gateway::v1::{CreateEndpointRequest, Endpoint};
use passgate_proto::identity::v1::SignInRequest;
use passgate_proto::identity::v1::session_service_client::SessionServiceClient;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::Request;
use tonic::transport::Channel;

use crate::ports::Reserved;
use crate::process::{Process, run};

const PASSWORD: &str = "walk the long way round";

/// The running processes.
pub struct Installation {
    /// The data ports.
    pub gateways: [SocketAddr; 2],
    pub identity: Channel,
    pub token: Channel,
    session: String,
    _programs: Vec<Process>,
    _ports: Vec<Reserved>,
    _folder: TempDir,
}

impl Installation {
    /// Starts everything, with the endpoint `bench` at both gateways.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("a mode");
        let credentials = folder.path().join("credentials");
        let keys = credentials.to_str().expect("a plain path");
        run(&["credentials", "init", "--folder", keys]);
        run(&["credentials", "add", "--folder", keys, "--instance", "gateway-2", "--role", "gateway"]);
        let ports: Vec<Reserved> = (0..6).map(|_| Reserved::loopback()).collect();
        let at: Vec<SocketAddr> = ports.iter().map(Reserved::address).collect();
        let (identity, token) = (at[0], at[1]);
        let gateway = |listen: SocketAddr, admin: SocketAddr| {
            format!(
                "listen = \"{listen}\"\nadmin_listen = \"{admin}\"\ntoken_urls = [\"http://{token}\"]\n\
                 identity_url = \"http://{identity}\"\nallowed_upstreams = [\"127.0.0.0/8\"]\n"
            )
        };
        let first_password = folder.path().join("first-password");
        let services = [
            (
                "identity",
                "identity",
                format!(
                    "listen = \"{identity}\"\ntoken_url = \"http://{token}\"\nfirst_user_email = \"admin@localhost\"\n\
                 first_password_file = \"{}\"\n",
                    first_password.display()
                ),
            ),
            (
                "token",
                "token",
                format!(
                    "listen = \"{token}\"\nidentity_url = \"http://{identity}\"\nmaster_key_file = \"{}\"\n",
                    credentials.join("master.key").display()
                ),
            ),
            ("gateway", "gateway", gateway(at[2], at[3])),
            ("gateway", "gateway-2", gateway(at[4], at[5])),
        ];
        let mut programs: Vec<Process> = services
            .into_iter()
            .map(|(service, instance, own)| start(service, instance, &own, folder.path()))
            .collect();
        for program in &mut programs {
            program.until_ready();
        }
        let channel = |address: SocketAddr| {
            tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("a URL").connect_lazy()
        };
        let (identity, token) = (channel(identity), channel(token));
        let session = sign_in(&identity, &fs::read_to_string(&first_password).expect("the first password")).await;
        let upstream = upstream().await;
        for registry in [at[3], at[5]] {
            let endpoint =
                Endpoint { name: "bench".to_owned(), upstream: format!("http://{upstream}"), ..Endpoint::default() };
            let request = CreateEndpointRequest { endpoint: Some(endpoint), ..CreateEndpointRequest::default() };
            EndpointServiceClient::new(channel(registry))
                .create_endpoint(signed(&session, request))
                .await
                .expect("an endpoint");
        }
        Self { gateways: [at[2], at[4]], identity, token, session, _programs: programs, _ports: ports, _folder: folder }
    }

    /// A request as the administrator.
    pub fn signed<T>(&self, message: T) -> Request<T> {
        signed(&self.session, message)
    }
}

fn signed<T>(session: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {session}").parse().expect("plain characters"));
    request
}

async fn sign_in(identity: &Channel, password: &str) -> String {
    let request = SignInRequest {
        email: "admin@localhost".to_owned(),
        password: password.trim().to_owned(),
        new_password: Some(PASSWORD.to_owned()),
    };
    let answer = SessionServiceClient::new(identity.clone()).sign_in(request).await.expect("a session");
    answer.into_inner().session_token
}

/// Starts one process on a configuration and an SQLite file of its own.
fn start(service: &str, instance: &str, own: &str, folder: &Path) -> Process {
    let credentials = folder.join("credentials");
    let mut text = format!(
        "{own}credential_file = \"{}\"\nmark_key_file = \"{}\"\n",
        credentials.join(format!("{instance}.credential")).display(),
        credentials.join("mark.key").display()
    );
    if service != "gateway" {
        text.push_str(&format!("accepted_file = \"{}\"\n", credentials.join("accepted.toml").display()));
    }
    text.push_str(&format!("\n[database]\nurl = \"sqlite:{}\"\n", folder.join(format!("{instance}.db")).display()));
    let file = folder.join(format!("{instance}.toml"));
    fs::write(&file, text).expect("a configuration");
    let arguments = [service, "--config", file.to_str().expect("a plain path")];
    Process::start(&arguments, &folder.join(format!("{instance}.log")))
}

/// An HTTP/1.1 upstream that keeps its connections.
async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("nodelay");
            let answer = service_fn(|_| async {
                Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(b"hello, bench\n"))))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    address
}
