//! What ends a start: each in one clear message that says what to do, and nothing is harmed.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::configuration::Ports;
use crate::support::program::{binary, run};
use crate::support::system::{Standalone, private_folder};

/// What a program that could not start says; it has ended with exit code 1.
#[track_caller]
fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said.lines()
        .filter(|line| line.starts_with("error: ") || line.starts_with("  because: "))
        .collect::<Vec<_>>()
        .join("\n")
}

fn standalone(data: &Path) -> Vec<String> {
    ["standalone", "--free-ports", "--data", data.to_str().expect("plain characters")].map(str::to_owned).to_vec()
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let folder = private_folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let data = folder.path().join("data");
    let data = data.to_str().expect("plain characters");

    let output = run(&[
        "standalone",
        "--data",
        data,
        "--gateway",
        &address,
        "--gateway-admin",
        "127.0.0.1:0",
        "--identity",
        "127.0.0.1:0",
        "--token",
        "127.0.0.1:0",
    ]);

    let said = complaint(&output);
    assert!(said.contains(&address) && said.contains("choose another"), "{said}");
}

#[tokio::test]
async fn a_wrong_master_key_is_refused_and_the_right_one_still_opens_everything() {
    let system = Standalone::start().await;
    let data = system.stop();
    let key = data.path().join("data/master.key");
    let right = fs::read(&key).expect("the key");
    let mut wrong = right.clone();
    wrong[0] = if wrong[0] == b'A' { b'B' } else { b'A' };
    fs::write(&key, wrong).expect("another key");

    let output = run(&standalone(&data.path().join("data")));

    let said = complaint(&output);
    assert!(said.contains("master key") || said.contains("master.key"), "{said}");
    fs::write(&key, right).expect("the right key again");
    Standalone::start_again(data).await.stop();
}

#[tokio::test]
async fn a_key_file_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let data = Standalone::start().await.stop();
    let key = data.path().join("data/master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("a mode");

    let said = complaint(&run(&standalone(&data.path().join("data"))));

    assert!(said.contains("chmod 600"), "{said}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let mut data = Standalone::start().await.stop();
    for service in ["identity", "token", "gateway"] {
        let database = data.path().join(format!("data/{service}.db"));
        let before = migrations(&database);
        let added = sqlite(&database, "INSERT INTO seaql_migrations VALUES ('m9999_from_the_future', 1)");
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));

        let said = complaint(&run(&standalone(&data.path().join("data"))));

        assert!(said.contains("newer"), "{service}: {said}");
        assert!(migrations(&database).starts_with(&before), "{service}: nothing was taken away");
        sqlite(&database, "DELETE FROM seaql_migrations WHERE version = 'm9999_from_the_future'");
        data = Standalone::start_again(data).await.stop();
    }
}

#[tokio::test]
async fn each_service_names_the_port_that_is_in_use() {
    for (service, key) in
        [("identity", "listen"), ("token", "listen"), ("gateway", "listen"), ("gateway", "admin_listen")]
    {
        let folder = private_folder();
        let credentials = folder.path().join("credentials");
        let made = run(&["credentials", "init", "--folder", credentials.to_str().expect("plain characters")]);
        assert!(made.status.success());
        let database = format!("sqlite:{}", folder.path().join("x.db").display());
        let text = Ports::reserve().configuration(service, folder.path(), &database);
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("its address").to_string();
        let before = text.lines().find(|line| line.starts_with(&format!("{key} = "))).expect("an address").to_owned();
        let file = folder.path().join("passgate.toml");
        fs::write(&file, text.replacen(&before, &format!("{key} = \"{address}\""), 1)).expect("written");

        let said = complaint(&run(&[service, "--config", file.to_str().expect("plain characters")]));

        assert!(said.contains(&address) && said.contains("choose another"), "{service}: {said}");
    }
}

#[tokio::test]
async fn a_data_folder_that_became_read_only_is_named_and_is_whole_when_it_can_be_written_to_again() {
    let data = Standalone::start().await.stop();
    let folder = data.path().join("data");
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let owner = |user: u32| {
        for file in everything(&folder) {
            drop(chown(&file, Some(user), Some(user))); // without being root it is this user's already
        }
    };
    let before = contents(&folder);
    owner(65534);
    for file in everything(&folder) {
        let mode = if file.is_dir() { 0o500 } else { 0o400 };
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    let said = complaint(&as_nobody(&folder, &standalone(&folder)));

    assert!(said.contains(folder.to_str().expect("plain characters")) && said.contains("write"), "{said}");
    owner(fs::metadata(data.path()).expect("the folder").uid());
    for file in everything(&folder) {
        let mode = if file.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
    }
    assert_eq!(contents(&folder), before, "not a byte was changed");
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o700)).expect("a mode");
    Standalone::start_again(data).await.stop();
}

/// The folder and all that is in it.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(everything(&path)) } else { found.push(path) }
    }
    found.sort_unstable();
    found
}

fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = everything(folder).into_iter().filter(|path| path.is_file());
    files.map(|file| (file.clone(), fs::read(file).expect("readable"))).collect()
}

#[test]
fn a_data_folder_that_cannot_be_written_to_is_named() {
    let folder = private_folder();
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o500)).expect("a mode");

    let output = as_nobody(&data, &standalone(&data));

    let said = complaint(&output);
    assert!(said.contains(data.to_str().expect("plain characters")), "{said}");
}

#[test]
fn a_full_disk_is_told_and_the_next_start_with_room_goes_on() {
    let folder = private_folder();
    let data = folder.path().join("data");

    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(binary())
        .args(standalone(&data))
        .stdin(Stdio::null())
        .output()
        .expect("sh runs");

    let said = complaint(&output);
    assert!(said.contains("room") || said.contains("full") || said.contains("space"), "{said}");
}

/// Runs the program as a user who is not root; the folder is that user's.
fn as_nobody(data: &Path, arguments: &[String]) -> Output {
    if chown(data, Some(65534), Some(65534)).is_err() {
        return run(arguments); // not root already
    }
    let open = tempfile::tempdir().expect("a folder");
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let copy = open.path().join("passgate");
    fs::copy(binary(), &copy).expect("a copy that everybody may run");
    Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(copy)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("setpriv runs")
}

/// The migrations that a database says were applied, in order.
fn migrations(database: &Path) -> String {
    let output = sqlite(database, "SELECT version FROM seaql_migrations ORDER BY version");
    String::from_utf8(output.stdout).expect("text")
}

fn sqlite(database: &Path, statement: &str) -> Output {
    Command::new("sqlite3").arg(database).arg(statement).output().expect("sqlite3 runs")
}
