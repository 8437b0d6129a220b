//! Faults: what the seed does to the world, and how it ends.

use std::fmt;

use crate::cast::{BOUND, GATEWAYS, HOSTS, IDENTITY, OPERATOR, TOKENS};
use crate::host::{Going, ticks};
use crate::net::{HostId, Link};
use crate::rng::Rng;
use crate::sim::Sim;

/// Something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing arrives, one way.
    Hold(HostId, HostId),
    /// Nothing arrives, either way.
    Partition(HostId, HostId),
    /// Everything between two hosts takes so many ticks, evenly.
    Delay(HostId, HostId, u64),
    /// Nothing arrives at a gateway from any replica: neither a change nor an answer.
    Deaf(HostId),
    /// Everything between a gateway and every replica takes so many ticks, evenly.
    Far(HostId, u64),
    /// Every connection between two hosts breaks.
    Reset(HostId, HostId),
    /// The process is killed, and started again at the end.
    Kill(HostId),
    /// The machine loses its power, and has it again at the end.
    PowerCut(HostId),
    /// The process stands still.
    Pause(HostId),
    /// The machine is suspended.
    Suspend(HostId),
    /// The wall clock is stepped by so many seconds, and stays so.
    StepWall(HostId, i64),
    /// The database does not answer.
    DatabaseAway(HostId),
    /// The database takes up to so many milliseconds, each way.
    DatabaseSlow(HostId, u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |host: &HostId| HOSTS.get(host.0).copied().unwrap_or("?");
        match self {
            Self::Hold(from, to) => write!(out, "nothing arrives from {} at {}", name(from), name(to)),
            Self::Partition(one, other) => write!(out, "{} and {} are cut off from each other", name(one), name(other)),
            Self::Delay(one, other, by) => write!(out, "{} and {} are {by} ticks apart", name(one), name(other)),
            Self::Deaf(host) => write!(out, "nothing arrives at {} from the token service", name(host)),
            Self::Far(host, by) => write!(out, "{} and the token service are {by} ticks apart", name(host)),
            Self::Reset(one, other) => write!(out, "connections between {} and {} break", name(one), name(other)),
            Self::Kill(host) => write!(out, "{} is killed", name(host)),
            Self::PowerCut(host) => write!(out, "{} loses its power", name(host)),
            Self::Pause(host) => write!(out, "{} stands still", name(host)),
            Self::Suspend(host) => write!(out, "{} is suspended", name(host)),
            Self::StepWall(host, seconds) => write!(out, "the wall clock of {} is stepped by {seconds} s", name(host)),
            Self::DatabaseAway(host) => write!(out, "the database of {} is away", name(host)),
            Self::DatabaseSlow(host, by) => write!(out, "the database of {} takes up to {by} ms", name(host)),
        }
    }
}

/// What the run has to do beside: start a process again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart(pub HostId);

/// Faults under way, each with the tick at which it ends.
pub struct Weather {
    rng: Rng,
    next: u64,
    under_way: Vec<(u64, Fault)>,
}

/// Pauses between two faults, in milliseconds.
const BETWEEN: (u64, u64) = (50, 900);
/// How long a fault lasts, in milliseconds.
const LASTS: (u64, u64) = (50, 4_500);

impl Weather {
    /// Faults that `rng` decides.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self { rng, next: 0, under_way: Vec::new() }
    }

    /// Ends what is over and begins what is due. What began and ended, and who is to be started again.
    ///
    /// # Errors
    /// If a fault is about a host that is none.
    pub fn turn(&mut self, sim: &mut Sim) -> anyhow::Result<(Vec<String>, Vec<Restart>)> {
        let now = sim.ticks.now();
        let (over, on): (Vec<_>, Vec<_>) = self.under_way.drain(..).partition(|(end, _)| *end <= now);
        self.under_way = on;
        let (mut told, mut restarts) = (Vec::new(), Vec::new());
        for (_, fault) in over {
            told.push(format!("it is over that {fault}"));
            restarts.extend(end(sim, fault)?);
        }
        if now >= self.next {
            self.next = now + self.rng.between(BETWEEN.0, BETWEEN.1) / 5;
            let fault = self.draw();
            if !self.under_way.iter().any(|(_, other)| collide(fault, *other)) {
                let lasts = self.rng.between(LASTS.0, LASTS.1) / 5;
                told.push(fault.to_string());
                begin(sim, fault)?;
                self.under_way.push((now + lasts, fault));
            }
        }
        Ok((told, restarts))
    }

    /// Ends everything at once. Who is to be started again.
    ///
    /// # Errors
    /// If a fault is about a host that is none.
    pub fn clear(&mut self, sim: &mut Sim) -> anyhow::Result<Vec<Restart>> {
        let mut restarts = Vec::new();
        for (_, fault) in std::mem::take(&mut self.under_way) {
            restarts.extend(end(sim, fault)?);
        }
        sim.net.heal();
        Ok(restarts)
    }

    fn draw(&mut self) -> Fault {
        let rng = &mut self.rng;
        let mut one_of = |hosts: &[HostId]| rng.pick(hosts).copied().unwrap_or(IDENTITY);
        let service = one_of(&[IDENTITY, TOKENS[0], TOKENS[1]]);
        let process = one_of(&[IDENTITY, TOKENS[0], TOKENS[1], GATEWAYS[0], GATEWAYS[1]]);
        let pairs = [
            (GATEWAYS[0], TOKENS[0]),
            (GATEWAYS[0], TOKENS[1]),
            (GATEWAYS[1], TOKENS[0]),
            (GATEWAYS[1], TOKENS[1]),
            (TOKENS[0], IDENTITY),
            (TOKENS[1], IDENTITY),
            (OPERATOR, IDENTITY),
            (OPERATOR, TOKENS[0]),
        ];
        let (mut one, mut other) = rng.pick(&pairs).copied().unwrap_or((OPERATOR, IDENTITY));
        if rng.chance(50) {
            (one, other) = (other, one);
        }
        let gateway = if rng.chance(50) { GATEWAYS[0] } else { GATEWAYS[1] };
        match rng.between(0, 19) {
            14..=16 => Fault::Deaf(gateway),
            17..=19 => Fault::Far(gateway, rng.between(20, ticks(BOUND))),
            0 | 1 => Fault::Hold(one, other),
            2 => Fault::Partition(one, other),
            3 | 4 => Fault::Delay(one, other, rng.between(10, ticks(BOUND) * 5 / 4)),
            5 => Fault::Reset(one, other),
            6 => Fault::Kill(process),
            7 => Fault::PowerCut(process),
            8 => Fault::Pause(process),
            9 => Fault::Suspend(process),
            10 => Fault::StepWall(process, if rng.chance(50) { -300 } else { 300 }),
            11 => Fault::DatabaseAway(service),
            _ => Fault::DatabaseSlow(service, rng.between(50, 2_500)),
        }
    }
}

