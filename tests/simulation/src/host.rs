//! A machine with one process on it: its own clock, its own runtime in virtual time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use passgate_client::{Ambient, ManualClock, SeededRandom};
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::net::{HostId, Net};
use crate::rng::Rng;
use crate::world::{Database, HostWorld};

/// How long a tick is: nothing is shorter than that between hosts.
pub const TICK: Duration = Duration::from_millis(5);

/// What the wall clocks show when a world begins.
const BEGINNING: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

/// Whether the machine and its process go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// They do.
    On,
    /// The process stands still (SIGSTOP) while its machine goes on: its sockets fill, its clocks run.
    Paused,
    /// The machine is suspended: the monotonic clock stands still as well.
    Suspended,
}

/// A machine.
pub struct Host {
    /// Its place in the world.
    pub id: HostId,
    /// What it is called in what the run tells.
    pub name: &'static str,
    /// How its database behaves.
    pub database: Database,
    clock: Arc<ManualClock>,
    net: Net,
    rng: Rng,
    runtimes: Runtimes,
    going: Going,
    process: Option<Process>,
}

/// Makes the runtimes of a world's processes: one after the other from one beginning, so that what each decides by chance,
/// as which of several waiting tasks is woken first, is the same in the same run.
#[derive(Clone)]
pub struct Runtimes(Arc<Mutex<Builder>>);

impl Default for Runtimes {
    fn default() -> Self {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().start_paused(true);
        // Tasks that were woken from outside of the runtime have their turn once the others have had theirs, always: by
        // default every 31st look begins with them, and how often it was looked depends on how long real threads took.
        builder.global_queue_interval(u32::MAX);
        Self(Arc::new(Mutex::new(builder)))
    }
}

/// A process: it ends when its runtime is dropped, with all of its tasks at once.
struct Process {
    runtime: Runtime,
    start: Instant,
    /// What its runtime's clock should show.
    shows: Duration,
    /// How much of that it stood still for, and has to catch up at once.
    missed: Duration,
}

impl Host {
    /// A machine without a process.
    #[must_use]
    pub fn new(id: HostId, name: &'static str, net: Net, runtimes: Runtimes, mut rng: Rng) -> Self {
        let database = Database::new(rng.branch());
        let clock = Arc::new(ManualClock::new(BEGINNING));
        Self { id, name, database, clock, net, rng, runtimes, going: Going::On, process: None }
    }

    /// Time, randomness and the network, as a process that starts here now takes them.
    #[must_use]
    pub fn ambient(&mut self) -> Ambient {
        let random = Arc::new(SeededRandom::new(self.rng.draw()));
        let world = HostWorld { host: self.id, net: self.net.clone(), database: self.database.clone() };
        Ambient::new(self.clock.clone(), random).inside(Arc::new(world))
    }

    /// Starts a process that does `work` until it is ended.
    ///
    /// # Errors
    /// If there is no room for another runtime.
    pub fn start(&mut self, work: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        self.net.switch_on(self.id);
        let runtime = self.runtimes.0.lock().build().context("a runtime for another process")?;
        let start = runtime.block_on(async { Instant::now() });
        runtime.spawn(work);
        self.process = Some(Process { runtime, start, shows: Duration::ZERO, missed: Duration::ZERO });
        self.going = Going::On;
        Ok(())
    }

    /// Whether a process runs, or stands still.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// Whether it goes on.
    #[must_use]
    pub fn going(&self) -> Going {
        self.going
    }

    /// Adds a task to the process.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(process) = &self.process {
            process.runtime.spawn(work);
        }
    }

    /// Kills the process. Its machine closes its connections.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Takes the machine's power away.
    pub fn switch_off(&mut self) {
        self.net.switch_off(self.id);
        self.process = None;
    }

    /// The process stands still, the machine is suspended, or they go on.
    pub fn set_going(&mut self, going: Going) {
        self.going = going;
    }

    /// Steps the wall clock by so many seconds, either way.
    pub fn step_wall(&self, seconds: i64) {
        use passgate_client::Clock as _;
        self.clock.set_wall(self.clock.wall() + time::Duration::seconds(seconds));
    }

    /// Lets a tick pass on the machine's clocks.
    pub fn pass(&mut self, counts_suspends: bool) {
        match self.going {
            Going::On | Going::Paused => self.clock.advance(TICK),
            Going::Suspended if counts_suspends => self.clock.suspend(TICK),
            Going::Suspended => {}
        }
        if let Some(process) = &mut self.process {
            match self.going {
                Going::On => process.shows += TICK,
                Going::Paused => process.missed += TICK,
                Going::Suspended => {}
            }
        }
    }

    /// Lets the process do what it has to do until its clock shows what the machine's does.
    pub fn step(&mut self) {
        if self.going != Going::On {
            return;
        }
        let Some(Process { runtime, start, shows, missed }) = &mut self.process else { return };
        let missed = std::mem::take(missed);
        *shows += missed;
        let until = *start + *shows;
        runtime.block_on(async move {
            if !missed.is_zero() {
                tokio::time::advance(missed).await; // all at once: it was not there meanwhile
            }
            tokio::time::sleep_until(until).await;
        });
    }
}

/// What a world's tasks share beside the network: how many ticks have passed.
#[derive(Clone, Debug, Default)]
pub struct Ticks(Arc<Mutex<u64>>);

impl Ticks {
    /// How many have passed.
    #[must_use]
    pub fn now(&self) -> u64 {
        *self.0.lock()
    }

    pub(crate) fn pass(&self) -> u64 {
        let mut ticks = self.0.lock();
        *ticks += 1;
        *ticks
    }
}

/// How many ticks a duration is, at least one.
#[must_use]
pub fn ticks(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX).max(1)
}
