//! What is made of files, as long as they are right.
//!
//! The files are looked at when what they make is used, once a second at most. Those of a pair are written one after the
//! other: so they are read once they have not changed between two looks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use passgate_client::Ambient;
use passgate_client::clock::Moment;
use time::OffsetDateTime;

use super::TlsError;
use super::expiry::Said;
use crate::keyfile::shown;
use crate::stamp::Stamp;

/// How often the files are looked at, at most.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is made of the files, and the certificate among them with its end.
pub(super) struct Made<T> {
    pub what: Arc<T>,
    pub certificate: Option<(PathBuf, OffsetDateTime)>,
}

type Make<T> = Box<dyn Fn() -> Result<Made<T>, TlsError> + Send + Sync>;

/// A `T` that follows files.
pub(super) struct Followed<T> {
    files: Vec<PathBuf>,
    make: Make<T>,
    ambient: Ambient,
    seen: Mutex<Seen>,
    said: Said,
    current: ArcSwap<Made<T>>,
}

/// What was seen of the files.
struct Seen {
    looked: Moment,
    /// At the last look.
    last: Vec<Stamp>,
    /// When what is in force was made.
    made: Vec<Stamp>,
    /// What was told of files that are wrong, so that it is told once.
    told: Option<String>,
}

impl<T> Followed<T> {
    /// Makes it of the files as they are.
    pub(super) fn open(files: Vec<PathBuf>, make: Make<T>, ambient: &Ambient) -> Result<Self, TlsError> {
        let (stamps, looked) = (stamps(&files), ambient.moment());
        let current = ArcSwap::from_pointee(make()?);
        let seen = Mutex::new(Seen { looked, last: stamps.clone(), made: stamps, told: None });
        let followed = Self { files, make, ambient: ambient.clone(), seen, said: Said::default(), current };
        followed.say_when_it_ends();
        Ok(followed)
    }

    /// What is in force now.
    pub(super) fn current(&self) -> Arc<T> {
        self.look();
        Arc::clone(&self.current.load().what)
    }

    /// Looks at the files, unless that was done within the last second.
    pub(super) fn look(&self) {
        let Some(mut seen) = self.seen.try_lock() else { return }; // somebody else looks
        let now = self.ambient.moment();
        if now.since(seen.looked) < LOOK_EVERY {
            return;
        }
        seen.looked = now;
        let before = std::mem::replace(&mut seen.last, stamps(&self.files));
        if seen.last == before && seen.last != seen.made {
            self.make_anew(&mut seen);
        }
        self.say_when_it_ends();
    }

    fn make_anew(&self, seen: &mut Seen) {
        match (self.make)() {
            Ok(made) => {
                self.current.store(Arc::new(made));
                seen.made = seen.last.clone();
                seen.told = None;
                tracing::info!("new connections use {} as of now", self.names());
            }
            Err(error) => {
                let told = error.to_string();
                if seen.told.as_ref() != Some(&told) {
                    tracing::error!(
                        "{} cannot be used, and what was there before stays in force: {told}",
                        self.names()
                    );
                }
                seen.told = Some(told);
            }
        }
    }

    fn say_when_it_ends(&self) {
        if let Some((file, not_after)) = &self.current.load().certificate {
            self.said.say(file, *not_after, self.ambient.now());
        }
    }

    fn names(&self) -> String {
        self.files.iter().map(|file| shown(file)).collect::<Vec<_>>().join(", ")
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    files.iter().map(|file| Stamp::of(file)).collect()
}
