//! HTTP/2 connections to upstreams: a small, bounded number for each, so that calls do not wait for one another.
//!
//! On one connection all calls share one stream of bytes, and the number of streams that the upstream allows: a few dozen
//! subscriptions that stay open would keep every other call out. So calls go by the first lane that is not busy, and by the
//! least busy one if all are; an upstream that is called little has one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;

use super::body::Body;

/// The most connections to an upstream.
const LANES: usize = 4;
/// How many calls at once make a lane busy. Servers allow 100 streams and more (RFC 9113 §6.5.2).
const BUSY: usize = 64;

/// The lanes, each with a connection to every upstream that it was used for.
#[derive(Debug)]
pub(super) struct Lanes<C> {
    lanes: [Lane<C>; LANES],
}

#[derive(Debug)]
struct Lane<C> {
    client: Client<C, Body>,
    calls: Arc<AtomicUsize>,
}

/// A call's place on its lane, until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl<C: Connect + Clone + Send + Sync + 'static> Lanes<C> {
    /// Lanes of clients that `client` makes.
    pub(super) fn new(client: impl Fn() -> Client<C, Body>) -> Self {
        Self { lanes: std::array::from_fn(|_| Lane { client: client(), calls: Arc::default() }) }
    }

    /// The client for one more call, which is under way until its place is dropped.
    pub(super) fn enter(&self) -> (&Client<C, Body>, Place) {
        let [first, others @ ..] = &self.lanes;
        let mut lane = first;
        for other in others {
            let least = lane.calls.load(Ordering::Relaxed);
            if least < BUSY {
                break;
            }
            if other.calls.load(Ordering::Relaxed) < least {
                lane = other;
            }
        }
        // Two that look at the same moment may take the same lane; that costs nothing.
        lane.calls.fetch_add(1, Ordering::Relaxed);
        (&lane.client, Place(Arc::clone(&lane.calls)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::client::legacy::connect::HttpConnector;
    use hyper_util::rt::TokioExecutor;

    use super::*;

    fn calls(lanes: &Lanes<HttpConnector>) -> Vec<usize> {
        lanes.lanes.iter().map(|lane| lane.calls.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn a_lane_is_opened_only_when_those_before_it_are_busy_and_places_are_given_back() {
        let lanes = Lanes::new(|| Client::builder(TokioExecutor::new()).build(HttpConnector::new()));

        let mut places: Vec<Place> = (0..BUSY).map(|_| lanes.enter().1).collect();
        assert_eq!(calls(&lanes), [BUSY, 0, 0, 0], "one connection while one is enough");

        places.extend((0..BUSY).map(|_| lanes.enter().1));
        assert_eq!(calls(&lanes), [BUSY, BUSY, 0, 0]);

        places.extend((0..4 * BUSY).map(|_| lanes.enter().1));
        assert_eq!(calls(&lanes).iter().sum::<usize>(), 6 * BUSY);
        assert!(calls(&lanes).iter().all(|calls| *calls >= BUSY), "{:?}", calls(&lanes));
        assert!(calls(&lanes).iter().max() <= Some(&(2 * BUSY)), "the least busy one takes the next");

        drop(places);
        assert_eq!(calls(&lanes), [0, 0, 0, 0]);
    }
}
