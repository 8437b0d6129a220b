//! How signing in is bounded: guesses slow down whoever guesses, at every replica; hashing has a queue that ends.

use std::time::Duration;

use passgate_proto::identity::v1::*;
use tonic::{Code, Status};

use crate::support::{ADMIN_PASSWORD, Client, Harness, on_both, reason, sign_in, told};

const WRONG: &str = "some words or other";

async fn guess(client: &Client, email: &str, times: usize) {
    for _ in 0..times {
        let refused = sign_in(client, email, WRONG, None).await;
        assert_eq!(told(refused), (Code::Unauthenticated, "SIGN_IN_REFUSED".into()));
    }
}

/// All that a caller can see of a refusal.
fn shown(result: Result<SignInResponse, Status>) -> (Code, String, Vec<u8>) {
    let status = result.expect_err("refused");
    (status.code(), status.message().to_owned(), status.details().to_vec())
}

/// Puts a hash of other costs in place of the administrator's: one that takes `passes` over its memory.
async fn store_hash_of(harness: &Harness, passes: u32) {
    use argon2::password_hash::{PasswordHasher as _, SaltString};
    let params = argon2::Params::new(8 * 1024, passes, 1, None).expect("parameters");
    let hasher = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let salt = SaltString::encode_b64(&[7; 16]).expect("a salt");
    let hash = hasher.hash_password(ADMIN_PASSWORD.as_bytes(), salt.as_salt()).expect("hashed").to_string();
    let principal = format!("users/{}", harness.admin_user);
    let sql = "UPDATE principal SET password_hash = $1 WHERE principal = $2";
    harness.execute(sql, [hash.into(), principal.into()]).await;
}

async fn stored_hash(harness: &Harness) -> String {
    harness.query("SELECT password_hash FROM principal WHERE unique_key = 'admin@localhost'").await.remove(0)
}

on_both! {
    async fn guesses_at_one_replica_count_at_the_other_and_after_a_restart(harness) {
        let one = harness.replica("192.0.2.1", |_| ()).await;
        guess(&one, "admin@localhost", 7).await;

        let other = harness.replica("192.0.2.1", |_| ()).await;

        let slowed = sign_in(&other, "admin@localhost", ADMIN_PASSWORD, None).await;
        assert_eq!(told(slowed), (Code::Unauthenticated, "SIGN_IN_REFUSED".into()));
        harness.advance(Duration::from_secs(300));
        sign_in(&other, "admin@localhost", ADMIN_PASSWORD, None).await.expect("the wait is over");
    }

    async fn a_stranger_locks_nobody_out(harness) {
        guess(&harness.calls_from("192.0.2.1"), "admin@localhost", 8).await;

        sign_in(&harness.calls_from("192.0.2.2"), "admin@localhost", ADMIN_PASSWORD, None).await.expect("elsewhere");
        let there = sign_in(&harness.calls_from("192.0.2.1"), "admin@localhost", ADMIN_PASSWORD, None).await;
        assert_eq!(told(there).1, "SIGN_IN_REFUSED");
    }

    async fn an_address_that_nobody_has_is_counted_and_answered_like_one_that_somebody_has(harness) {
        let client = harness.calls_from("192.0.2.1");
        let mut answers = Vec::new();
        for email in ["admin@localhost", "nobody@example.org", "nightly import"] {
            for _ in 0..7 {
                answers.push(shown(sign_in(&client, email, WRONG, None).await));
            }
        }

        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        let mut counted = harness.query("SELECT CAST(failures AS TEXT) FROM sign_in_failure ORDER BY sign_in_failure.failures").await;
        assert_eq!(counted.pop().as_deref(), Some("21"), "the network");
        assert_eq!(counted, ["7", "7", "7"]);
        let told: String = harness.query("SELECT subject FROM sign_in_failure").await.concat();
        assert!(told.chars().all(|letter| letter.is_ascii_hexdigit()), "no address is stored: {told}");
    }

    async fn whoever_signs_in_is_forgiven_and_no_failure_is_a_change(harness) {
        let client = harness.calls_from("192.0.2.1");
        let before = harness.changes().await;
        guess(&client, "admin@localhost", 4).await;
        sign_in(&client, "admin@localhost", ADMIN_PASSWORD, None).await.expect("signed in");
        guess(&client, "admin@localhost", 4).await;

        sign_in(&client, "admin@localhost", ADMIN_PASSWORD, None).await.expect("the first four are forgotten");
        assert_eq!(harness.changes().await, before);
    }

    async fn when_the_queue_is_full_signing_in_is_told_to_wait_and_everything_else_goes_on(harness) {
        store_hash_of(&harness, 600).await;
        let small = harness.replica("192.0.2.1", |config| {
            (config.passwords.at_once, config.passwords.queue) = (1, 0);
        }).await;
        let slow = |client: Client| async move { sign_in(&client, "admin@localhost", WRONG, None).await };
        let (one, two) = (tokio::spawn(slow(small.clone())), tokio::spawn(slow(small.clone())));

        // One of them has the only turn, for seconds; the other is told so at once.
        let (first, second) = match futures_util::future::select(one, two).await {
            futures_util::future::Either::Left((first, second)) => (first, second),
            futures_util::future::Either::Right((first, second)) => (first, second),
        };
        let busy = first.expect("joined").expect_err("refused");
        assert_eq!((busy.code(), reason(&busy)), (Code::ResourceExhausted, "SIGN_IN_BUSY".into()));
        let wait = tonic_types::StatusExt::get_details_retry_info(&busy).and_then(|info| info.retry_delay);
        assert!(wait.is_some(), "and when to come again");
        harness.admin.users().list_users(ListUsersRequest::default()).await.expect("others are not held up");
        let nobody = small.users().get_self(GetSelfRequest {}).await;
        assert_eq!(told(nobody).0, Code::Unauthenticated, "nor on the replica that is busy");
        assert!(!second.is_finished(), "all that while the turn was taken");

        assert_eq!(told(second.await.expect("joined")).1, "SIGN_IN_REFUSED");
        assert_eq!(told(sign_in(&small, "nobody@example.org", WRONG, None).await).1, "SIGN_IN_REFUSED", "the turn is free");
    }

    async fn a_hash_of_older_costs_is_renewed_when_its_owner_signs_in_and_by_nobody_else(harness) {
        store_hash_of(&harness, 1).await;
        let old = stored_hash(&harness).await;
        let before = harness.changes().await;

        guess(&harness.nobody(), "admin@localhost", 1).await;
        assert_eq!(stored_hash(&harness).await, old);
        sign_in(&harness.nobody(), "admin@localhost", ADMIN_PASSWORD, None).await.expect("signed in");

        let new = stored_hash(&harness).await;
        assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
        sign_in(&harness.nobody(), "admin@localhost", ADMIN_PASSWORD, None).await.expect("the same password");
        assert_eq!(stored_hash(&harness).await, new, "once is enough");
        assert_eq!(harness.changes().await, before, "it is no change of the user");
        harness.admin.users().get_self(GetSelfRequest {}).await.expect("no session ended");
    }
}
