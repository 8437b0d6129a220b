//! Slows down who fails, in memory and bounded.
//!
//! Counted per (account, network) and per network: a stranger can slow down himself, never the account's owner elsewhere.
//! When the memory is full the entries that were used least are forgotten: whoever floods it with made-up accounts is still
//! counted by his network.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use passgate_kit::client::{Ambient, Moment};
use quick_cache::sync::Cache;

/// How many accounts with their networks, and how many networks, are remembered.
const REMEMBERED: usize = 20_000;
/// Failures on one account from one network that cost nothing.
const FREE_FOR_ACCOUNT: u32 = 5;
/// Failures from one network, on whatever accounts, that cost nothing.
const FREE_FOR_NETWORK: u32 = 100;
/// The longest wait. A quiet time this long forgets all failures.
const LONGEST: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Moment,
}

/// Failures by whose they are.
type Counted<K> = Cache<K, Arc<Mutex<Failures>>>;

/// Remembers failures.
#[derive(Clone, Debug)]
pub struct BackOff {
    accounts: Arc<Counted<(String, String)>>,
    networks: Arc<Counted<String>>,
    ambient: Ambient,
}

impl BackOff {
    /// One that remembers nothing yet.
    pub fn new(ambient: &Ambient) -> Self {
        Self {
            accounts: Arc::new(Cache::new(REMEMBERED)),
            networks: Arc::new(Cache::new(REMEMBERED)),
            ambient: ambient.clone(),
        }
    }

    /// Whether a sign-in at this account from this address is refused whatever it presents.
    pub fn is_slowed(&self, account: &str, peer: &str) -> bool {
        let network = network(peer);
        let now = self.ambient.moment();
        let by_network = self.networks.get(&network).is_some_and(|failures| slowed(&failures, FREE_FOR_NETWORK, now));
        let key = (account.to_owned(), network);
        by_network || self.accounts.get(&key).is_some_and(|failures| slowed(&failures, FREE_FOR_ACCOUNT, now))
    }

    /// Counts a failure.
    pub fn failed(&self, account: &str, peer: &str) {
        let network = network(peer);
        let now = self.ambient.moment();
        let none = || Arc::new(Mutex::new(Failures { count: 0, last: now }));
        let key = (account.to_owned(), network.clone());
        let account = self.accounts.get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(none()));
        let network = self.networks.get_or_insert_with(&network, || Ok::<_, std::convert::Infallible>(none()));
        for failures in [account, network].into_iter().flatten() {
            let mut failures = failures.lock();
            let forgotten = now.since(failures.last) >= LONGEST;
            failures.count = if forgotten { 1 } else { failures.count.saturating_add(1) };
            failures.last = now;
        }
    }

    /// Forgets the failures of an account from this address: its owner is there.
    pub fn succeeded(&self, account: &str, peer: &str) {
        self.accounts.remove(&(account.to_owned(), network(peer)));
    }
}

fn slowed(failures: &Mutex<Failures>, free: u32, now: Moment) -> bool {
    let Failures { count, last } = *failures.lock();
    let beyond = count.saturating_sub(free);
    beyond > 0 && now.since(last) < Duration::from_secs(1_u64 << beyond.min(9)).min(LONGEST)
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
    use passgate_kit::client::{ManualClock, SeededRandom};
    use time::macros::datetime;

    use super::*;

    fn fixed() -> (Arc<ManualClock>, BackOff) {
        let clock = Arc::new(ManualClock::new(datetime!(2026-01-01 0:00 UTC)));
        (clock.clone(), BackOff::new(&Ambient::new(clock, Arc::new(SeededRandom::new(1)))))
    }

    #[test]
    fn failures_slow_down_one_account_from_one_network_and_nobody_else() {
        let (clock, backoff) = fixed();
        (0..6).for_each(|_| backoff.failed("alice", "192.0.2.1"));

        assert!(backoff.is_slowed("alice", "192.0.2.1"));
        assert!(!backoff.is_slowed("alice", "192.0.2.2"), "its owner elsewhere is not locked out");
        assert!(!backoff.is_slowed("bob", "192.0.2.1"));
        clock.advance(Duration::from_secs(2));
        assert!(!backoff.is_slowed("alice", "192.0.2.1"));
        backoff.failed("alice", "192.0.2.1");
        clock.advance(Duration::from_secs(3));
        assert!(backoff.is_slowed("alice", "192.0.2.1"), "each failure doubles the wait");
        backoff.succeeded("alice", "192.0.2.1");
        assert!(!backoff.is_slowed("alice", "192.0.2.1"));
    }

    #[test]
    fn a_network_that_sprays_many_accounts_is_slowed_for_all_of_them() {
        let (_, backoff) = fixed();
        (0..101).for_each(|account| backoff.failed(&format!("account-{account}"), "2001:db8::1"));

        assert!(backoff.is_slowed("alice", "2001:db8::ffff"), "one site has a /64");
        assert!(!backoff.is_slowed("alice", "2001:db8:0:1::1"));
        assert!(!backoff.is_slowed("alice", "192.0.2.1"));
    }

    #[test]
    fn an_address_in_either_form_is_one_network() {
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
