//! The first start.

use std::os::unix::fs::PermissionsExt as _;

use passgate_identity::{Config, Runtime, Service};
use passgate_kit::client::Ambient;
use passgate_kit::server::Lifecycle;
use passgate_kit::testing::TestDatabase;

use crate::support::{ADMIN_PASSWORD, on_both, sign_in};

on_both! {
    async fn the_first_password_is_its_owners_alone_and_a_second_start_makes_no_other(harness) {
        let file = &harness.config.first_password_file;
        let mode = std::fs::metadata(file).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let before = harness.changes().await;
        std::fs::remove_file(file).expect("removed");

        let lifecycle = Lifecycle::default();
        let runtime = Runtime { ambient: Ambient::system(), lifecycle: lifecycle.clone() };
        Service::start(harness.config.clone(), runtime).await.expect("a second replica starts");

        assert!(!file.exists());
        assert_eq!(harness.changes().await, before);
        sign_in(&harness.nobody(), "admin@localhost", ADMIN_PASSWORD, None).await.expect("everything is still there");
        lifecycle.stop();
    }

    async fn two_that_start_at_once_on_an_empty_database_make_one_administrator_and_leave_one_file(harness) {
        let fresh = TestDatabase::new(harness.dialect);
        let files = ["one", "two"].map(|name| fresh.folder().join(name));
        let lifecycle = Lifecycle::default();
        let start = |file: &std::path::PathBuf| {
            let config = Config {
                database: fresh.config().clone(),
                first_password_file: file.clone(),
                ..harness.config.clone()
            };
            Service::start(config, Runtime { ambient: Ambient::system(), lifecycle: lifecycle.clone() })
        };

        let (one, two) = tokio::join!(start(&files[0]), start(&files[1]));

        let replicas = [one.expect("started"), two.expect("started")].map(|replica| harness.at(replica.addresses[0].1));
        let left: Vec<_> = files.iter().filter(|file| file.exists()).collect();
        assert_eq!(left.len(), 1, "{left:?}");
        let password = std::fs::read_to_string(left[0]).expect("the password");
        let signed_in = sign_in(&replicas[0], "admin@localhost", password.trim(), Some(ADMIN_PASSWORD)).await;
        signed_in.expect("signed in at one");
        sign_in(&replicas[1], "admin@localhost", ADMIN_PASSWORD, None).await.expect("signed in at the other");
        assert_eq!(harness.query_of(&fresh, "SELECT principal FROM principal").await.len(), 1);
        lifecycle.stop();
    }
}
