//! Replicas that are started for the first time, at once, on one PostgreSQL database.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::configuration::Ports;
use crate::support::grpcurl;
use crate::support::postgres;
use crate::support::program::{Program, run};
use crate::support::system::{ADMINISTRATOR, private_folder, sign_in};

/// The configuration of a second replica: the same, on another port and with another file for the first password.
fn second(text: &str) -> String {
    let listen = text.lines().find(|line| line.starts_with("listen = ")).expect("an address");
    text.replacen(listen, "listen = \"127.0.0.1:0\"", 1).replace("first-password", "second-password")
}

#[tokio::test]
async fn two_replicas_that_start_first_at_once_agree_on_one_administrator_and_one_key() {
    let folder = private_folder();
    let path = folder.path();
    let made = run(&["credentials", "init", "--folder", path.join("credentials").to_str().expect("plain characters")]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let ports = Ports::reserve();
    for service in ["identity", "token"] {
        let text = ports.configuration(service, path, &postgres::database());
        fs::write(path.join(format!("{service}.toml")), &text).expect("written");
        fs::write(path.join(format!("{service}-2.toml")), second(&text)).expect("written");
    }

    let mut programs = at_once(path, &["identity", "identity-2", "token", "token-2"]);
    for program in &mut programs {
        program.until_ready();
    }

    let files: Vec<_> =
        ["first-password", "second-password"].into_iter().filter(|name| path.join(name).exists()).collect();
    let [file] = files[..] else { panic!("one password for one administrator: {files:?}") };
    let password = fs::read_to_string(path.join(file)).expect("the password");
    let identity = programs[1].address("identity");
    let session = sign_in(identity, ADMINISTRATOR, password.trim());
    let keys: Vec<_> = programs[2..]
        .iter()
        .map(|program| {
            let call = grpcurl::call(program.address("token"), "passgate.token.v1.KeyService/ListKeys");
            call.token(&session).answered()["keys"].clone()
        })
        .collect();
    assert_eq!(keys[0], keys[1]);
    assert_eq!(keys[0].as_array().map(Vec::len), Some(1), "one key: {keys:?}");
    let users = grpcurl::call(programs[0].address("identity"), "passgate.identity.v1.UserService/ListUsers");
    let users = users.token(&session).body(json!({})).answered();
    assert_eq!(users["users"].as_array().map(Vec::len), Some(1), "one administrator: {users}");
}

/// Starts one process for each configuration, all at the same time.
fn at_once(folder: &Path, configurations: &[&str]) -> Vec<Program> {
    std::thread::scope(|scope| {
        let starts: Vec<_> = configurations
            .iter()
            .map(|name| {
                scope.spawn(move || {
                    let service = name.trim_end_matches("-2");
                    let config = folder.join(format!("{name}.toml"));
                    let config = config.to_str().expect("plain characters");
                    Program::start(&[service, "--config", config], &folder.join(format!("{name}.log")))
                })
            })
            .collect();
        starts.into_iter().map(|start| start.join().expect("it starts")).collect()
    })
}
