//! What one process sees of the world: its network, and how long its database takes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use parking_lot::Mutex;
use passgate_client::world::{Incoming, Task, Wire, World};

use crate::bridge;
use crate::net::{HostId, Net};
use crate::rng::Rng;

/// How often a call looks whether its database is there again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How the database of a host behaves.
#[derive(Clone, Debug)]
pub struct Database(Arc<Mutex<Behaviour>>);

#[derive(Debug)]
struct Behaviour {
    rng: Rng,
    away: bool,
    /// In how many percent of the calls it is slow, and how slow at most, in milliseconds.
    slow: (u64, u64),
}

impl Database {
    /// One that answers at once.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self(Arc::new(Mutex::new(Behaviour { rng, away: false, slow: (0, 0) })))
    }

    /// From now on no call gets through, or calls do again. What waits goes on.
    pub fn set_away(&self, away: bool) {
        self.0.lock().away = away;
    }

    /// From now on so many percent of the calls take up to so many milliseconds on the way there and back.
    pub fn set_slow(&self, percent: u64, most: u64) {
        self.0.lock().slow = (percent, most);
    }

    fn delay(&self) -> Duration {
        let mut behaviour = self.0.lock();
        let (percent, most) = behaviour.slow;
        let slow = most > 0 && behaviour.rng.chance(percent);
        Duration::from_millis(if slow { behaviour.rng.between(0, most) } else { 0 })
    }

    /// The way to the database, or back.
    async fn way(&self) {
        let delay = self.delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        while self.0.lock().away {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// The world as a process on `host` sees it.
#[derive(Debug)]
pub struct HostWorld {
    /// Where the process runs.
    pub host: HostId,
    /// The network.
    pub net: Net,
    /// Its database.
    pub database: Database,
}

impl World for HostWorld {
    fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn Incoming>> {
        self.net.listen(self.host, address)
    }

    fn connect(&self, to: &Uri) -> Task<io::Result<Box<dyn Wire>>> {
        let address = to.authority().and_then(|authority| authority.as_str().parse().ok());
        match address {
            Some(address) => self.net.connect(self.host, address),
            None => Box::pin(std::future::ready(Err(io::ErrorKind::AddrNotAvailable.into()))),
        }
    }

    /// A call takes its way, happens all at once, and takes its way back: what was read may be old when it is known.
    fn outside(&self, work: Task<()>) -> Task<()> {
        let database = self.database.clone();
        Box::pin(async move {
            database.way().await;
            bridge::run(work);
            database.way().await;
        })
    }
}
