//! The first start.

use std::os::unix::fs::PermissionsExt as _;

use passgate_identity::{Runtime, Service};
use passgate_kit::client::Ambient;
use passgate_kit::server::Lifecycle;

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
}
