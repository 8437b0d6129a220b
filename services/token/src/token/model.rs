//! A named token and its states.
//!
//! The row is the truth, the signed token an upper bound: narrowing, disabling and revoking need no new secret. A token
//! lives until it is revoked or its time is over; while it lives it holds its name and counts in its owner's limit.

use passgate_kit::client::{Description, Jti, Kid, Labels, Name, Principal, Scopes, TokenId};
use time::OffsetDateTime;
use uuid::Uuid;

/// A named token, without any secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Who owns it.
    pub owner: Principal,
    /// For people.
    pub name: Name,
    /// For people, longer.
    pub description: Description,
    /// To find it by.
    pub labels: Labels,
    /// What it may do at most.
    pub scopes: Scopes,
    /// What became of it so far, besides time.
    pub life: Life,
    /// The creation that it came into being with, if it did not alone.
    pub creation: Option<Creation>,
    /// When it was made.
    pub create_time: OffsetDateTime,
    /// When its time is over: a whole second. `None` is never.
    pub expire_time: Option<OffsetDateTime>,
    /// Who made it.
    pub created_by: Principal,
    /// The token or session that it was made with.
    pub created_with: Option<TokenId>,
    /// When it was last changed.
    pub update_time: OffsetDateTime,
    /// Its secrets, oldest first.
    pub secrets: Vec<Secret>,
    /// Counts its changes.
    pub revision: u64,
    /// Whether its owner was deleted, where that was looked at: where tokens are shown and changed. Decisions look at the
    /// owner itself.
    pub owner_deleted: bool,
}

/// The act of the identity service that a token came into being with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Which.
    pub id: Uuid,
    /// What the token was asked to be, so that a repeat is told from another request.
    pub digest: [u8; 32],
}

/// What became of a token so far, besides time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// Its owner is about to be created. Until that commits, it is not listed and counts nowhere.
    Provisional,
    /// Nothing stands against it.
    Active,
    /// Switched off.
    Disabled {
        /// When.
        at: OffsetDateTime,
    },
    /// Taken away, for good.
    Revoked {
        /// When.
        at: OffsetDateTime,
        /// By whom, as the feed names actors.
        by: String,
        /// Why, in that one's words.
        reason: Description,
    },
}

/// Whether a token works at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does.
    Active,
    /// Not until it is enabled.
    Disabled,
    /// No more: its time is over.
    Expired,
    /// No more: it was taken away.
    Revoked,
    /// No more: nothing stands against it, but its owner was deleted.
    OwnerDeleted,
}

/// One signed secret of a token: what is known of it, never itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its id.
    pub jti: Jti,
    /// The key that signed it.
    pub kid: Kid,
    /// When it was made.
    pub create_time: OffsetDateTime,
}

impl Token {
    /// Whether it works at `now`.
    #[must_use]
    pub fn state(&self, now: OffsetDateTime) -> State {
        match &self.life {
            Life::Revoked { .. } => State::Revoked,
            _ if self.is_expired(now) => State::Expired,
            Life::Disabled { .. } => State::Disabled,
            Life::Active | Life::Provisional if self.owner_deleted => State::OwnerDeleted,
            Life::Active | Life::Provisional => State::Active,
        }
    }

    /// Whether its time is over. The second of the expiry itself is too late (RFC 7519 §4.1.4).
    #[must_use]
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        self.expire_time.is_some_and(|end| now >= end)
    }

    /// Whether its owner is still to be.
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        matches!(self.life, Life::Provisional)
    }

    /// `tokens/{id}`
    #[must_use]
    pub fn resource_name(&self) -> String {
        self.id.resource_name()
    }

    /// One revision on.
    pub(crate) fn touch(&mut self, now: OffsetDateTime) {
        self.update_time = now;
        self.revision = self.revision.saturating_add(1);
    }
}
