//! The network between the hosts of a world: ordered streams of bytes whose every piece is delivered when the seed says.
//!
//! A link has a delay and can be held, which is what a partition is to TCP: nothing arrives, nothing is lost, and both
//! sides find out by their own timeouts. A process that ends closes its connections, and bytes for a connection that nobody
//! holds any more are answered by a reset. A machine that loses its power says nothing.

mod listener;
mod pipe;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;
use passgate_client::world::{Incoming, Task, Wire};
use tokio::sync::oneshot;

use crate::rng::Rng;
use listener::Door;
use pipe::{Pipe, Segment};
use wire::End;

/// A host of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// How bytes go from one host to another.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Nothing arrives.
    pub held: bool,
    /// How many ticks a piece takes, at least and at most.
    pub delay: (u64, u64),
}

impl Default for Link {
    fn default() -> Self {
        Self { held: false, delay: (1, 2) }
    }
}

/// The network. Clones are the same.
#[derive(Clone)]
pub struct Net(Arc<Mutex<Inner>>);

impl fmt::Debug for Net {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Net(..)")
    }
}

struct Inner {
    now: u64,
    rng: Rng,
    links: BTreeMap<(HostId, HostId), Link>,
    /// Hosts whose machine is off.
    off: BTreeSet<HostId>,
    doors: BTreeMap<SocketAddr, Door>,
    pipes: BTreeMap<u64, Pipe>,
    calls: Vec<Call>,
    next_pipe: u64,
}

/// Where the answer to somebody who connects goes.
type Answer = oneshot::Sender<io::Result<Box<dyn Wire>>>;

/// Somebody connects.
struct Call {
    from: HostId,
    to: SocketAddr,
    due: u64,
    answer: Answer,
}

/// What is to be done once the network is not locked any more: waking may run code that comes back here.
#[derive(Default)]
struct Later {
    wake: Vec<Waker>,
    answers: Vec<(Answer, io::Result<End>)>,
}

impl Later {
    fn run(self) {
        for (answer, result) in self.answers {
            let _ = answer.send(result.map(|end| Box::new(end) as Box<dyn Wire>)); // who asked may have given up
        }
        for waker in self.wake {
            waker.wake();
        }
    }
}

