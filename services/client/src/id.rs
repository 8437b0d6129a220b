//! Ids of users, API users, groups, tokens and their secrets, and the names that they have where a field may hold more
//! than one kind (`users/{id}`).
//!
//! An id has one spelling: the canonical lower-case form of a UUID (RFC 9562 §4). What is written otherwise is no id.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Why a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a UUID in its canonical form.
    #[error("must be a UUID in lower case, like 01890a5d-ac96-774b-bcce-b302099a8057")]
    NotAnId,
    /// Not the name of something of the wanted kind.
    #[error("must be {expected}")]
    NotAName {
        /// What would be right.
        expected: &'static str,
    },
}

fn parse_uuid(text: &str) -> Result<Uuid, IdError> {
    let id = Uuid::try_parse(text).map_err(|_| IdError::NotAnId)?;
    let canonical = id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
    if canonical { Ok(id) } else { Err(IdError::NotAnId) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with these 128 bits.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// Its 128 bits.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }

            /// Reads the canonical form.
            ///
            /// # Errors
            /// If `text` is anything else.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(out)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
    )+};
}

ids! {
    /// A person.
    UserId;
    /// A machine principal.
    ApiUserId;
    /// A set of principals.
    GroupId;
    /// A token: the resource that has a name and an owner. Its secrets come and go.
    TokenId;
    /// One secret of a token (RFC 7519 §4.1.7).
    Jti;
}

macro_rules! resource_names {
    ($($name:ident in $collection:literal;)+) => {$(
        impl $name {
            #[doc = concat!("`", $collection, "/{id}`")]
            #[must_use]
            pub fn resource_name(self) -> String {
                format!(concat!($collection, "/{}"), self)
            }

            #[doc = concat!("Reads `", $collection, "/{id}`.")]
            ///
            /// # Errors
            /// If `text` is anything else.
            pub fn parse_resource_name(text: &str) -> Result<Self, IdError> {
                let id = text.strip_prefix(concat!($collection, "/")).and_then(|id| Self::parse(id).ok());
                id.ok_or(IdError::NotAName { expected: concat!($collection, "/{id}") })
            }
        }
    )+};
}

resource_names! {
    UserId in "users";
    ApiUserId in "api-users";
    GroupId in "groups";
    TokenId in "tokens";
}

/// Which kind of principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// A person, who signs in.
    User,
    /// A machine, which does not.
    ApiUser,
}

/// Who owns tokens and holds grants. Written `users/{id}` or `api-users/{id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A person.
    User(UserId),
    /// A machine.
    ApiUser(ApiUserId),
}

impl Principal {
    /// Reads `users/{id}` or `api-users/{id}`.
    ///
    /// # Errors
    /// If `text` is neither.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let user = UserId::parse_resource_name(text).map(Self::User);
        user.or_else(|_| ApiUserId::parse_resource_name(text).map(Self::ApiUser))
            .map_err(|_| IdError::NotAName { expected: "users/{id} or api-users/{id}" })
    }

    /// The principal of this kind with this id.
    #[must_use]
    pub const fn new(kind: PrincipalKind, id: Uuid) -> Self {
        match kind {
            PrincipalKind::User => Self::User(UserId::new(id)),
            PrincipalKind::ApiUser => Self::ApiUser(ApiUserId::new(id)),
        }
    }

    /// Person or machine.
    #[must_use]
    pub const fn kind(self) -> PrincipalKind {
        match self {
            Self::User(_) => PrincipalKind::User,
            Self::ApiUser(_) => PrincipalKind::ApiUser,
        }
    }

    /// Its id, without the kind.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        match self {
            Self::User(id) => id.as_uuid(),
            Self::ApiUser(id) => id.as_uuid(),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(out, "users/{id}"),
            Self::ApiUser(id) => write!(out, "api-users/{id}"),
        }
    }
}

impl FromStr for Principal {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl From<UserId> for Principal {
    fn from(id: UserId) -> Self {
        Self::User(id)
    }
}

impl From<ApiUserId> for Principal {
    fn from(id: ApiUserId) -> Self {
        Self::ApiUser(id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn an_id_has_one_spelling() {
        let upper = ID.to_uppercase();
        let simple = ID.replace('-', "");
        for wrong in ["", "x", &upper, &simple, &format!("{{{ID}}}"), &format!("urn:uuid:{ID}"), &format!(" {ID}")] {
            assert_eq!(TokenId::parse(wrong), Err(IdError::NotAnId), "{wrong:?}");
        }
        assert_eq!(TokenId::parse(ID).expect("canonical").to_string(), ID);
    }

    #[test]
    fn a_principal_is_a_user_or_an_api_user_and_nothing_else() {
        let user = Principal::parse(&format!("users/{ID}")).expect("a user");
        let api_user = Principal::parse(&format!("api-users/{ID}")).expect("an API user");

        assert_eq!((user.kind(), api_user.kind()), (PrincipalKind::User, PrincipalKind::ApiUser));
        assert_eq!(user.uuid(), api_user.uuid());
        assert_ne!(user, api_user);
        for wrong in [ID, "users/", "users/x", &format!("groups/{ID}"), &format!("Users/{ID}"), &format!("users//{ID}")]
        {
            assert!(Principal::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn names_round_trip(bits: u128) {
            let id = Uuid::from_u128(bits);
            for principal in [Principal::new(PrincipalKind::User, id), Principal::new(PrincipalKind::ApiUser, id)] {
                prop_assert_eq!(Principal::parse(&principal.to_string()), Ok(principal));
            }
            let group = GroupId::new(id);
            prop_assert_eq!(GroupId::parse_resource_name(&group.resource_name()), Ok(group));
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text: String) {
            let _ = (Principal::parse(&text), Jti::parse(&text), TokenId::parse_resource_name(&text));
        }
    }
}
