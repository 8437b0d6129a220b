//! What happens to the one token that the model follows.

use super::Feed;
use super::state::{At, State};

/// A change at the database where changes are made. Its reply leaves with the commit: the hardest case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The token is revoked (or its owner disabled, its grant removed).
    Revoke,
    /// It is enabled, or granted, again.
    Enable,
    /// A change that takes a number and leaves this token alone.
    Other,
    /// The database is restored from a backup made at the beginning.
    Restore,
}

impl Feed {
    /// The next change of the script commits.
    pub(super) fn commit(&self, st: &mut State) -> bool {
        let Some(change) = self.script.get(usize::from(st.step)) else { return false };
        st.step += 1;
        let db = if self.hop { &mut st.origin } else { &mut st.db };
        match change {
            Change::Revoke => {
                (db.head, db.bad) = (db.head + 1, true);
                st.revoked = Some(0);
            }
            Change::Enable => {
                (db.head, db.bad) = (db.head + 1, false);
                st.revoked = None;
            }
            Change::Other => db.head += 1,
            Change::Restore => {
                *db = At { feed: db.feed + u8::from(self.rules.feed_identity), head: 0, bad: false };
                if st.revoked.is_some() && self.rules.reapply {
                    (db.head, db.bad) = (1, true);
                }
            }
        }
        true
    }
}
