//! The change mark of the last write, so that the next verb sees what this one did, at whatever replica it asks.
//!
//! A mark is remembered for each server, and sent for ten minutes: after that every replica is past it or away, and a server
//! whose database went back is not asked in vain for ever.

use std::sync::{Arc, Mutex};

use passgate_kit::client::{Ambient, MARK_HEADER};
use serde::{Deserialize, Serialize};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

use super::failure::Failure;
use super::home::Shelf;

const FILE: &str = "change-mark";
/// How long a mark is sent, in seconds.
const SENT_FOR: u64 = 600;

/// The mark to send. Clones share it.
#[derive(Clone, Debug)]
pub struct Marks {
    shelf: Shelf,
    ambient: Ambient,
    last: Arc<Mutex<Option<MetadataValue<Ascii>>>>,
}

/// The file: one JSON object.
#[derive(Deserialize, Serialize)]
struct Wire {
    mark: String,
    /// When it was noted, in seconds since 1970.
    noted: u64,
}

impl Marks {
    /// What is remembered on `shelf`.
    ///
    /// # Errors
    /// If the file cannot be read. One that holds something else counts as none.
    pub fn load(shelf: Shelf, ambient: Ambient) -> Result<Self, Failure> {
        let text = shelf.read(FILE)?;
        let wire: Option<Wire> = text.and_then(|text| serde_json::from_str(text.expose()).ok());
        let recent = wire.filter(|wire| ambient.unix_now().abs_diff(wire.noted) < SENT_FOR);
        let last = recent.and_then(|wire| wire.mark.parse().ok());
        Ok(Self { shelf, ambient, last: Arc::new(Mutex::new(last)) })
    }

    /// The mark to send now.
    #[must_use]
    pub fn to_send(&self) -> Option<MetadataValue<Ascii>> {
        self.last.lock().ok()?.clone()
    }

    /// Notes the mark of an answer, if it has one, for this verb and the next.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn note(&self, answer: &MetadataMap) -> Result<(), Failure> {
        let Some(mark) = answer.get(MARK_HEADER) else {
            return Ok(());
        };
        self.set(Some(mark.clone()));
        let text = mark.to_str().map_err(|_| Failure::Contract(MARK_HEADER))?.to_owned();
        let wire = Wire { mark: text, noted: self.ambient.unix_now() };
        self.shelf.write(FILE, &serde_json::to_string(&wire).map_err(|_| Failure::Contract(MARK_HEADER))?)
    }

    /// Forgets it: another installation is there now.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn forget(&self) -> Result<(), Failure> {
        self.set(None);
        self.shelf.remove(FILE).map(|_| ())
    }

    fn set(&self, mark: Option<MetadataValue<Ascii>>) {
        // Nothing panics while it is held; if something had, no mark is sent, which is allowed.
        if let Ok(mut last) = self.last.lock() {
            *last = mark;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use passgate_kit::client::{ManualClock, SeededRandom};
    use time::macros::datetime;

    use super::super::environment::Environment;
    use super::super::home::Home;
    use super::*;

    #[test]
    fn the_next_verb_sends_the_last_mark_until_it_is_old_or_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = Environment::from([("PASSGATE_HOME", folder.path().to_str().expect("text"))]);
        let shelf = Home::find(&environment).expect("a home").of("http+localhost+80");
        let clock = Arc::new(ManualClock::new(datetime!(2026-01-01 0:00 UTC)));
        let ambient = Ambient::new(clock.clone(), Arc::new(SeededRandom::new(1)));
        let load = || Marks::load(shelf.clone(), ambient.clone()).expect("readable");
        let mut answer = MetadataMap::new();
        answer.insert(MARK_HEADER, "AbC".parse().expect("a value"));

        let marks = load();
        assert_eq!(marks.to_send(), None);
        marks.note(&answer).expect("noted");
        marks.note(&MetadataMap::new()).expect("a read has none");

        assert_eq!(marks.to_send(), load().to_send());
        assert_eq!(load().to_send().expect("a mark"), "AbC");
        clock.advance(Duration::from_secs(SENT_FOR));
        assert_eq!(load().to_send(), None, "too old");
        marks.note(&answer).expect("noted");
        marks.forget().expect("forgotten");
        assert_eq!((marks.to_send(), load().to_send()), (None, None));
    }
}
