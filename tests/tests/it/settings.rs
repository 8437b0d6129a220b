//! No setting is repeated in a message: whatever was put in its place may be a secret.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::support::configuration::Ports;
use crate::support::program::{binary, run};
use crate::support::system::private_folder;

/// What is put in each setting's place. No part of it is in any word of ours.
const MARKER: &str = "Zx9q-s3cret-7Kw";

/// The settings of a service, as its source declares them.
fn settings(service: &str) -> Vec<String> {
    let room = if service == "gateway" { "gateway".to_owned() } else { format!("services/{service}") };
    let file = format!("{}/../{room}/src/config.rs", env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(&file).expect("its source");
    let from = source.find("pub struct Config {").expect("its settings");
    let settings = source[from..].lines().skip(1).take_while(|line| *line != "}");
    let settings: Vec<String> = settings
        .filter_map(|line| line.strip_prefix("    pub ")?.split_once(':').map(|(name, _)| name.to_owned()))
        .collect();
    assert!(settings.len() > 8, "{file}: {settings:?}");
    settings
}

/// What may stand in a setting's place: text, and for files a secret that belongs *into* the file.
fn values(setting: &str) -> Vec<String> {
    let service_secret = format!("pgs_gateway_{}", "Zx9q7Kw".repeat(7).get(..43).expect("43 of 49"));
    let key = "Zx9q7Kw".repeat(7)[..43].to_owned();
    match setting {
        "database" => Vec::new(), // below: a table
        file if file.ends_with("_file") => vec![service_secret, key],
        url if url.ends_with("_url") => vec![
            MARKER.to_owned(),
            format!("http://{MARKER}"),
            format!("http://me:{MARKER}@127.0.0.1:1"),
            format!("https://127.0.0.1:1/?key={MARKER}"),
        ],
        _ => vec![MARKER.to_owned()],
    }
}

/// Every wrong configuration of a service: what to call it, and its text.
fn wrong(service: &str, right: &str) -> Vec<(String, String)> {
    let (keys, database) = right.split_once("[database]").expect("a database");
    let without = |setting: &str| -> String {
        keys.lines()
            .filter(|line| !line.starts_with(&format!("{setting} = ")))
            .map(|line| format!("{line}\n"))
            .collect()
    };
    let mut wrong = Vec::new();
    for setting in settings(service) {
        for value in values(&setting) {
            let text = format!("{setting} = \"{value}\"\n{}\n[database]{database}", without(&setting));
            wrong.push((format!("{setting} = {value}"), text));
        }
        let list = format!("{setting} = [\"{MARKER}\"]\n{}", without(&setting));
        wrong.push((format!("{setting} as a list"), list));
        let unquoted = format!("{setting} = {MARKER}\n{}", without(&setting));
        wrong.push((format!("{setting} without quotes"), unquoted));
    }
    for url in [
        MARKER,
        "postgres://me:MARKER@127.0.0.1:1/x",
        "postgres://me:MARKER@:x:/x",
        "mysql://me:MARKER@a/b",
        "sqlite:?MARKER",
    ] {
        let url = url.replace("MARKER", MARKER);
        wrong.push((format!("database.url = {url}"), format!("{keys}\n[database]\nurl = \"{url}\"\n")));
    }
    let schema = format!("{keys}\n[database]\nurl = \"postgres://a@127.0.0.1:1/x\"\nschema = \"{MARKER}\"\n");
    wrong.push(("database.schema".to_owned(), schema));
    wrong
}

fn says_nothing_of_what_was_given(service: &str) {
    let folder = private_folder();
    let path = folder.path();
    let credentials = path.join("credentials");
    assert!(run(&["credentials", "init", "--folder", credentials.to_str().expect("plain")]).status.success());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let ports = runtime.block_on(async { Ports::reserve() });
    let url = format!("sqlite:{}", path.join("x.db").display());
    let right = ports.configuration(service, path, &url);
    // Every start ends: the port is taken, unless something is wrong before.
    let listen =
        right.lines().find_map(|line| line.strip_prefix("listen = \"")?.strip_suffix('"')).expect("an address");
    let _taken = TcpListener::bind(listen).expect("the port, which is ours");

    for (what, text) in wrong(service, &right) {
        let file = path.join("passgate.toml");
        fs::write(&file, text).expect("written");
        let output = Command::new(binary())
            .args(["--log-level", "trace", service, "--config"])
            .arg(&file)
            .current_dir(path) // a database that no setting names is made where it runs
            .stdin(Stdio::null())
            .output()
            .expect("passgate runs");

        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{what}: {told}");
        assert!(told.contains("error: "), "{what}: {told}");
        for part in [MARKER, "s3cret", "Zx9q"] {
            assert!(!told.contains(part), "{service} repeats {what}: {told}");
        }
    }
}

#[test]
fn the_identity_service_repeats_no_setting() {
    says_nothing_of_what_was_given("identity");
}

#[test]
fn the_token_service_repeats_no_setting() {
    says_nothing_of_what_was_given("token");
}

#[test]
fn the_gateway_repeats_no_setting() {
    says_nothing_of_what_was_given("gateway");
}

#[test]
fn a_variable_is_not_repeated_either() {
    for (service, variable) in [
        ("identity", "PASSGATE_IDENTITY_LISTEN"),
        ("token", "PASSGATE_TOKEN_MAX_STALENESS"),
        ("gateway", "PASSGATE_GATEWAY_ALLOWED_UPSTREAMS"),
        ("gateway", "PASSGATE_GATEWAY_DATABASE__URL"),
    ] {
        let output = Command::new(binary())
            .arg(service)
            .env(variable, MARKER)
            .current_dir(private_folder().path())
            .stdin(Stdio::null())
            .output()
            .expect("passgate runs");

        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{variable}: {told}");
        assert!(!told.contains("Zx9q") && !told.contains("s3cret"), "{variable}: {told}");
    }
}
