//! A value that counts only while there is young evidence that it is still true.
//!
//! One writer puts values in place and renews the evidence; readers get the value, or nothing once the newest evidence is
//! older than the bound. So whoever is cut off from the source of the value stops using it by itself.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use passgate_kit::client::{Ambient, Moment};

/// Reads the value. Clones read the same one.
#[derive(Debug)]
pub struct FreshReader<T>(Arc<Shared<T>>);

/// The right to replace the value. Not `Clone`: whoever follows the source holds the only one.
#[derive(Debug)]
pub struct FreshWriter<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    held: ArcSwapOption<Held<T>>,
    bound: Duration,
    ambient: Ambient,
}

#[derive(Debug)]
struct Held<T> {
    value: Arc<T>,
    true_at: Moment,
}

/// A cell without a value, whose values count for `bound` after the newest evidence.
#[must_use]
pub fn fresh<T>(bound: Duration, ambient: &Ambient) -> (FreshWriter<T>, FreshReader<T>) {
    let shared = Arc::new(Shared { held: ArcSwapOption::empty(), bound, ambient: ambient.clone() });
    (FreshWriter(Arc::clone(&shared)), FreshReader(shared))
}

impl<T> FreshReader<T> {
    /// The value; `None` if there is none yet, or the evidence for it is too old.
    #[must_use]
    pub fn current(&self) -> Option<Arc<T>> {
        let held = self.0.held.load();
        let held = held.as_ref()?;
        let age = self.0.ambient.moment().since(held.true_at);
        (age <= self.0.bound).then(|| Arc::clone(&held.value))
    }
}

impl<T> FreshWriter<T> {
    /// Puts `value` in place, known to be true at `true_at`.
    pub fn publish(&mut self, value: T, true_at: Moment) {
        self.0.held.store(Some(Arc::new(Held { value: Arc::new(value), true_at })));
    }

    /// Says that the value in place, if any, is still true at `true_at`.
    pub fn confirm(&mut self, true_at: Moment) {
        let confirmed = self.0.held.load().as_ref().map(|held| Held { value: Arc::clone(&held.value), true_at });
        if let Some(confirmed) = confirmed {
            self.0.held.store(Some(Arc::new(confirmed)));
        }
    }

    /// Takes the value away: it is known to be wrong.
    pub fn clear(&mut self) {
        self.0.held.store(None);
    }
}

impl<T> Clone for FreshReader<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use passgate_kit::client::{ManualClock, SeededRandom};
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_value_counts_until_its_evidence_is_older_than_the_bound() {
        let clock = Arc::new(ManualClock::new(OffsetDateTime::UNIX_EPOCH));
        let ambient = Ambient::new(Arc::clone(&clock) as _, Arc::new(SeededRandom::new(1)));
        let (mut writer, reader) = fresh(Duration::from_secs(5), &ambient);
        assert_eq!(reader.current(), None, "nothing yet");

        writer.publish("value", ambient.moment());
        clock.advance(Duration::from_secs(5));
        assert_eq!(reader.current().as_deref(), Some(&"value"), "at the bound");

        clock.advance(Duration::from_nanos(1));
        assert_eq!(reader.current(), None, "past the bound");

        writer.confirm(ambient.moment());
        assert_eq!(reader.current().as_deref(), Some(&"value"), "confirmed");
    }
}
