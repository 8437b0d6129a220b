//! Time, passed in.
//!
//! Two kinds are kept apart. The *wall* time is for people, rows and `exp`. A [`Moment`] is for measuring how long ago
//! something was **on this machine**: it reads three clocks, and what has passed is the largest that any of them says.
//! So neither a suspended machine (the monotonic clock stands still), nor a stepped wall clock, nor a resumed snapshot
//! makes an age look younger than it is. No `Moment` is ever sent anywhere; durations are.

use std::fmt::Debug;
use std::time::Duration as StdDuration;

use parking_lot::Mutex;
use rustix::time::{ClockId, Timespec, clock_gettime};
use time::{Duration, OffsetDateTime};

/// Where everything here gets its time from.
pub trait Clock: Send + Sync + Debug {
    /// The time of day, in UTC.
    fn wall(&self) -> OffsetDateTime;

    /// Now, for measuring durations on this machine.
    fn moment(&self) -> Moment;
}

/// A point in time on this machine, comparable only with other moments of the same clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    mono: Duration,
    boot: Duration,
    wall: Duration,
}

impl Moment {
    /// How long ago `earlier` was: the largest that the monotonic, boot-time and wall clocks say, never below zero.
    #[must_use]
    pub fn since(self, earlier: Self) -> StdDuration {
        let passed = (self.mono - earlier.mono).max(self.boot - earlier.boot).max(self.wall - earlier.wall);
        StdDuration::try_from(passed).unwrap_or(StdDuration::ZERO)
    }

    /// The moment that lies `age` before this one, as needed for evidence that was already that old when it came.
    #[must_use]
    pub fn before(self, age: StdDuration) -> Self {
        let age = Duration::try_from(age).unwrap_or(Duration::MAX);
        Self {
            mono: self.mono.saturating_sub(age),
            boot: self.boot.saturating_sub(age),
            wall: self.wall.saturating_sub(age),
        }
    }

    /// Whether the wall clock showed `time` or later: how an expiry is checked without reading the clocks twice.
    #[must_use]
    pub fn is_at_or_after(self, time: OffsetDateTime) -> bool {
        self.wall >= time - OffsetDateTime::UNIX_EPOCH
    }

    /// The wall clock's time in whole seconds since 1970, as tokens have it; 0 before that.
    #[must_use]
    pub fn unix_seconds(self) -> u64 {
        u64::try_from(self.wall.whole_seconds()).unwrap_or(0)
    }

    /// What the monotonic clock alone says has passed: wrong on a machine that was suspended, and here to show it.
    #[cfg(any(test, feature = "mutations"))]
    pub(crate) fn since_by_monotonic_clock_alone(self, earlier: Self) -> StdDuration {
        StdDuration::try_from(self.mono - earlier.mono).unwrap_or(StdDuration::ZERO)
    }
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH.saturating_add(duration(clock_gettime(ClockId::Realtime)))
    }

    fn moment(&self) -> Moment {
        Moment {
            mono: duration(clock_gettime(ClockId::Monotonic)),
            boot: duration(clock_gettime(ClockId::Boottime)), // Linux: also counts while suspended
            wall: duration(clock_gettime(ClockId::Realtime)),
        }
    }
}

fn duration(reading: Timespec) -> Duration {
    Duration::seconds(reading.tv_sec) + Duration::nanoseconds(reading.tv_nsec)
}

/// A clock that moves only when told to, for tests and simulation.
#[derive(Debug)]
pub struct ManualClock(Mutex<Moment>);

impl ManualClock {
    /// A clock whose wall shows `wall`.
    #[must_use]
    pub fn new(wall: OffsetDateTime) -> Self {
        let wall = wall - OffsetDateTime::UNIX_EPOCH;
        Self(Mutex::new(Moment { mono: Duration::ZERO, boot: Duration::ZERO, wall }))
    }

    /// Lets `passed` go by, on every clock.
    pub fn advance(&self, passed: StdDuration) {
        let passed = Duration::try_from(passed).unwrap_or(Duration::MAX);
        let mut now = self.0.lock();
        now.mono = now.mono.saturating_add(passed);
        now.boot = now.boot.saturating_add(passed);
        now.wall = now.wall.saturating_add(passed);
    }

    /// Suspends the machine for `slept`: the monotonic clock stands still meanwhile.
    pub fn suspend(&self, slept: StdDuration) {
        let slept = Duration::try_from(slept).unwrap_or(Duration::MAX);
        let mut now = self.0.lock();
        now.boot = now.boot.saturating_add(slept);
        now.wall = now.wall.saturating_add(slept);
    }

    /// Steps the wall clock, either way; the others go on as if nothing had happened.
    pub fn set_wall(&self, wall: OffsetDateTime) {
        self.0.lock().wall = wall - OffsetDateTime::UNIX_EPOCH;
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH.saturating_add(self.0.lock().wall)
    }

    fn moment(&self) -> Moment {
        *self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);

    #[test]
    fn what_passed_is_the_largest_that_any_clock_says() {
        let clock = ManualClock::new(START);
        let earlier = clock.moment();

        clock.advance(StdDuration::from_secs(3));
        assert_eq!(clock.moment().since(earlier), StdDuration::from_secs(3));

        clock.suspend(StdDuration::from_secs(4));
        assert_eq!(clock.moment().since(earlier), StdDuration::from_secs(7), "sleep counts");

        clock.set_wall(START - Duration::days(1));
        assert_eq!(clock.moment().since(earlier), StdDuration::from_secs(7), "a step back hides nothing");

        clock.set_wall(START + Duration::days(1));
        assert_eq!(clock.moment().since(earlier), StdDuration::from_secs(86_400), "a step forward only makes older");
    }

    #[test]
    fn a_later_moment_is_zero_ago() {
        let clock = ManualClock::new(START);
        let earlier = clock.moment();
        clock.advance(StdDuration::from_secs(1));

        assert_eq!(earlier.since(clock.moment()), StdDuration::ZERO);
    }

    #[test]
    fn an_age_is_kept_even_if_it_reaches_back_before_the_machine_started() {
        let clock = ManualClock::new(START);
        let aged = clock.moment().before(StdDuration::from_secs(60));

        assert_eq!(clock.moment().since(aged), StdDuration::from_secs(60));
    }

    #[test]
    fn a_moment_knows_the_time_of_day_to_the_nanosecond() {
        let clock = ManualClock::new(START);

        assert!(clock.moment().is_at_or_after(START));
        assert!(!clock.moment().is_at_or_after(START + Duration::NANOSECOND));
        assert_eq!(i64::try_from(clock.moment().unix_seconds()), Ok(START.unix_timestamp()));
    }

    #[test]
    fn the_system_clock_goes_forward() {
        let first = SystemClock.moment();
        let second = SystemClock.moment();

        assert!(first.since(second) <= second.since(first));
        assert!(SystemClock.wall() > START);
    }
}