impl Net {
    /// An empty network.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            now: 0,
            rng,
            links: BTreeMap::new(),
            off: BTreeSet::new(),
            doors: BTreeMap::new(),
            pipes: BTreeMap::new(),
            calls: Vec::new(),
            next_pipe: 0,
        })))
    }

    /// Changes how bytes go from `from` to `to`.
    pub fn link(&self, from: HostId, to: HostId, change: impl FnOnce(&mut Link)) {
        change(self.0.lock().links.entry((from, to)).or_default());
    }

    /// Every link is as at the beginning.
    pub fn heal(&self) {
        self.0.lock().links.clear();
    }

    /// Breaks every connection between two hosts: both sides get a reset.
    pub fn reset(&self, one: HostId, other: HostId) {
        let mut later = Later::default();
        let mut inner = self.0.lock();
        for pipe in inner.pipes.values_mut() {
            if (pipe.from, pipe.to) == (one, other) || (pipe.from, pipe.to) == (other, one) {
                pipe.break_off(&mut later.wake);
            }
        }
        drop(inner);
        later.run();
    }

    /// The machine loses its power: its connections say nothing any more, not even that they end.
    pub fn switch_off(&self, host: HostId) {
        let mut inner = self.0.lock();
        inner.off.insert(host);
        for pipe in inner.pipes.values_mut().filter(|pipe| pipe.from == host) {
            pipe.silence();
        }
    }

    /// The machine is on again.
    pub fn switch_on(&self, host: HostId) {
        self.0.lock().off.remove(&host);
    }

    /// Listens.
    ///
    /// # Errors
    /// If somebody listens there already.
    pub fn listen(&self, host: HostId, address: SocketAddr) -> io::Result<Box<dyn Incoming>> {
        let mut inner = self.0.lock();
        if inner.doors.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        inner.doors.insert(address, Door { host, waiting: VecDeque::new(), waker: None });
        Ok(Box::new(listener::Listener::new(self.clone(), address)))
    }

    /// Connects. It takes the way there and back; without an answer it waits.
    #[must_use]
    pub fn connect(&self, from: HostId, to: SocketAddr) -> Task<io::Result<Box<dyn Wire>>> {
        let (answer, answered) = oneshot::channel();
        let mut inner = self.0.lock();
        let delay = inner.rng.between(2, 4);
        let due = inner.now + delay;
        inner.calls.push(Call { from, to, due, answer });
        drop(inner);
        Box::pin(async move { answered.await.unwrap_or_else(|_| Err(io::ErrorKind::ConnectionRefused.into())) })
    }

    /// Delivers what is due at `now`.
    pub fn deliver(&self, now: u64) {
        let mut later = Later::default();
        let mut inner = self.0.lock();
        inner.now = now;
        self.answer_calls(&mut inner, &mut later);
        inner.move_segments(&mut later.wake);
        drop(inner);
        later.run();
    }

    fn answer_calls(&self, inner: &mut Inner, later: &mut Later) {
        for call in std::mem::take(&mut inner.calls) {
            let door = inner.doors.get(&call.to).map(|door| door.host);
            let unreachable =
                door.is_some_and(|host| inner.unreachable(call.from, host) || inner.unreachable(host, call.from));
            if call.due > inner.now || unreachable || inner.is_silent(call.to) {
                inner.calls.push(call);
                continue;
            }
            let Some(host) = door else {
                later.answers.push((call.answer, Err(io::ErrorKind::ConnectionRefused.into())));
                continue;
            };
            let (client, server) = self.pair(inner, call.from, host);
            if let Some(door) = inner.doors.get_mut(&call.to) {
                door.waiting.push_back(server);
                later.wake.extend(door.waker.take());
            }
            later.answers.push((call.answer, Ok(client)));
        }
    }

    fn pair(&self, inner: &mut Inner, client: HostId, server: HostId) -> (End, End) {
        let (up, down) = (inner.next_pipe, inner.next_pipe + 1);
        inner.next_pipe += 2;
        inner.pipes.insert(up, Pipe::new(client, server));
        inner.pipes.insert(down, Pipe::new(server, client));
        (End::new(self.clone(), down, up), End::new(self.clone(), up, down))
    }
}

impl Inner {
    fn unreachable(&self, from: HostId, to: HostId) -> bool {
        self.off.contains(&to) || self.links.get(&(from, to)).is_some_and(|link| link.held)
    }

    /// Whether the machine at this address is off: nobody refuses there.
    fn is_silent(&self, address: SocketAddr) -> bool {
        self.off.iter().any(|host| crate::address(*host).ip() == address.ip())
    }

    /// When a piece that is sent now arrives, never before the one sent last.
    fn arrival(&mut self, from: HostId, to: HostId, after: u64) -> u64 {
        let (low, high) = self.links.get(&(from, to)).copied().unwrap_or_default().delay;
        let delay = self.rng.between(low, high);
        (self.now + delay).max(after)
    }

    fn move_segments(&mut self, wake: &mut Vec<Waker>) {
        let ids: Vec<u64> = self.pipes.keys().copied().collect();
        for id in ids {
            let Some((from, to)) = self.pipes.get(&id).map(|pipe| (pipe.from, pipe.to)) else { continue };
            if self.unreachable(from, to) {
                continue;
            }
            let Some(pipe) = self.pipes.get_mut(&id) else { continue };
            let refused = pipe.deliver(self.now, wake);
            if pipe.is_reset() {
                wake.extend(self.pipes.get_mut(&(id ^ 1)).and_then(Pipe::writer_waker));
            }
            if refused {
                let due = self.arrival(to, from, 0);
                if let Some(back) = self.pipes.get_mut(&(id ^ 1)) {
                    back.push(due, Segment::Reset);
                }
            }
        }
        self.forget_the_dead();
    }

    /// A connection that nobody holds on either side is no more.
    fn forget_the_dead(&mut self) {
        let dead: Vec<u64> = self
            .pipes
            .iter()
            .filter(|(id, pipe)| pipe.is_dead() && self.pipes.get(&(**id ^ 1)).is_none_or(Pipe::is_dead))
            .map(|(id, _)| *id)
            .collect();
        for id in dead {
            self.pipes.remove(&id);
        }
    }
}
