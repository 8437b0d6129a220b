//! A disk that is full while the system runs: what cannot be written is refused, what is known goes on, and with room again
//! everything does, without a restart.
//!
//! The full disk is a limit on the size of the process's files, which `prlimit` sets and lifts while it runs.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::support::grpcurl;
use crate::support::http as plain;
use crate::support::program::{Program, binary};
use crate::support::system::{ADMINISTRATOR, private_folder, sign_in};
use crate::support::upstream::Upstream;

/// More tokens than fit.
const MOST: usize = 100;

fn limit(program: &Program, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let set =
        Command::new("prlimit").args(["--pid", &program.id().to_string(), &limit]).status().expect("prlimit runs");
    assert!(set.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_half_does_nothing_and_is_over_when_there_is_room() {
    let folder = private_folder();
    let data = folder.path().join("data");
    // Without this the system would end the process at the limit; a full disk does not.
    let mut by = Command::new("sh");
    by.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(binary());
    let arguments = ["standalone", "--free-ports", "--data", data.to_str().expect("plain characters")];
    let mut program = Program::start_by(by, &arguments, &folder.path().join("log"));
    program.until_ready();
    let password = fs::read_to_string(data.join("first-password")).expect("the password");
    let (gateway, token) = (program.address("gateway"), program.address("token"));
    let session = sign_in(program.address("identity"), ADMINISTRATOR, password.trim());
    let upstream = Upstream::start().await;
    let endpoint = json!({"endpoint": {"name": "sales-orders", "upstream": upstream.url()}});
    let registry =
        grpcurl::call(program.address("gateway-admin"), "passgate.gateway.v1.EndpointService/CreateEndpoint");
    registry.token(&session).body(endpoint).answered();
    let create = |name: &str| {
        let call = grpcurl::call(token, "passgate.token.v1.TokenService/CreateToken").token(&session);
        call.body(json!({"name": name, "requestId": name})).send()
    };
    let first = create("first").expect("there is room").messages[0]["secret"].as_str().expect("the secret").to_owned();

    limit(&program, &fs::metadata(data.join("token.db-wal")).expect("the log of the database").len().to_string());
    let mut made = vec!["first".to_owned()];
    let refusal = loop {
        let name = format!("token-{}", made.len());
        match create(&name) {
            Ok(_) => made.push(name),
            Err(refusal) => break refusal,
        }
        assert!(made.len() < MOST, "the disk never got full");
    };

    assert!(["Unavailable", "ResourceExhausted"].contains(&refusal.code.as_str()), "{refusal:?}");
    let called = plain::get(gateway, "/endpoints/sales-orders/1").token(&first).send().await;
    assert_eq!(called.outcome(), (200, ""), "what is known goes on");
    limit(&program, "unlimited");
    let refused = format!("token-{}", made.len());
    create(&refused).expect("with room again it is made");
    made.push(refused);
    let list = grpcurl::call(token, "passgate.token.v1.TokenService/ListTokens").token(&session);
    let list = list.body(json!({"pageSize": 1000})).answered();
    let mut listed: Vec<&str> =
        list["tokens"].as_array().expect("tokens").iter().filter_map(|token| token["name"].as_str()).collect();
    listed.sort_unstable();
    made.sort_unstable();
    assert_eq!(listed, made, "each that was answered, and no other");
    assert!(program.stop().success());
}