/// Whether two faults are about the same thing: the end of one would end the other.
fn collide(one: Fault, other: Fault) -> bool {
    let link = |fault: Fault| match fault {
        Fault::Hold(a, b) | Fault::Partition(a, b) => Some((a.min(b), a.max(b), 0)),
        Fault::Delay(a, b, _) => Some((a.min(b), a.max(b), 1)),
        _ => None,
    };
    let gateway = |fault: Fault| match fault {
        Fault::Deaf(host) => Some((host, 0)),
        Fault::Far(host, _) => Some((host, 1)), // beside being deaf: what is late may also stop
        Fault::Hold(a, b) | Fault::Partition(a, b) => Some((if GATEWAYS.contains(&a) { a } else { b }, 0)),
        Fault::Delay(a, b, _) => Some((if GATEWAYS.contains(&a) { a } else { b }, 1)),
        _ => None,
    };
    let process = |fault: Fault| match fault {
        Fault::Kill(host) | Fault::PowerCut(host) | Fault::Pause(host) | Fault::Suspend(host) => Some(host),
        _ => None,
    };
    let database = |fault: Fault| match fault {
        Fault::DatabaseAway(host) | Fault::DatabaseSlow(host, _) => Some(host),
        _ => None,
    };
    (link(one).is_some() && link(one) == link(other))
        || (gateway(one).is_some_and(|it| GATEWAYS.contains(&it.0)) && gateway(one) == gateway(other))
        || (process(one).is_some() && process(one) == process(other))
        || (database(one).is_some() && database(one) == database(other))
}

fn begin(sim: &mut Sim, fault: Fault) -> anyhow::Result<()> {
    match fault {
        Fault::Hold(from, to) => sim.net.link(from, to, |link| link.held = true),
        Fault::Partition(one, other) => {
            sim.net.link(one, other, |link| link.held = true);
            sim.net.link(other, one, |link| link.held = true);
        }
        Fault::Delay(one, other, by) => {
            sim.net.link(one, other, |link| link.delay = (by, by));
            sim.net.link(other, one, |link| link.delay = (by, by));
        }
        Fault::Deaf(host) => TOKENS.into_iter().for_each(|token| sim.net.link(token, host, |link| link.held = true)),
        Fault::Far(host, by) => TOKENS.into_iter().for_each(|token| {
            sim.net.link(token, host, |link| link.delay = (by, by));
            sim.net.link(host, token, |link| link.delay = (by, by));
        }),
        Fault::Reset(one, other) => sim.net.reset(one, other),
        Fault::Kill(host) => sim.host(host)?.kill(),
        Fault::PowerCut(host) => sim.host(host)?.switch_off(),
        Fault::Pause(host) => sim.host(host)?.set_going(Going::Paused),
        Fault::Suspend(host) => sim.host(host)?.set_going(Going::Suspended),
        Fault::StepWall(host, seconds) => sim.host(host)?.step_wall(seconds),
        Fault::DatabaseAway(host) => sim.host(host)?.database.set_away(true),
        Fault::DatabaseSlow(host, by) => sim.host(host)?.database.set_slow(40, by),
    }
    Ok(())
}

fn end(sim: &mut Sim, fault: Fault) -> anyhow::Result<Option<Restart>> {
    match fault {
        Fault::Hold(one, other) | Fault::Partition(one, other) => {
            sim.net.link(one, other, |link| link.held = false);
            sim.net.link(other, one, |link| link.held = false);
        }
        Fault::Delay(one, other, _) => {
            sim.net.link(one, other, |link| link.delay = Link::default().delay);
            sim.net.link(other, one, |link| link.delay = Link::default().delay);
        }
        Fault::Deaf(host) => TOKENS.into_iter().for_each(|token| sim.net.link(token, host, |link| link.held = false)),
        Fault::Far(host, _) => TOKENS.into_iter().for_each(|token| {
            sim.net.link(token, host, |link| link.delay = Link::default().delay);
            sim.net.link(host, token, |link| link.delay = Link::default().delay);
        }),
        Fault::Kill(host) | Fault::PowerCut(host) => return Ok(Some(Restart(host))),
        Fault::Pause(host) | Fault::Suspend(host) => sim.host(host)?.set_going(Going::On),
        Fault::DatabaseAway(host) => sim.host(host)?.database.set_away(false),
        Fault::DatabaseSlow(host, _) => sim.host(host)?.database.set_slow(0, 0),
        Fault::Reset(..) | Fault::StepWall(..) => {}
    }
    Ok(None)
}
