//! Rows of evidence without the database.

use crate::search::Bench;
use crate::search::Expect::{Breaks, Holds};
use crate::writers::{ALL, Renewal, Rules, Writers};
use std::io;

/// Every rule on, and each left out alone.
pub fn all(bench: &mut Bench<'_>) -> io::Result<()> {
    let base = Writers { s: 1, t: 2, restore: false, rules: ALL };
    bench.row("writers: every rule on", base, Holds)?;
    bench.row("writers: restore, every rule on", Writers { restore: true, ..base }, Holds)?;
    for (name, rules) in without_one_rule() {
        bench.row(name, Writers { rules, ..base }, Breaks("bounded"))?;
    }
    let rules = Rules { wait_in_new_feed: false, ..ALL };
    bench.row("writers off: wait in a new feed", Writers { restore: true, rules, ..base }, Breaks("bounded"))
}

fn without_one_rule() -> [(&'static str, Rules); 10] {
    [
        ("writers off: joining wait", Rules { joining_wait: false, ..ALL }),
        ("writers off: registration lapse", Rules { lapse: false, ..ALL }),
        ("writers off: lapse from the renewal's send", Rules { lapse_from_send: false, ..ALL }),
        ("writers off: renewal reads the writers", Rules { renewal: Renewal::WithoutWriters, ..ALL }),
        ("writers off: renewal reads the head", Rules { renewal: Renewal::WithoutHead, ..ALL }),
        ("writers off: renewals take one lock", Rules { serial: false, ..ALL }),
        ("writers off: keep those acknowledged meanwhile", Rules { keep_acknowledged: false, ..ALL }),
        ("writers off: dropped by a read only", Rules { drop_by_read_only: false, ..ALL }),
        ("writers off: word covers what was acknowledged", Rules { word_covers_seen: false, ..ALL }),
        ("writers off: fence", Rules { fence: false, ..ALL }),
    ]
}
