//! Many who miss the same thing at once read it once.
//!
//! A flight is one read, which whoever waits for it drives on: it goes on if the first of them goes away. Who joins gets what
//! was read with where the memory stood when the read *began*, and judges by that whether he may use it (the fill rule).

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;

use super::caches::Unknown;
use super::ledger::AsOf;

/// What a flight brought, and where the memory stood when it began.
type Landed<V> = Result<(AsOf, V), Unknown>;

/// A read that many wait for.
type Flight<V> = Shared<BoxFuture<'static, Landed<V>>>;

/// The reads under way. Cheap to clone; all clones are the same.
pub struct Flights<K, V>(Arc<Mutex<HashMap<K, Flight<V>>>>);

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Joins the read of `key`, or begins one: `read` is then called, at once, with what it needs.
    pub async fn join<F>(&self, key: K, read: impl FnOnce() -> (AsOf, F)) -> Landed<V>
    where
        F: Future<Output = Result<V, Unknown>> + Send + 'static,
    {
        let flight = {
            let mut under_way = self.0.lock();
            match under_way.get(&key) {
                Some(flight) => flight.clone(),
                None => {
                    let (as_of, reading) = read();
                    let (flights, landed) = (Arc::clone(&self.0), key.clone());
                    let flight = async move {
                        let read = reading.await;
                        flights.lock().remove(&landed); // who comes later reads anew
                        read.map(|value| (as_of, value))
                    };
                    let flight = flight.boxed().shared();
                    under_way.insert(key, flight.clone());
                    flight
                }
            }
        };
        flight.await
    }
}

impl<K, V> fmt::Debug for Flights<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Flights").field(&self.0.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use passgate_kit::client::ChangeNumber;
    use tokio::sync::Notify;

    use super::*;

    const AS_OF: AsOf = AsOf(ChangeNumber(7));

    #[tokio::test]
    async fn a_flood_for_one_key_reads_it_once_and_another_key_reads_for_itself() {
        let (flights, reads, go) = (Flights::default(), AtomicUsize::new(0), Arc::new(Notify::new()));
        let (reads, go) = (&reads, &go);
        let ask = |key: u8| {
            flights.join(key, move || {
                reads.fetch_add(1, Ordering::SeqCst);
                let go = Arc::clone(go);
                (AS_OF, async move {
                    go.notified().await;
                    Ok(key)
                })
            })
        };

        let flood = join_all((0..100).map(|number| ask(u8::from(number == 99))));
        let (landed, ()) = tokio::join!(flood, async {
            go.notify_one();
            tokio::task::yield_now().await;
            go.notify_one();
        });

        assert_eq!(reads.load(Ordering::SeqCst), 2);
        assert!(landed.iter().take(99).all(|landed| matches!(landed, Ok((AS_OF, 0)))));
        assert!(matches!(landed.last(), Some(Ok((AS_OF, 1)))));
    }

    #[tokio::test]
    async fn a_read_survives_the_one_who_began_it_and_the_next_one_begins_anew() {
        let flights: Flights<u8, u8> = Flights::default();
        let go = Arc::new(Notify::new());
        let read = |value, go: Arc<Notify>| async move {
            go.notified().await;
            Ok(value)
        };
        let mut first = Box::pin(flights.join(1, || (AS_OF, read(1, Arc::clone(&go)))));
        assert!(futures_util::poll!(&mut first).is_pending());
        let mut joined = Box::pin(flights.join(1, || (AS_OF, read(2, Arc::clone(&go)))));
        assert!(futures_util::poll!(&mut joined).is_pending());

        drop(first);
        go.notify_one();

        assert!(matches!(joined.await, Ok((AS_OF, 1))), "what the first one began");
        go.notify_one();
        assert!(matches!(flights.join(1, || (AS_OF, read(3, Arc::clone(&go)))).await, Ok((AS_OF, 3))));
    }
}
