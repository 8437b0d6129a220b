//! What is appended to a feed.

use std::fmt;

use passgate_client::{GroupId, Jti, Principal, Resource, TokenId, Vector};
use serde_json::Value;

/// A change, as the transaction that makes it appends it.
#[derive(Clone, Debug)]
pub struct Change {
    /// What was done: `token.revoked`. Never renamed.
    pub kind: &'static str,
    /// With what: `tokens/{id}`.
    pub subject: String,
    /// How it was, without secrets; `None` if it is new.
    pub before: Option<Value>,
    /// How it is now, without secrets; `None` if it is gone.
    pub after: Option<Value>,
    /// Which decisions no longer hold.
    pub touches: Vec<Touch>,
    /// The changes in other feeds that caused it.
    pub cause: Option<Vector>,
}

impl Change {
    /// A change of `subject` of which nothing else is said yet.
    pub fn new(kind: &'static str, subject: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), before: None, after: None, touches: Vec::new(), cause: None }
    }

    /// With how it was.
    #[must_use]
    pub fn before(mut self, before: Value) -> Self {
        self.before = Some(before);
        self
    }

    /// With how it is now.
    #[must_use]
    pub fn after(mut self, after: Value) -> Self {
        self.after = Some(after);
        self
    }

    /// With one more thing that decisions may rest on.
    #[must_use]
    pub fn touch(mut self, touch: Touch) -> Self {
        self.touches.push(touch);
        self
    }

    /// With the changes in other feeds that caused it.
    #[must_use]
    pub fn caused_by(mut self, cause: Vector) -> Self {
        self.cause = Some(cause);
        self
    }
}

/// Who made a change, and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// `users/{id}`, `api-users/{id}`, `services/{instance}`, or `passgate` itself.
    pub principal: String,
    /// The token that was used.
    pub token_id: Option<TokenId>,
    /// The address that the call came from.
    pub peer: Option<String>,
    /// How it came: `api`, `start`, `command-line`, or the service that passed it on.
    pub via: String,
}

impl Actor {
    /// Passgate itself, in the course of `via`: a start, a sweep, the command line.
    pub fn passgate(via: impl Into<String>) -> Self {
        Self { principal: "passgate".to_owned(), token_id: None, peer: None, via: via.into() }
    }

    /// A principal that called the API.
    #[must_use]
    pub fn principal(principal: Principal, token_id: Option<TokenId>, peer: Option<String>) -> Self {
        Self { principal: principal.to_string(), token_id, peer, via: "api".to_owned() }
    }
}

/// What decisions may rest on: a change that names it invalidates them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Touch {
    /// All decisions about a token.
    Token(TokenId),
    /// All decisions about one secret of a token.
    Jti(Jti),
    /// All decisions about tokens that this key signed.
    Key(String),
    /// All decisions about a principal's tokens.
    Principal(Principal),
    /// All decisions that rest on membership in a group.
    Group(GroupId),
    /// All decisions about a resource.
    Resource(Resource),
    /// All decisions. Also what a newer version wrote and this one cannot read.
    Everything,
}

impl Touch {
    /// Reads it back. What is not known touches everything, which is always right, if slow.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (collection, name) = text.split_once('/').unwrap_or((text, ""));
        let known = match collection {
            "tokens" => TokenId::parse(name).ok().map(Self::Token),
            "jtis" => Jti::parse(name).ok().map(Self::Jti),
            "keys" => Some(Self::Key(name.to_owned())),
            "users" | "api-users" => Principal::parse(text).ok().map(Self::Principal),
            "groups" => GroupId::parse(name).ok().map(Self::Group),
            "endpoints" | "apis" => Resource::parse(text).ok().map(Self::Resource),
            _ => None,
        };
        known.unwrap_or(Self::Everything)
    }
}

impl fmt::Display for Touch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(id) => write!(out, "tokens/{id}"),
            Self::Jti(id) => write!(out, "jtis/{id}"),
            Self::Key(kid) => write!(out, "keys/{kid}"),
            Self::Principal(principal) => principal.fmt(out),
            Self::Group(id) => write!(out, "groups/{id}"),
            Self::Resource(resource) => resource.fmt(out),
            Self::Everything => out.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn touches_read_back_as_they_were_written() {
        let id = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
        let touches = [
            Touch::Token(TokenId::new(id)),
            Touch::Jti(Jti::new(id)),
            Touch::Key("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k".to_owned()),
            Touch::Principal(Principal::parse(&format!("api-users/{id}")).expect("principal")),
            Touch::Group(GroupId::new(id)),
            Touch::Resource(Resource::parse("endpoints/sales").expect("resource")),
            Touch::Everything,
        ];

        for touch in touches {
            assert_eq!(Touch::read(&touch.to_string()), touch);
        }
    }

    #[test]
    fn what_a_newer_version_wrote_touches_everything() {
        assert_eq!(Touch::read("moons/phobos"), Touch::Everything);
        assert_eq!(Touch::read("tokens/not-an-id"), Touch::Everything);
    }
}
