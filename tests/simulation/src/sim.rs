//! The world: hosts, the network between them, and one thread that lets them all go on tick by tick.

use anyhow::Context as _;

use crate::host::{Host, Runtimes, Ticks};
use crate::net::{HostId, Net};
use crate::rng::Rng;

/// The world.
pub struct Sim {
    /// The network.
    pub net: Net,
    /// How many ticks have passed.
    pub ticks: Ticks,
    /// Whether clocks count the time for which their machine was suspended (the model's rule 1).
    pub counts_suspends: bool,
    hosts: Vec<Host>,
    rng: Rng,
}

impl Sim {
    /// A world with hosts of these names, none of which runs anything.
    #[must_use]
    pub fn new(seed: u64, names: &[&'static str]) -> Self {
        let mut rng = Rng::new(seed);
        let net = Net::new(rng.branch());
        let runtimes = Runtimes::default();
        let hosts = names.iter().enumerate();
        let host = |(id, name): (usize, &&'static str)| {
            Host::new(HostId(id), name, net.clone(), runtimes.clone(), rng.branch())
        };
        let hosts = hosts.map(host).collect();
        Self { net, ticks: Ticks::default(), counts_suspends: true, hosts, rng }
    }

    /// A host.
    ///
    /// # Errors
    /// If there is none of this id.
    pub fn host(&mut self, id: HostId) -> anyhow::Result<&mut Host> {
        self.hosts.get_mut(id.0).with_context(|| format!("there is no host {}", id.0))
    }

    /// All of them.
    pub fn hosts(&mut self) -> impl Iterator<Item = &mut Host> {
        self.hosts.iter_mut()
    }

    /// Lets one tick pass: the clocks go on, what is due is delivered, every process does what it has to do. Within a tick
    /// the hosts have their turns in an order that the seed decides.
    pub fn tick(&mut self) {
        let now = self.ticks.pass();
        for host in &mut self.hosts {
            host.pass(self.counts_suspends);
        }
        self.net.deliver(now);
        let mut order: Vec<usize> = (0..self.hosts.len()).collect();
        while !order.is_empty() {
            let last = u64::try_from(order.len() - 1).unwrap_or(0);
            let next = order.swap_remove(usize::try_from(self.rng.between(0, last)).unwrap_or(0));
            if let Some(host) = self.hosts.get_mut(next) {
                host.step();
            }
        }
    }

    /// Lets ticks pass until `done`, at most so many. True if it came to that.
    pub fn run_until(&mut self, most: u64, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        for _ in 0..most {
            if done(self) {
                return true;
            }
            self.tick();
        }
        done(self)
    }
}
