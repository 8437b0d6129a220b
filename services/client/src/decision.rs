//! Questions and decisions: may this token do this now?
//!
//! A decision says what it is true for (`as_of`) and what it rests on, so that whoever keeps it can tell which changes
//! touch it. An allow is turned into an [`Allowed`] once, by [`Decision::permit`]; what needs permission takes that value,
//! so a forgotten check does not compile.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::action::Action;
use crate::claims::TokenKind;
use crate::credential::Credential;
use crate::id::{GroupId, Jti, Principal, TokenId};
use crate::keyset::Kid;
use crate::position::Vector;
use crate::reason::Reason;
use crate::resource::Resource;
use crate::scopes::Scopes;

/// May the holder of `token` do `action` on `resource` now?
#[derive(Clone, Debug)]
pub struct Question {
    /// The token as it was presented.
    pub token: Arc<Credential>,
    /// What it is presented for.
    pub resource: Resource,
    /// What is to be done with it.
    pub action: Action,
    /// A change mark: the decision must not be older than that.
    pub at_least: Option<String>,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Yes, or why not.
    pub verdict: Result<(), Denied>,
    /// The positions it is true for.
    pub as_of: Vector,
    /// What it rests on. `None` if the token is not genuine: such a denial rests on nothing that can change.
    pub rests_on: Option<RestsOn>,
    /// Who holds the token. `None` if it is not genuine.
    pub holder: Option<Holder>,
    /// How old the evidence was that nothing had changed, when the answer was made. Never rounded down.
    pub evidence_age: Duration,
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Denied {
    /// For programs.
    pub reason: Reason,
    /// For people.
    pub detail: String,
}

/// What a decision rests on: a change to any of these may change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestsOn {
    /// The token.
    pub token_id: TokenId,
    /// Its secret.
    pub jti: Jti,
    /// The key that signed it.
    pub kid: Kid,
    /// Its owner.
    pub principal: Principal,
    /// The owner's groups.
    pub groups: Vec<GroupId>,
    /// What was asked for.
    pub resource: Resource,
    /// What was to be done with it.
    pub action: Action,
}

/// Who holds a genuine token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The token's owner.
    pub principal: Principal,
    /// The token.
    pub token_id: TokenId,
    /// Its secret.
    pub jti: Jti,
    /// Named or session.
    pub kind: TokenKind,
    /// Its live scopes.
    pub scopes: Scopes,
    /// When the user signed in; `None` for a named token.
    pub auth_time: Option<OffsetDateTime>,
    /// When it expires; `None` is never.
    pub expires_at: Option<OffsetDateTime>,
}

/// Who holds a genuine token, and what a decision about it rests on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) holder: Holder,
    pub(crate) rests_on: RestsOn,
}

/// The permission to do what was asked. Only an allowing decision makes one. Clones share what it says.
#[derive(Clone, Debug)]
pub struct Allowed(Arc<Facts>);

impl Allowed {
    /// The permission that a yes about these gives. Whoever calls this has the yes.
    pub(crate) const fn new(facts: Arc<Facts>) -> Self {
        Self(facts)
    }

    /// Who is allowed.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.0.holder
    }

    /// What is allowed, and what that rests on.
    #[must_use]
    pub fn rests_on(&self) -> &RestsOn {
        &self.0.rests_on
    }
}

impl Decision {
    /// Whether it is a yes.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict.is_ok()
    }

    /// Why not; `None` if it is a yes.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.verdict.as_ref().err().map(|denied| denied.reason)
    }

    /// The permission, if it is a yes.
    ///
    /// # Errors
    /// Why not. A yes that does not say who holds the token counts as undecidable.
    pub fn permit(self) -> Result<Allowed, Denied> {
        self.verdict?;
        match (self.holder, self.rests_on) {
            (Some(holder), Some(rests_on)) => Ok(Allowed(Arc::new(Facts { holder, rests_on }))),
            _ => Err(Denied {
                reason: Reason::Undecidable,
                detail: "the decision does not say whom it allows".to_owned(),
            }),
        }
    }
}
