//! What there is to know of the streams, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts, since the start.
#[derive(Debug, Default)]
pub struct StreamCounters {
    opened: AtomicU64,
    resumed: AtomicU64,
    changes: AtomicU64,
    echoes: AtomicU64,
    withheld: AtomicU64,
    cut_off: AtomicU64,
}

/// The streams of changes to deciders, as they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Deciders that watch here now.
    pub watchers: u64,
    /// How many changes the decider that is furthest behind has not acknowledged. A rise means that one does not keep up.
    pub lag: u64,
    /// The newest change that was applied here.
    pub head: u64,
    /// Streams that were opened.
    pub opened: u64,
    /// Those of them that went on where the decider was. The others started over, with an empty memory.
    pub resumed: u64,
    /// Changes that were sent, one for each stream.
    pub changes: u64,
    /// Leases that were given.
    pub echoes: u64,
    /// Nonces that were not answered when they could have been, for want of fresh evidence. A rise means that deciders lose
    /// their leases and ask for each decision.
    pub withheld: u64,
    /// Streams that were cut off since nobody read them.
    pub cut_off: u64,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub enum Counted {
    /// A stream was opened.
    Opened,
    /// It goes on where the decider was.
    Resumed,
    /// Changes were sent.
    Changes(usize),
    /// A lease was given.
    Echo,
    /// None could be given.
    Withheld,
    /// A stream was cut off.
    CutOff,
}

impl StreamCounters {
    /// Counts.
    pub fn count(&self, what: Counted) {
        let (counter, by) = match what {
            Counted::Opened => (&self.opened, 1),
            Counted::Resumed => (&self.resumed, 1),
            Counted::Changes(by) => (&self.changes, u64::try_from(by).unwrap_or(u64::MAX)),
            Counted::Echo => (&self.echoes, 1),
            Counted::Withheld => (&self.withheld, 1),
            Counted::CutOff => (&self.cut_off, 1),
        };
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// The counts, beside what the others are by now.
    #[must_use]
    pub fn with(&self, watchers: u64, lag: u64, head: u64) -> StreamStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StreamStats {
            watchers,
            lag,
            head,
            opened: read(&self.opened),
            resumed: read(&self.resumed),
            changes: read(&self.changes),
            echoes: read(&self.echoes),
            withheld: read(&self.withheld),
            cut_off: read(&self.cut_off),
        }
    }
}
