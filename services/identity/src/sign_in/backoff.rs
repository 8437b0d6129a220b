//! Slows down who fails, for all replicas alike: counted in the database, outside of the feed.
//!
//! Counted per (account, network) and per network: a stranger can slow down himself, never the account's owner elsewhere.
//! An account is counted by what was typed, whether somebody has that address or not, so that neither the answer nor its
//! cost tells. A row holds the digest of what it counts, no address.
//!
//! **The cost** of a failure is one small write beside the password hash of some 20 ms; a sign-in that succeeds writes only
//! if failures are to be forgotten. Failures are counted after the check, so that as many guesses as the hasher takes in at
//! once can pass before the first of them counts.
//!
//! **The bound.** Each row costs its maker a hash, and lives for [`LONGEST`] after the last failure; beyond [`KEPT`] rows the
//! oldest go first. Whoever floods it with made-up accounts is still counted by his network, whose row is always young.

use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use passgate_kit::store::{Store, StoreError};

use crate::store::{failures, micros};

/// How many rows a sweep leaves.
const KEPT: u64 = 50_000;
/// Failures on one account from one network that cost nothing.
const FREE_FOR_ACCOUNT: i64 = 5;
/// Failures from one network, on whatever accounts, that cost nothing.
const FREE_FOR_NETWORK: i64 = 100;
/// The longest wait. A quiet time this long forgets all failures.
const LONGEST: Duration = Duration::from_secs(300);

/// Remembers failures.
#[derive(Clone, Debug)]
pub struct BackOff {
    store: Store,
}

/// How an account stands with the network that asks for it.
#[derive(Debug)]
pub struct Standing {
    account: String,
    network: String,
    has_failed: bool,
    /// A sign-in is refused whatever it presents.
    pub is_slowed: bool,
}

impl BackOff {
    /// One that remembers in `store`.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// What is remembered of this account and this address.
    pub async fn standing(&self, account: &str, peer: &str) -> Result<Standing, StoreError> {
        let network = network(peer);
        let account = subject("account", &[account, &network]);
        let network = subject("network", &[&network]);
        let subjects = [account.clone(), network.clone()];
        let rows = self.store.read(move |conn| Box::pin(async move { failures::of(conn, subjects).await })).await?;
        let now = micros(self.store.ambient().now());
        let slowed = |subject: &str, free| {
            rows.iter().any(|row| row.subject == subject && wait(row.failures, free) > since(row.last_us, now))
        };
        Ok(Standing {
            is_slowed: slowed(&account, FREE_FOR_ACCOUNT) || slowed(&network, FREE_FOR_NETWORK),
            has_failed: rows.iter().any(|row| row.subject == account),
            account,
            network,
        })
    }

    /// Counts a failure.
    pub async fn failed(&self, standing: Standing) -> Result<(), StoreError> {
        let Standing { account, network, .. } = standing;
        let counted = self.store.write(move |tx| {
            Box::pin(async move {
                let now = micros(tx.ambient().now());
                failures::count(tx, [account, network], now, now - span(LONGEST)).await
            })
        });
        counted.await.map(|committed| committed.value)
    }

    /// Forgets the failures of an account from this network: its owner is there.
    pub async fn succeeded(&self, standing: Standing) -> Result<(), StoreError> {
        if !standing.has_failed {
            return Ok(());
        }
        let account = standing.account;
        let forgotten =
            self.store.write(move |tx| Box::pin(async move { failures::forget(tx.connection(), &account).await }));
        forgotten.await.map(|committed| committed.value)
    }

    /// Forgets what is over, and the oldest of what is too much; gives how many rows it looked at.
    pub async fn prune(&self) -> Result<usize, StoreError> {
        let over = micros(self.store.ambient().now()) - span(LONGEST);
        let mut pruned = 0;
        loop {
            let (until, subjects) = self
                .store
                .read(move |conn| {
                    Box::pin(async move {
                        let until = over.max(failures::time_of_newest(conn, KEPT).await?.unwrap_or(over));
                        Ok::<_, StoreError>((until, failures::expired(conn, until).await?))
                    })
                })
                .await?;
            if subjects.is_empty() {
                return Ok(pruned);
            }
            pruned += subjects.len();
            let removed = self
                .store
                .write(move |tx| Box::pin(async move { failures::remove(tx.connection(), subjects, until).await }));
            removed.await.map(|committed| committed.value)?;
        }
    }
}

/// How long after the last failure the next attempt is refused.
fn wait(failures: i64, free: i64) -> i64 {
    match failures.saturating_sub(free) {
        ..=0 => 0,
        beyond => span(Duration::from_secs(1_u64 << beyond.min(9)).min(LONGEST)),
    }
}

