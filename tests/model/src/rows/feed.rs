//! Rows of the feed: every rule on, and each left out alone.

use super::Size;
use crate::feed::{ALL, Change, Feed, Fill, Rules};
use crate::search::Bench;
use crate::search::Expect::{Breaks, Holds};
use Change::{Enable, Other, Restore, Revoke};
use std::io;

/// One replica, one decider, `max_staleness` of 2 ticks, every rule on.
const BASE: Feed = Feed {
    s: 2,
    script: &[Revoke],
    second_replica: false,
    hop: false,
    queue: 2,
    faults: false,
    start_over: false,
    sleep: false,
    slow_reads: true,
    rules: ALL,
};

/// Streams break, replicas crash, deciders start over.
const FAULTS: Feed = Feed { faults: true, start_over: true, ..BASE };

/// Two replicas, which read in one step.
const TWO: Feed = Feed { second_replica: true, queue: 1, slow_reads: false, ..BASE };

/// Changes come from identity.
const HOP: Feed = Feed { hop: true, queue: 1, ..BASE };

/// Every rule on: nothing breaks.
pub fn with_every_rule(bench: &mut Bench<'_>, size: Size) -> io::Result<()> {
    for (name, feed) in small() {
        bench.row(name, feed, Holds)?;
    }
    if size == Size::All {
        for (name, feed) in big() {
            bench.row(name, feed, Holds)?;
        }
    }
    Ok(())
}

fn small() -> [(&'static str, Feed); 9] {
    [
        ("on: 1 replica, S=2; revoke, enable", Feed { script: &[Revoke, Enable], ..BASE }),
        (
            "on: 1 replica, S=1; revoke, enable; cuts, crashes, new starts",
            Feed { s: 1, script: &[Revoke, Enable], ..FAULTS },
        ),
        ("on: 1 replica, S=2; revoke; suspends", Feed { sleep: true, ..BASE }),
        ("on: 2 replicas, S=1; revoke", Feed { s: 1, ..TWO }),
        (
            "on: 2 replicas, S=1; revoke; cuts, crashes, new starts",
            Feed { s: 1, faults: true, start_over: true, ..TWO },
        ),
        (
            "on: identity, 1 replica, S=1; disable, enable; cuts, crashes",
            Feed { s: 1, script: &[Revoke, Enable], faults: true, ..HOP },
        ),
        ("on: identity, 2 replicas, S=1; disable", Feed { s: 1, second_replica: true, ..HOP }),
        ("on: 1 replica, S=1; other, restore, revoke", Feed { s: 1, script: &[Other, Restore, Revoke], ..BASE }),
        ("on: 1 replica, S=1; revoke, restore, enable", Feed { s: 1, script: &[Revoke, Restore, Enable], ..BASE }),
    ]
}

fn big() -> [(&'static str, Feed); 12] {
    let revoke_enable: &[Change] = &[Revoke, Enable];
    [
        ("on: 1 replica, S=4; revoke, enable", Feed { s: 4, script: revoke_enable, ..BASE }),
        (
            "on: 1 replica, S=2, 3 messages a stream; revoke, enable, revoke",
            Feed { script: &[Revoke, Enable, Revoke], queue: 3, ..BASE },
        ),
        (
            "on: 1 replica, S=3; revoke, enable; cuts, crashes, new starts",
            Feed { s: 3, script: revoke_enable, ..FAULTS },
        ),
        ("on: 1 replica, S=3; revoke; suspends", Feed { s: 3, sleep: true, ..BASE }),
        ("on: 2 replicas, S=2; revoke, enable", Feed { script: revoke_enable, ..TWO }),
        (
            "on: 2 replicas, S=1; revoke, enable; cuts, crashes, new starts",
            Feed { s: 1, script: revoke_enable, faults: true, start_over: true, ..TWO },
        ),
        ("on: identity, 1 replica, S=3; disable", Feed { s: 3, ..HOP }),
        (
            "on: identity, 1 replica, S=2; disable, enable; cuts, crashes",
            Feed { script: revoke_enable, faults: true, ..HOP },
        ),
        ("on: identity, 2 replicas, S=2; disable", Feed { second_replica: true, ..HOP }),
        ("on: 1 replica, S=2; other, restore, revoke", Feed { script: &[Other, Restore, Revoke], ..BASE }),
        ("on: 1 replica, S=2; revoke, restore, enable", Feed { script: &[Revoke, Restore, Enable], ..BASE }),
        ("on: 2 replicas, S=1; revoke, restore", Feed { s: 1, script: &[Revoke, Restore], ..TWO }),
    ]
}

/// Each rule left out alone: a wrong allow, told step by step.
pub fn without_one_rule(bench: &mut Bench<'_>) -> io::Result<()> {
    let hop = Feed { slow_reads: false, ..HOP };
    let anew = Feed { start_over: true, ..BASE };
    let sleep = Feed { sleep: true, ..BASE };
    let restore = Feed { script: &[Other, Restore, Revoke], ..BASE };
    let lost = Feed { script: &[Revoke, Restore], ..BASE };
    let rows = [
        ("off: fill rule", BASE, Rules { fill: Fill::Off, ..ALL }, Breaks("bounded")),
        ("off: fill rule for the waiting request", BASE, Rules { fill: Fill::StoreOnly, ..ALL }, Breaks("delivered")),
        ("off: fill rule's floor", anew, Rules { fill: Fill::NoFloor, ..ALL }, Breaks("bounded")),
        ("off: lease from send", BASE, Rules { lease_from_send: false, ..ALL }, Breaks("bounded")),
        ("off: echo names the head", BASE, Rules { echo_names_head: false, ..ALL }, Breaks("bounded")),
        ("off: evidence from the read's send", BASE, Rules { read_from_send: false, ..ALL }, Breaks("bounded")),
        ("off: clock counts suspends", sleep, Rules { clock_counts_sleep: false, ..ALL }, Breaks("bounded")),
        ("off: ages add over hops", hop, Rules { ages_add: false, ..ALL }, Breaks("bounded")),
        (
            "off: projection before identity's evidence",
            hop,
            Rules { projection_first: false, ..ALL },
            Breaks("bounded"),
        ),
        (
            "off: Authorize needs evidence",
            BASE,
            Rules { server_evidence: false, answer_age: false, ..ALL },
            Breaks("bounded"),
        ),
        ("off: answer's age end to end", BASE, Rules { answer_age: false, ..ALL }, Breaks("bounded")),
        // The one that may be left out: the age carried end to end refuses what the server would have.
        ("off: evidence at the server, age end to end kept", BASE, Rules { server_evidence: false, ..ALL }, Holds),
        ("off: feed identity", restore, Rules { feed_identity: false, ..ALL }, Breaks("bounded")),
        ("off: lost revocations written again", lost, Rules { reapply: false, ..ALL }, Breaks("bounded")),
    ];
    for (name, feed, rules, expect) in rows {
        bench.row(name, Feed { rules, ..feed }, expect)?;
    }
    Ok(())
}
