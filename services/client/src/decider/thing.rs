//! What decisions rest on, as changes name it.

use crate::id::{GroupId, Jti, Principal, TokenId};
use crate::keyset::Kid;
use crate::resource::Resource;

/// Something that decisions rest on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Thing {
    /// `*`, and whatever cannot be read: all decisions.
    All,
    /// `keys/{kid}`
    Key(Kid),
    /// `groups/{id}`
    Group(GroupId),
    /// `endpoints/{name}` or `apis/{package.Service}/{Method}`
    Resource(Resource),
    /// `tokens/{id}`
    Token(TokenId),
    /// `jtis/{id}`
    Jti(Jti),
    /// `users/{id}` or `api-users/{id}`
    Principal(Principal),
}

impl Thing {
    /// Reads what a change touches. What cannot be read counts as all: a newer token service may name what this decider
    /// does not know, and too much forgotten is only slow.
    #[must_use]
    pub fn parse(touch: &str) -> Self {
        Self::read(touch).unwrap_or(Self::All)
    }

    fn read(touch: &str) -> Option<Self> {
        let (collection, id) = touch.split_once('/')?;
        match collection {
            "keys" => Kid::parse(id).map(Self::Key),
            "groups" => GroupId::parse(id).ok().map(Self::Group),
            "tokens" => TokenId::parse(id).ok().map(Self::Token),
            "jtis" => Jti::parse(id).ok().map(Self::Jti),
            "users" | "api-users" => Principal::parse(touch).ok().map(Self::Principal),
            "endpoints" | "apis" => Resource::parse(touch).ok().map(Self::Resource),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn each_kind_is_read_and_what_cannot_be_read_is_all() {
        let kid = Kid::of(&[3; 32]);
        assert_eq!(Thing::parse(&format!("keys/{kid}")), Thing::Key(kid));
        assert_eq!(Thing::parse(&format!("groups/{ID}")), Thing::Group(GroupId::parse(ID).expect("an id")));
        assert_eq!(Thing::parse(&format!("tokens/{ID}")), Thing::Token(TokenId::parse(ID).expect("an id")));
        assert_eq!(Thing::parse(&format!("jtis/{ID}")), Thing::Jti(Jti::parse(ID).expect("an id")));
        for owner in [format!("users/{ID}"), format!("api-users/{ID}")] {
            assert_eq!(Thing::parse(&owner), Thing::Principal(Principal::parse(&owner).expect("a principal")));
        }
        for resource in ["endpoints/sales", "apis/shop.v1.Orders/List"] {
            assert_eq!(Thing::parse(resource), Thing::Resource(Resource::parse(resource).expect("a resource")));
        }
        for unknown in ["*", "", "tokens", "tokens/", "tokens/x", "apis/shop.v1.Orders", "moons/1", "keys/short"] {
            assert_eq!(Thing::parse(unknown), Thing::All, "{unknown}");
        }
    }
}
