//! Sessions: the short tokens that signing in gives.

mod ops;

pub use ops::{Sessions, end_again, end_all};

use passgate_kit::client::{Jti, Kid, TokenId, UserId};
use time::OffsetDateTime;

/// How many a user has at most. One more ends the oldest.
pub const MAX_SESSIONS: usize = 20;

/// A session, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id, as a token.
    pub id: TokenId,
    /// Its one secret.
    pub jti: Jti,
    /// The key that signed it.
    pub kid: Kid,
    /// Who signed in.
    pub owner: UserId,
    /// The user's session epoch when the password was checked: a session of an older one than the user's is over.
    pub epoch: u64,
    /// When the password was checked.
    pub auth_time: OffsetDateTime,
    /// When it began.
    pub create_time: OffsetDateTime,
    /// When it ends by itself: a whole second.
    pub expire_time: OffsetDateTime,
    /// When it was ended.
    pub end_time: Option<OffsetDateTime>,
}

impl Session {
    /// Whether it has neither been ended nor run out. Its owner's epoch is not looked at.
    #[must_use]
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.end_time.is_none() && now < self.expire_time
    }
}
