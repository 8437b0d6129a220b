//! Databases of a test's own on the real PostgreSQL that tests/run.sh starts.

use std::process::Command;

use uuid::Uuid;

/// Makes an empty database and answers its URL.
pub fn database() -> String {
    let server = std::env::var("PASSGATE_TEST_POSTGRES").expect("PASSGATE_TEST_POSTGRES: run tests/run.sh");
    let name = format!("t{}", Uuid::from_bytes(random()).simple());
    let made = Command::new("psql")
        .args([&server, "--quiet", "--no-psqlrc", "--command", &format!("CREATE DATABASE {name}")])
        .output()
        .expect("psql runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (place, _) = server.rsplit_once('/').expect("a database in the URL");
    format!("{place}/{name}")
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
    bytes
}
