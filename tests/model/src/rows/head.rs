//! Rows about what a head is.

use crate::head::{Head, Source};
use crate::search::Bench;
use crate::search::Expect::{Breaks, Holds};
use std::io;

/// All of them; each is searched in no time.
pub fn all(bench: &mut Bench<'_>) -> io::Result<()> {
    let on = Head { s: 2, synchronous: true, source: Source::Commit };
    let standby = Head { source: Source::StandbyRead, ..on };
    let primary = Head { source: Source::PrimaryRead, ..on };
    bench.row("head: synchronous standby, evidence is a commit", on, Holds)?;
    bench.row("head: evidence is a read of a standby", standby, Breaks("bounded"))?;
    bench.row("head: evidence is a read of a primary, perhaps deposed", primary, Breaks("bounded"))?;
    let hasty = Head { synchronous: false, ..on };
    bench.row("head: replies before the standby has it (lost commits)", hasty, Breaks("bounded"))
}
