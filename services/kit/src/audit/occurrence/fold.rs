//! Occurrences that are alike within a minute are one row.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use passgate_client::Ambient;
use time::OffsetDateTime;

use super::Occurrence;
use super::table::Model;

/// How many different ones are folded between two writes.
pub(super) const MAX_FOLDED: usize = 8192;
/// The longest resource that is kept, in characters.
const MAX_RESOURCE: usize = 600;

/// What makes occurrences alike: kind, subject, reason, minute.
type Alike = (&'static str, String, &'static str, i64);

/// The rows that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Folds(BTreeMap<Alike, Model>);

impl Folds {
    /// Counts an occurrence `count` times. False if there are too many different ones already.
    #[must_use]
    pub(super) fn add(&mut self, at: OffsetDateTime, occurrence: Occurrence, count: i64, ambient: &Ambient) -> bool {
        let Occurrence { kind, subject, reason, actor, resource } = occurrence;
        let minute = at.unix_timestamp().div_euclid(60);
        let time_us = i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX);
        let resource = resource.map(|resource| resource.chars().take(MAX_RESOURCE).collect());
        let room = self.0.len() < MAX_FOLDED;
        match self.0.entry((kind, subject.clone(), reason, minute)) {
            Entry::Occupied(mut folded) => {
                let row = folded.get_mut();
                row.count = row.count.saturating_add(count);
                row.last_us = row.last_us.max(time_us);
                row.time_us = row.time_us.min(time_us);
                row.peer = actor.peer.or(row.peer.take());
                row.resource = resource.or(row.resource.take());
                true
            }
            Entry::Vacant(free) if room => {
                free.insert(Model {
                    kind: kind.to_owned(),
                    subject,
                    reason: reason.to_owned(),
                    minute,
                    id: ambient.uuid_v7().to_string(),
                    actor: actor.principal,
                    actor_token: actor.token_id.map(|id| id.to_string()),
                    via: actor.via,
                    peer: actor.peer,
                    resource,
                    time_us,
                    last_us: time_us,
                    count,
                });
                true
            }
            Entry::Vacant(_) => false,
        }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows to write.
    pub(super) fn rows(&self) -> Vec<Model> {
        self.0.values().cloned().collect()
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