/// How long ago; a clock that went back does not make it longer than it was.
fn since(last: i64, now: i64) -> i64 {
    now.saturating_sub(last).max(0)
}

fn span(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// What is counted, by its digest: 32 hexadecimal digits that tell no address.
fn subject(kind: &str, parts: &[&str]) -> String {
    let text = format!("{kind}\0{}", parts.join("\0"));
    digest(&SHA256, text.as_bytes()).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The network of an address: an IPv4 address, or the 64 bits of IPv6 that one site has.
fn network(peer: &str) -> String {
    match peer.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(address) => address.to_string(),
        Err(_) => peer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use passgate_kit::client::{Ambient, ManualClock, SeededRandom};
    use passgate_kit::testing::{DIALECTS, TestDatabase};
    use time::macros::datetime;

    use super::*;
    use crate::store::Migrator;

    async fn replica(database: &TestDatabase, clock: &Arc<ManualClock>) -> BackOff {
        let ambient = Ambient::new(clock.clone(), Arc::new(SeededRandom::new(1)));
        BackOff::new(&database.open::<Migrator>("identity", &ambient).await)
    }

    fn clock() -> Arc<ManualClock> {
        Arc::new(ManualClock::new(datetime!(2026-01-01 0:00 UTC)))
    }

    async fn is_slowed(backoff: &BackOff, account: &str, peer: &str) -> bool {
        backoff.standing(account, peer).await.expect("read").is_slowed
    }

    async fn fail(backoff: &BackOff, account: &str, peer: &str) {
        let standing = backoff.standing(account, peer).await.expect("read");
        backoff.failed(standing).await.expect("counted");
    }

    #[tokio::test]
    async fn failures_slow_down_one_account_from_one_network_at_every_replica_and_nobody_else() {
        for dialect in DIALECTS {
            let (database, clock) = (TestDatabase::new(dialect), clock());
            let (one, other) = (replica(&database, &clock).await, replica(&database, &clock).await);
            for _ in 0..6 {
                fail(&one, "alice", "192.0.2.1").await;
            }

            assert!(is_slowed(&other, "alice", "192.0.2.1").await);
            assert!(!is_slowed(&other, "alice", "192.0.2.2").await, "its owner elsewhere is not locked out");
            assert!(!is_slowed(&other, "bob", "192.0.2.1").await);
            clock.advance(Duration::from_secs(2));
            assert!(!is_slowed(&other, "alice", "192.0.2.1").await);
            fail(&other, "alice", "192.0.2.1").await;
            clock.advance(Duration::from_secs(3));
            assert!(is_slowed(&one, "alice", "192.0.2.1").await, "each failure doubles the wait");
            let standing = one.standing("alice", "192.0.2.1").await.expect("read");
            one.succeeded(standing).await.expect("forgotten");
            assert!(!is_slowed(&other, "alice", "192.0.2.1").await);
        }
    }

    #[tokio::test]
    async fn a_network_that_sprays_many_accounts_is_slowed_for_all_of_them() {
        for dialect in DIALECTS {
            let (database, clock) = (TestDatabase::new(dialect), clock());
            let backoff = replica(&database, &clock).await;
            for account in 0..101 {
                fail(&backoff, &format!("account-{account}"), "2001:db8::1").await;
            }

            assert!(is_slowed(&backoff, "alice", "2001:db8::ffff").await, "one site has a /64");
            assert!(!is_slowed(&backoff, "alice", "2001:db8:0:1::1").await);
            assert!(!is_slowed(&backoff, "alice", "192.0.2.1").await);
        }
    }

    #[tokio::test]
    async fn what_is_over_is_pruned_and_the_rest_stays() {
        for dialect in DIALECTS {
            let (database, clock) = (TestDatabase::new(dialect), clock());
            let backoff = replica(&database, &clock).await;
            for account in 0..600 {
                fail(&backoff, &format!("account-{account}"), "192.0.2.1").await;
            }
            clock.advance(LONGEST - Duration::from_secs(1));
            fail(&backoff, "alice", "192.0.2.1").await;
            assert_eq!(backoff.prune().await.expect("pruned"), 0);

            clock.advance(Duration::from_secs(1));
            assert_eq!(backoff.prune().await.expect("pruned"), 600, "all but alice and the network");

            let alice = backoff.standing("alice", "192.0.2.1").await.expect("read");
            assert!(alice.has_failed && alice.is_slowed, "the network goes on being slowed");
        }
    }

    #[test]
    fn an_address_in_either_form_is_one_network() {
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
